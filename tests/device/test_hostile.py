"""Devices that answer everything, and never what was asked: none holds the host, fills its memory or ends in a
traceback."""

import itertools
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from edgekit.device import retransmit, selftest
from edgekit.device.client import Client
from edgekit.device.connection import check_model, device_json
from edgekit.device.link import WRITE_LIMIT_S, open_link
from edgekit.device.profile import profile
from edgekit.device.protocol import codes, messages
from edgekit.device.protocol.frames import VERSION, Decoder, Frame, encode_frame
from edgekit.device.protocol.message import Message
from edgekit.device.protocol.tensors import Tensor
from edgekit.errors import EdgekitError
from edgekit.values.model import TfliteModel

IMAGE = Tensor(codes.ElementType.INT8, 3, -128, 0x3B808081, (32, 32, 1, 0, 0))
TWO_VALUES = Tensor(codes.ElementType.INT8, 1, 0, 0x3D800000, (2, 0, 0, 0, 0))
INFO = messages.Info(
    nonce=0, board=codes.BoardKind.REAL, backend=codes.Backend.AOT, model_error=0, error_detail=0,
    model_sha256=bytes(32), inputs=1, outputs=1, decision=0, positive=0, source=0, label_bytes=0, input_low_bits=0,
    input_high_bits=0, margin_q=0, stored_error=0, arena_bytes=1, ram_bytes=0, flash_bytes=0, model_bytes=1, clock_hz=0,
    window_bytes=0, baud=115200, max_baud=921600, chip="esp32", build_id="of no one",
    tail=IMAGE.pack() + TWO_VALUES.pack(),
)  # fmt: skip
Answer = Callable[[Message, int], bytes]


def info_with(**changes: Any) -> messages.Info:
    """INFO with other fields, or with others of its `input` or its `output`."""
    ends = (replace(IMAGE, **changes.pop("input", {})), replace(TWO_VALUES, **changes.pop("output", {})))
    return replace(INFO, **{"tail": b"".join(end.pack() for end in ends), **changes})


@contextmanager
def device(answer: Answer, info: messages.Info = INFO, every_s: float = 0.0) -> Iterator[Client]:
    """A client of a device that greets with `info` and says `answer(message, seq)` to all else, and, with `every_s`,
    again and again to the latest."""
    latest: list[tuple[Message, int]] = []

    def talk(host: socket.socket) -> None:
        decoder = Decoder()
        host.settimeout(every_s or None)
        while True:
            try:
                heard = host.recv(65536)
                if not heard:
                    return
            except TimeoutError:
                heard = b""
                host.sendall(b"".join(itertools.starmap(answer, latest)))
            for frame in decoder.feed(heard):
                message = messages.message_of(frame)
                if isinstance(message, messages.Hello):
                    host.sendall(messages.encode(replace(info, nonce=message.nonce), frame.seq))
                elif not isinstance(message, messages.Data):
                    latest[:] = [(message, frame.seq)]
                    host.sendall(answer(message, frame.seq))

    def serve() -> None:
        try:
            with listener.accept()[0] as host:
                talk(host)
        except OSError:
            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        link = open_link(f"socket://127.0.0.1:{listener.getsockname()[1]}")
        yield Client(link)
        link.close()


def dwindling() -> Answer:
    missing = itertools.count(1000, -1)
    return lambda message, seq: messages.encode(messages.Missing(bytes([next(missing) & 15])), seq)


@pytest.mark.parametrize(
    "answer",
    [
        lambda message, seq: messages.encode(messages.Pong(b"still here"), seq),
        lambda message, seq: messages.encode(messages.StepTicks(1, 1, 0, b""), seq),
        lambda message, seq: messages.encode(messages.Result(1, 99, 0, b"no"), seq ^ 1),
        lambda message, seq: messages.encode(messages.Missing(b"\x01"), seq),
        dwindling(),
    ],
    ids=["PONG", "STEP_TICKS", "another image's RESULT", "MISSING", "MISSING less and less"],
)
def test_frames_without_an_end_hold_no_image_longer_than_its_turn(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retransmit, "TURN_LIMIT_S", 2.0)
    with device(answer, every_s=0.15) as client:
        begin = time.monotonic()
        with pytest.raises(EdgekitError, match=r"a\.png did not reach the board .* whole, or was not answered, in"):
            list(client.infer([("a.png", bytes(1024))]))
        assert time.monotonic() - begin < 4


