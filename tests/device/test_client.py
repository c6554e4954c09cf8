"""The conversation with a real firmware, over good lines and bad ones."""

import dataclasses
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from edgekit.device.client import Client
from edgekit.device.link import open_link
from edgekit.device.protocol import codes, frames, messages
from edgekit.device.protocol.codes import ErrorCode
from edgekit.device.protocol.message import Message
from edgekit.errors import EdgekitError
from edgekit.runtimes import tflm
from edgekit.tflite.quantize import to_int8
from edgekit.values.images import ImageSet
from edgekit.values.model import TfliteModel


def inputs_of(xrays: ImageSet, count: int = 100) -> list[tuple[str, bytes]]:
    return [(name, to_int8(image).tobytes()) for name, image in zip(xrays.ids[:count], xrays.images, strict=False)]


def expected_of(model: TfliteModel, xrays: ImageSet, count: int = 100) -> dict[str, bytes]:
    logits = tflm.run(model, xrays.images[:count])
    return {name: row.tobytes() for name, row in zip(xrays.ids, logits, strict=False)}


def test_hello_tells_who_the_board_is(client: Client, model: TfliteModel) -> None:
    info = client.hello()
    assert info.model_sha256.hex() == model.sha256
    assert (info.board, info.backend, info.chip) == (codes.BoardKind.NATIVE, codes.Backend.AOT, "native")
    (taken,), (given,) = info.input_tensors, info.output_tensors
    assert [(one.shape, one.type_name) for one in (taken, given)] == [((32, 32, 1), "int8"), ((2,), "int8")]
    assert (taken.scale, given.scale) == pytest.approx((model.input_q.scale, model.output_q.scale))  # type: ignore[union-attr]
    assert (taken.zero_point, given.zero_point) == (-128, model.output_q.zero_point)  # type: ignore[union-attr]
    assert info.model_bytes == len(model.flatbuffer)
    assert info.arena_bytes > 0


def test_outputs_are_the_desktops_bytes(client: Client, model: TfliteModel, xrays: ImageSet) -> None:
    outcomes = list(client.infer(inputs_of(xrays)))
    assert {o.key: o.outputs for o in outcomes} == expected_of(model, xrays)
    assert client.counts.lost_chunks == client.counts.broken_frames == 0


@pytest.mark.parametrize(("damage", "count"), [(0.001, 100), (0.005, 40)])
def test_a_bad_byte_in_1000_or_in_200_changes_no_output_and_is_reported(
    through: Callable[..., Client], model: TfliteModel, xrays: ImageSet, damage: float, count: int
) -> None:
    client = through(damage=damage, split=True, seed=3)
    outcomes = list(client.infer(inputs_of(xrays, count)))
    assert {o.key: o.outputs for o in outcomes} == expected_of(model, xrays, count)
    assert client.proxy.damaged > 50  # type: ignore[attr-defined]
    assert 20 < client.counts.retries < 4 * client.proxy.damaged  # what was lost, not whole images


def test_delays_and_split_portions_change_nothing(
    through: Callable[..., Client], model: TfliteModel, xrays: ImageSet
) -> None:
    client = through(delay_s=0.004, split=True, seed=4)
    outcomes = list(client.infer(inputs_of(xrays, 8)))
    assert {o.key: o.outputs for o in outcomes} == expected_of(model, xrays, 8)


def test_a_repeated_question_is_answered_again_without_a_second_run(client: Client, xrays: ImageSet) -> None:
    client.hello()
    image = inputs_of(xrays, 1)[0][1]
    for at in range(0, len(image), messages.CHUNK_BYTES):
        client.link.write(messages.encode(messages.Data(at, image[at : at + messages.CHUNK_BYTES]), 9))
    question = messages.encode(messages.Infer(len(image), zlib.crc32(image)), 9)
    first, second = exchange(client, question), exchange(client, question)
    assert isinstance(first, messages.Result)
    assert first == second  # the time of the run too: a second run would hardly take the same microseconds
    assert first.invoke_us > 0


def test_the_next_image_travels_before_the_present_one_is_answered(client: Client, xrays: ImageSet) -> None:
    begun: list[str] = []

    def watched() -> Iterator[tuple[str, bytes]]:
        for item in inputs_of(xrays, 4):
            begun.append(item[0])
            yield item

    outcomes = client.infer(watched())
    next(outcomes)
    assert len(begun) == 2


