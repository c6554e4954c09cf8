"""What frames carry: each message as a value, and the numbers that both ends must share. Standard library only.

In: a frame that passed its CRC, or a message. Out: the message, or its bytes on the line.
`firmware/lib/wire/src/wire/protocol.h` is generated from this package (tools/gen_protocol);
`firmware/PROTOCOL.md` describes the same byte by byte.
"""

import math
import struct

from edgekit.device.protocol.codes import Backend, BoardKind, Decision, ModelSource
from edgekit.device.protocol.frames import VERSION, Frame, WireError, encode_frame
from edgekit.device.protocol.message import BY_TYPE, I16, U8, U16, U32, Hash, Message, Tail, Text
from edgekit.device.protocol.tensors import MAX_TENSORS, Tensor, bytes_of

CHUNK_BYTES = 240  # input bytes of one DATA frame; every chunk but the last is full
MAX_CHUNKS = 512  # the chunk map of one image: inputs up to 122,880 bytes
RESULT_BYTES_A_FRAME = 232  # output bytes that one RESULT holds; more come in several
MAX_OUTPUT_BYTES = MAX_CHUNKS * CHUNK_BYTES  # as many as of an input
LABEL_BYTES_A_FRAME = 240  # of the labels' text that one LABELS holds
MAX_LABEL_BYTES = 32_768  # of all labels: a thousand of them, long ones
STEPS_A_FRAME = 59  # steps of a profile that one STEPS frame holds
MIN_BAUD = 1200  # the lowest rate at which anyone would run a board
BAUD_TRIAL_MS = 1500  # a new baud rate is given up when no good frame came for so long


class Hello(Message, number=0x01):
    """Who are you? A nonce that the device has not seen last begins a new session: half-loaded images are dropped."""

    nonce: U32


class Ping(Message, number=0x02):
    """Sent back as PONG, byte for byte."""

    data: Tail


class Data(Message, number=0x03):
    """One chunk of image `seq`. Not answered: INFER asks for what is missing. `offset` is a multiple of CHUNK_BYTES.

    The device holds one image with an odd number and one with an even: a third drives out the one of its kind.
    """

    offset: U32
    data: Tail


class Infer(Message, number=0x04):
    """Run image `seq`. Answered by RESULT, by MISSING, or by ERROR; a repeat gets the same RESULT without a run."""

    input_bytes: U32
    input_crc: U32


class SetBaud(Message, number=0x05):
    """Change the rate. BAUD goes out at the old rate; then the new one is on trial until a good frame comes."""

    baud: U32


class RawEcho(Message, number=0x06):
    """After ECHO_READY the next `count` bytes come back as they are, unframed: the yardstick for the overhead.
    A second of silence ends it early."""

    count: U32


class Profile(Message, number=0x07):
    """What did each step of the latest run cost, from step `first` on? Answered by STEPS. Firmware that was built
    without a profile does not know this type: it answers ERROR with BAD_TYPE."""

    first: U16


class AskLabels(Message, number=0x08):
    """What are the answers called? Answered by LABELS, from the byte `offset` of their text on."""

    offset: U32


class Info(Message, number=0x81):
    """The device's identity, its model and its figures. Ranges travel as the bits of an IEEE-754 single; a figure that
    a board cannot know is 0. The tail describes inputs and outputs: a `Tensor` each."""

    nonce: U32
    board: U8
    backend: U8
    model_error: U16  # ErrorCode of loading the model
    error_detail: U32  # of that error; where there is none, of `stored_error`
    model_sha256: Hash
    inputs: U8  # how many
    outputs: U8  # likewise
    decision: U8
    positive: U8  # the number of the answer that is looked for, where a threshold decides
    source: U8  # ModelSource
    label_bytes: U32  # of the labels' text; 0 where the firmware holds none
    input_low_bits: U32  # what the model takes a black pixel and a white one for; both 0 where that is unknown
    input_high_bits: U32
    margin_q: I16
    stored_error: U16  # ErrorCode: why the model in the board's partition does not run; OK where none lies there
    arena_bytes: U32
    ram_bytes: U32  # all data memory in use, arena and stack included
    flash_bytes: U32  # program and constants, the model included
    model_bytes: U32  # constants of the model alone
    clock_hz: U32
    window_bytes: U32  # what the board takes in while it runs the model: the next image travels if it fits
    baud: U32
    max_baud: U32
    chip: Text
    build_id: Text
    tail: Tail

    def faults(self) -> list[str]:
        """The values that make no sense, in words."""
        binary = self.values == 2 and self.positive < 2
        most, ends = MAX_CHUNKS * CHUNK_BYTES, self.inputs + self.outputs
        faults = {
            f"board {self.board}": self.board not in BoardKind.__members__.values(),
            f"backend {self.backend}": self.backend not in Backend.__members__.values(),
            f"model source {self.source}": self.source not in ModelSource.__members__.values(),
            f"a rate of {min(self.baud, self.max_baud)} baud": min(self.baud, self.max_baud) < MIN_BAUD,
            f"{self.inputs} inputs and {self.outputs} outputs": not self.inputs
            or not self.outputs
            or not ends == len(self.tensors) <= MAX_TENSORS,
            **dict.fromkeys((fault for one in self.input_tensors for fault in one.faults("an input")), True),
            **dict.fromkeys((fault for one in self.output_tensors for fault in one.faults("an output")), True),
            f"an input of {' and '.join(map(str, self.input_tensors))}": not 0 < self.input_bytes <= most,
            f"{self.output_bytes} bytes of outputs": not 0 < self.output_bytes <= MAX_OUTPUT_BYTES,
            f"{self.label_bytes} bytes of labels": self.label_bytes > MAX_LABEL_BYTES,
            f"decision {self.decision}": self.decision not in Decision.__members__.values(),
            f"a threshold of {self.values} outputs": self.decision == Decision.THRESHOLD and not binary,
            f"an input range of {self.input_range}": not all(map(math.isfinite, self.input_range or ())),
        }
        # where the model did not load, its shape is nobody's business
        return [fault for fault, there in list(faults.items())[: 4 if self.model_error else None] if there]

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All inputs, then all outputs."""
        size = Tensor.FIXED.size
        return tuple(Tensor.unpack(self.tail[at : at + size]) for at in range(0, len(self.tail) // size * size, size))

    @property
    def input_tensors(self) -> tuple[Tensor, ...]:
        """In the model's order."""
        return self.tensors[: self.inputs]

    @property
    def output_tensors(self) -> tuple[Tensor, ...]:
        """Likewise."""
        return self.tensors[self.inputs :]

    @property
    def input_bytes(self) -> int:
        """Bytes of all inputs of one run."""
        return bytes_of(self.input_tensors)

    @property
    def output_bytes(self) -> int:
        """Bytes of all outputs of one run."""
        return bytes_of(self.output_tensors)

    @property
    def values(self) -> int:
        """How many values the model gives."""
        return sum(tensor.size for tensor in self.output_tensors)

    @property
    def has_clock(self) -> bool:
        """Whether the times that the board tells mean anything: an emulated ESP32's are the computer's."""
        return self.board != BoardKind.EMULATED or self.clock_hz > 0

    @property
    def input_range(self) -> tuple[float, float] | None:
        """What a black pixel and a white one enter the model as; None where the firmware does not know."""
        known = (self.input_low_bits, self.input_high_bits) != (0, 0)
        return _singles(self.input_low_bits, self.input_high_bits) if known else None