def test_a_turn_and_a_write_that_blocks_end_within_30_seconds() -> None:
    line_s = 4400 * 10 / 115200  # of an input of 64x64
    assert retransmit.TURN_LIMIT_S + retransmit.UPLOADS_A_TURN * line_s + WRITE_LIMIT_S + line_s < 30


def test_a_device_that_takes_no_byte_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgekit.device.link.WRITE_LIMIT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link = open_link(f"socket://127.0.0.1:{listener.getsockname()[1]}")
        link.baud = 10**9  # more than the system's buffers take must be written
        begin = time.monotonic()
        with pytest.raises(EdgekitError, match="vanished"):
            link.write(bytes(50_000_000))
        assert time.monotonic() - begin < 3
        link.close()


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"board": 77}, "board 77"),
        ({"backend": 9}, "backend 9"),
        ({"outputs": 0}, "1 inputs and 0 outputs"),
        ({"inputs": 3}, "3 inputs and 1 outputs"),
        ({"tail": IMAGE.pack()}, "1 inputs and 1 outputs"),
        ({"output": {"dimensions": (122_881, 0, 0, 0, 0)}}, "122881 bytes of outputs"),
        ({"output": {"dimensions": (61_441, 0, 0, 0, 0), "type": 7}}, "122882 bytes of outputs"),
        ({"input": {"dimensions": (2**32 - 1,) * 5, "rank": 5}}, "an input of (4294967295 x ){4}4294967295 int8"),
        ({"input": {"dimensions": (0, 32, 1, 0, 0)}}, "an input of 0 x 32 x 1 int8"),
        ({"input": {"rank": 0}}, "an input of 0 dimensions"),
        ({"input": {"rank": 6}}, "an input of 6 dimensions"),
        ({"input": {"type": 3}}, "an input of element type 3"),
        ({"label_bytes": 32_769}, "32769 bytes of labels"),
        ({"decision": 3}, "decision 3"),
        ({"decision": 2, "output": {"dimensions": (3, 0, 0, 0, 0)}}, "a threshold of 3 outputs"),
        ({"decision": 2, "positive": 2}, "a threshold of 2 outputs"),
        ({"max_baud": 0}, "a rate of 0 baud"),
        ({"input": {"scale_bits": 0x7FC00000}}, "a scale of nan"),
        ({"output": {"scale_bits": 0x7F800000}}, "a scale of inf"),
        ({"output": {"scale_bits": 0x80000001}}, "a scale of -1.4"),
        ({"input_high_bits": 0xFFC00000}, r"an input range of \(0.0, nan\)"),
        ({"board": 3, "outputs": 0}, "board 3, 1 inputs and 0 outputs"),
    ],
    ids=str,
)
def test_an_info_that_makes_no_sense_is_refused_by_name(changes: dict[str, Any], names: str) -> None:
    refused = pytest.raises(EdgekitError, match=f"its INFO makes no sense: {names}")
    with device(lambda message, seq: b"", info_with(**changes)) as client, refused as caught:
        client.hello()
    assert "Flash" in caught.value.hint


def test_a_board_whose_model_did_not_load_is_understood_and_refused_before_anything_is_sent(
    model: TfliteModel,
) -> None:
    info = replace(INFO, model_error=codes.ErrorCode.NO_MODEL, inputs=0, outputs=0, tail=b"")
    with device(lambda message, seq: b"", info) as client, pytest.raises(EdgekitError, match="no usable model"):
        check_model(client.hello(), model)


@pytest.mark.parametrize(
    "answer",
    [
        lambda text, offset: messages.Labels(offset + 1, text),
        lambda text, offset: messages.Labels(offset, b""),
        lambda text, offset: messages.Labels(offset, text[:-1]),
        lambda text, offset: messages.Labels(offset, b"a" * len(text)),
        lambda text, offset: messages.Labels(offset, bytes(len(text))),
    ],
    ids=["another piece", "nothing", "less", "no end", "too many"],
)
def test_labels_that_make_no_sense_are_refused(answer: Callable[[bytes, int], messages.Labels]) -> None:
    text = b"NORMAL\0PNEUMONIA\0"

    def say(message: Message, seq: int) -> bytes:
        assert isinstance(message, messages.AskLabels)
        return messages.encode(answer(text, message.offset), seq)

    with device(say, replace(INFO, label_bytes=len(text))) as client:
        client.hello()
        with pytest.raises(EdgekitError, match=r"its labels make no sense|labels for 2 outputs") as caught:
            assert client.labels
        assert "Flash" in caught.value.hint