def exchange(client: Client, line: bytes) -> Message | None:
    client.link.write(line)
    decoder, until = frames.Decoder(), time.monotonic() + 1
    while time.monotonic() < until:
        for frame in decoder.feed(client.link.read(0.2)):
            return messages.message_of(frame)
    return None


def framed(kind: int, payload: bytes, version: int = frames.VERSION) -> bytes:
    return frames.encode_frame(frames.Frame(version, kind, 1, payload))


@pytest.mark.parametrize(
    ("line", "code", "detail"),
    [
        (framed(messages.Hello.TYPE, b"123"), ErrorCode.BAD_LENGTH, 4),
        (framed(messages.Hello.TYPE, b"12345"), ErrorCode.BAD_LENGTH, 4),
        (framed(messages.Ping.TYPE, b"", version=7), ErrorCode.BAD_VERSION, frames.VERSION),
        (framed(0x55, b""), ErrorCode.BAD_TYPE, 0x55),
        (framed(messages.Result.TYPE, bytes(10)), ErrorCode.BAD_TYPE, messages.Result.TYPE),
        (framed(messages.Data.TYPE, b"12"), ErrorCode.BAD_LENGTH, 4),
        (framed(messages.Data.TYPE, messages.Data(1024, b"x").pack()), ErrorCode.BAD_OFFSET, 1024),
        (framed(messages.Data.TYPE, messages.Data(0xFFFFFF00, bytes(240)).pack()), ErrorCode.BAD_OFFSET, 0xFFFFFF00),
        (framed(messages.Data.TYPE, messages.Data(7, bytes(240)).pack()), ErrorCode.BAD_OFFSET, 7),
        (framed(messages.Data.TYPE, messages.Data(0, bytes(239)).pack()), ErrorCode.BAD_LENGTH, 244),
        (framed(messages.Data.TYPE, messages.Data(960, bytes(240)).pack()), ErrorCode.BAD_LENGTH, 68),
        (framed(messages.Infer.TYPE, messages.Infer(1023, 0).pack()), ErrorCode.BAD_LENGTH, 1024),
        (framed(messages.SetBaud.TYPE, messages.SetBaud(0).pack()), ErrorCode.BAD_BAUD, 115200),
        (framed(messages.SetBaud.TYPE, messages.SetBaud(9_000_000).pack()), ErrorCode.BAD_BAUD, 115200),
    ],
)
def test_a_frame_out_of_range_gets_a_typed_error_and_the_board_goes_on(
    client: Client, line: bytes, code: ErrorCode, detail: int
) -> None:
    client.hello()
    assert exchange(client, line) == messages.Error(code, detail)
    assert client.ping(b"still there")


def test_a_rate_is_refused_while_an_image_is_half_loaded(client: Client) -> None:
    client.hello()
    client.link.write(messages.encode(messages.Data(0, bytes(240)), 4))
    with pytest.raises(EdgekitError, match="busy"):
        client.negotiate(230400)


def test_an_input_of_the_wrong_size_is_named_before_it_is_sent(client: Client) -> None:
    with pytest.raises(EdgekitError, match=r"small\.png has 100 bytes.*takes 1024 \(32 x 32 x 1 int8\)"):
        list(client.infer([("small.png", bytes(100))]))


def test_a_higher_rate_is_agreed_on(client: Client) -> None:
    assert client.negotiate(921600) == 921600
    assert client.hello().baud == 921600


def test_a_rate_at_which_nothing_arrives_is_given_up_by_both_ends(
    through: Callable[..., Client], xrays: ImageSet
) -> None:
    dead_until = 0.0

    def at_the_new_rate(direction: str, data: bytes) -> bool:
        nonlocal dead_until
        # the answer to SET_BAUD passes, what follows not
        if direction == "down" and b"\x85" in data and not dead_until:
            dead_until = time.monotonic() + 2.2
            return False
        return time.monotonic() < dead_until

    client = through(watch=at_the_new_rate)
    assert client.hello().baud == 115200
    assert client.negotiate(921600) == 115200
    assert client.hello().baud == 115200
    assert client.counts.retries == 1
    assert len(list(client.infer(inputs_of(xrays, 3)))) == 3


def test_a_board_that_falls_silent_is_given_up_within_10_seconds(
    through: Callable[..., Client], xrays: ImageSet
) -> None:
    silent = threading.Event()
    client = through(watch=lambda direction, data: silent.is_set())
    outcomes = client.infer(inputs_of(xrays))
    next(outcomes)
    silent.set()
    begin = time.monotonic()
    with pytest.raises(EdgekitError, match=r"vanished.*no answer") as caught:
        list(outcomes)
    assert time.monotonic() - begin < 10
    assert "--resume" in caught.value.hint