class Pong(Message, number=0x82):
    """The answer to PING."""

    data: Tail


class Missing(Message, number=0x83):
    """Chunks of image `seq` that have not arrived, or all of them where the whole has another CRC than INFER said:
    bit `i % 8` of byte `i // 8` stands for the chunk at offset `i * CHUNK_BYTES`."""

    chunks: Tail


class Result(Message, number=0x84):
    """The bytes of the outputs from `offset` on, RESULT_BYTES_A_FRAME of them but for the last RESULT of an answer; the
    time of the run on the device's clock, the CRC of the input that was used."""

    invoke_us: U32
    input_crc: U32
    offset: U32
    outputs: Tail

    def is_part_of(self, output_bytes: int) -> bool:
        """Whether it holds what a RESULT holds from its offset on, of so many bytes."""
        expected = min(output_bytes - self.offset, RESULT_BYTES_A_FRAME)
        return self.offset % RESULT_BYTES_A_FRAME == 0 and len(self.outputs) == expected


class Baud(Message, number=0x85):
    """The answer to SET_BAUD: the rate that comes next."""

    baud: U32


class EchoReady(Message, number=0x86):
    """The answer to RAW_ECHO."""

    count: U32


class StepTicks(Message, number=0x87):
    """The answer to PROFILE: of `steps` steps in all, the clock ticks of those from `first` on, u32 each, at most
    STEPS_A_FRAME of them."""

    tick_hz: U32
    steps: U16
    first: U16
    ticks: Tail


class Labels(Message, number=0x88):
    """The answer to ASK_LABELS: the names of the answers in UTF-8, each with a zero behind it, from the byte `offset`
    of them all on, LABEL_BYTES_A_FRAME of them but at the end."""

    offset: U32
    text: Tail


class Error(Message, number=0xFF):
    """A refusal; `seq` is that of the frame refused."""

    code: U16
    detail: U32


def _singles(*bits: int) -> tuple[float, float]:
    return struct.unpack("<2f", struct.pack("<2I", *bits))


def message_of(frame: Frame) -> Message:
    """The typed payload of a frame.
    Raises WireError: version, type or length unknown to this protocol version. ERROR is read in every version."""
    if frame.version != VERSION and frame.type != Error.TYPE:
        raise WireError(f"protocol version {frame.version}, not {VERSION}")
    if frame.type not in BY_TYPE:
        raise WireError(f"message type 0x{frame.type:02x} is unknown")
    return BY_TYPE[frame.type].unpack(frame.payload)


def encode(message: Message, seq: int = 0) -> bytes:
    """The bytes of one message on the line."""
    return encode_frame(Frame(VERSION, message.TYPE, seq & 0xFFFF, message.pack()))


def chunks_of(input_bytes: int) -> int:
    """How many DATA frames an image takes."""
    return -(-input_bytes // CHUNK_BYTES)


def framed_bytes(input_bytes: int) -> int:
    """Of a whole image on the line, its question included."""
    return chunks_of(input_bytes) * len(encode(Data(0, bytes(CHUNK_BYTES)))) + 64


def answer_bytes(output_bytes: int) -> int:
    """Of so many bytes of outputs on the line."""
    a_frame = min(output_bytes, RESULT_BYTES_A_FRAME)
    return -(-output_bytes // RESULT_BYTES_A_FRAME) * len(encode(Result(0, 0, 0, bytes(a_frame))))