def test_labels_that_come_slowly_piece_by_piece_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgekit.device.client.LABELS_LIMIT_S", 0.5)
    text = (b"a" * 16_383 + b"\0") * 2  # of the two outputs: nothing else is wrong with them

    def crawl(message: Message, seq: int) -> bytes:
        assert isinstance(message, messages.AskLabels)
        time.sleep(0.2)
        return messages.encode(
            messages.Labels(message.offset, text[message.offset :][: messages.LABEL_BYTES_A_FRAME]), seq
        )

    with device(crawl, replace(INFO, label_bytes=len(text))) as client:
        client.hello()
        begin = time.monotonic()
        with pytest.raises(EdgekitError, match="its labels make no sense, or come too slowly") as caught:
            assert client.labels
        assert time.monotonic() - begin < 15
        assert "Flash" in caught.value.hint


def test_a_part_of_the_outputs_that_is_none_is_asked_for_again_until_the_image_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edgekit.device.client.RETRY_LIMIT", 5)
    image, parts = bytes(1024), itertools.cycle([(0, 231), (1, 232), (464, 232), (2**32 - 232, 232), (696, 0)])

    def answer(message: Message, seq: int) -> bytes:
        offset, size = next(parts)
        return messages.encode(messages.Result(1, zlib.crc32(image), offset, bytes(size)), seq)

    with (
        device(answer, info_with(output={"dimensions": (640, 0, 0, 0, 0)})) as client,
        pytest.raises(EdgekitError, match=r"a\.png did not reach"),
    ):
        list(client.infer([("a.png", image)]))


def test_a_board_that_names_the_model_and_another_input_is_refused(model: TfliteModel) -> None:
    info = info_with(model_sha256=bytes.fromhex(model.sha256), input={"dimensions": (64, 32, 1, 0, 0)})
    with pytest.raises(EdgekitError, match=r"takes 64 x 32 x 1 int8 and gives 2 int8; it takes 32 x 32 x 1 int8"):
        check_model(info, model)


def test_control_codes_in_the_boards_texts_reach_no_terminal() -> None:
    said = device_json(messages.Info.unpack(replace(INFO, chip="\x1b[2Jesp32", build_id="\x07\x9b").pack()))
    assert (said["chip"], said["build_id"]) == ("\\u001b[2Jesp32", "\\u0007\\u009b")


@pytest.mark.parametrize("payload", [b"", bytes(3)])
def test_an_answer_of_the_wrong_length_is_asked_for_again(payload: bytes) -> None:
    def answer(message: Message, seq: int) -> bytes:
        broken = b"".join(encode_frame(Frame(VERSION, kind, seq, payload)) for kind in (0x85, 0x55))
        return broken + messages.encode(messages.Baud(9600), seq)

    with device(answer) as client:
        client.hello()
        assert client.ask(messages.SetBaud(9600), messages.Baud).baud == 9600


def test_a_profile_that_is_told_a_step_at_a_time_or_never_ends_makes_no_sense() -> None:
    image = bytes(1024)

    def answer(message: Message, seq: int) -> bytes:
        if isinstance(message, messages.Infer):
            return messages.encode(messages.Result(1, zlib.crc32(image), 0, b"ab"), seq)
        assert isinstance(message, messages.Profile)
        return messages.encode(messages.StepTicks(10**9, 65535, message.first, struct.pack("<I", 1)), seq)

    with device(answer) as client:
        client.hello()
        with pytest.raises(EdgekitError, match="profile makes no sense"):
            profile(client, image)


def trickle(message: messages.Message, seq: int) -> bytes:
    return b"" if isinstance(message, messages.Ping) else messages.encode(messages.EchoReady(1), seq)


def test_an_echo_that_comes_back_a_byte_at_a_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "ROUND_LIMIT_S", 1.0)
    with device(trickle, every_s=0.05) as client:
        began = time.monotonic()
        with pytest.raises(EdgekitError, match=r"of 23,040 bytes came back in 1 s"):
            selftest.round_trips_s(client, 96 * messages.CHUNK_BYTES)
        assert time.monotonic() - began < 5.0


def test_a_line_whose_every_round_is_slow_is_given_up_after_the_limit_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "LINE_LIMIT_S", 1.0)
    with device(trickle, replace(INFO, baud=4_000_000), every_s=0.05) as client:
        client.hello()
        began = time.monotonic()
        check = selftest.line_check(client)
        assert time.monotonic() - began < 5.0
    assert not check.passed
    assert "of 24,000 bytes came back in 1 s" in check.found