@contextmanager
def imposter(*says: bytes, answers: bytes = b"") -> Iterator[str]:
    """A port at which something other than edgekit's firmware talks."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            try:
                host, _ = listener.accept()
                with host:
                    for words in says:
                        host.sendall(words)
                    while host.recv(1000):
                        host.sendall(answers)
            except OSError:
                pass

        threading.Thread(target=talk, daemon=True).start()
        yield f"socket://127.0.0.1:{listener.getsockname()[1]}"


def info_frame(**changes: object) -> messages.Info:
    values: dict[str, object] = {field.name: 0 for field in dataclasses.fields(messages.Info)}
    values |= {"model_sha256": bytes(32), "chip": "esp32", "build_id": "", "tail": b""}
    return messages.Info(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("says", "message", "hint"),
    [
        (b"", "Nothing answers", "EN"),
        (b"I (312) app_main: Hello world, this is another program\r\n", "other firmware.*Hello world", "Flash"),
        (bytes(range(128, 256)) * 3, "no sense at this baud rate", "EN"),
    ],
    ids=["silence", "other firmware", "baud garbage"],
)
def test_what_is_not_edgekits_firmware_is_recognised(says: bytes, message: str, hint: str) -> None:
    with imposter(says) as port:
        link = open_link(port)
        with pytest.raises(EdgekitError, match=message) as caught:
            Client(link).hello(limit_s=0.5)
        assert hint in caught.value.hint
        link.close()


@pytest.mark.parametrize(
    "answer",
    [
        frames.encode_frame(frames.Frame(9, messages.Info.TYPE, 0, bytes(7))),
        frames.encode_frame(frames.Frame(9, messages.Error.TYPE, 0, messages.Error(ErrorCode.BAD_VERSION, 9).pack())),
        bytes.fromhex("00 03 01 ff 01 02 01 02 01 01 01 05 c3 bb e7 36 00"),  # what firmware of version 1 said
        bytes.fromhex("00 03 02 ff 01 02 01 02 02 01 01 05 2e af 65 cf 00"),
    ],
    ids=["its INFO", "its refusal", "the refusal of version 1", "the refusal of version 2"],
)
def test_firmware_of_another_protocol_version_is_named_as_older_or_newer(answer: bytes) -> None:
    with imposter(answers=answer) as port:
        link = open_link(port)
        with pytest.raises(EdgekitError, match=r"speaks protocol version [129], this edgekit 3") as caught:
            Client(link).hello(limit_s=2)
        newer = "version 9" in caught.value.message
        assert ("a newer edgekit's" if newer else "an older edgekit's") in caught.value.message
        assert caught.value.hint.startswith("Update edgekit" if newer else "Flash the firmware")
        link.close()


@pytest.mark.parametrize(
    ("code", "detail", "message"),
    [
        (ErrorCode.ARENA_TOO_SMALL, 65536, "more working memory than the 65536 bytes"),
        (ErrorCode.NO_MODEL, 0, "no usable model"),
        (ErrorCode.UNSUPPORTED_OP, 17, "operator MAX_POOL_2D"),
        (ErrorCode.UNSUPPORTED_OP, 9999, "operator 9999"),
        (ErrorCode.INPUT_TOO_LARGE, 500, "larger than the 500 bytes"),
    ],
)
def test_a_board_whose_model_did_not_load_says_why(code: ErrorCode, detail: int, message: str) -> None:
    client = Client(open_link_to_nothing())
    client.info = info_frame(model_error=code, error_detail=detail)
    with pytest.raises(EdgekitError, match=message):
        next(client.infer([("a", b"x")]))
    client.link.close()


def open_link_to_nothing() -> "object":
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return open_link(f"socket://127.0.0.1:{listener.getsockname()[1]}")


def test_images_of_an_earlier_session_are_forgotten(client: Client, xrays: ImageSet, model: TfliteModel) -> None:
    list(client.infer(inputs_of(xrays, 3)))
    again = Client(client.link)  # counts its images from 1 again
    rows = xrays.take(np.arange(50, 53))
    outcomes = list(again.infer(inputs_of(rows, 3)))
    assert {o.key: o.outputs for o in outcomes} == expected_of(model, rows, 3)
