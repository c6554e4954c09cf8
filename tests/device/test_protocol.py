"""The protocol in both languages: golden frames, random damage, and one definition."""

import itertools
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.device.protocol import codes, frames, messages, stored, tensors
from edgekit.device.protocol.message import BY_TYPE, Message

REPOSITORY = Path(__file__).parents[2]
GOLDEN = json.loads((REPOSITORY / "tests/vectors/frames.json").read_text())
WIRE_SOURCES = ("firmware/lib/wire/src/wire/frame.cc",)
APP_SOURCES = (
    *WIRE_SOURCES,
    "firmware/lib/app/src/app/app.cc",
    "firmware/lib/app/src/app/info.cc",
    "firmware/lib/app/src/app/load.cc",
    "firmware/lib/app/src/app/mlperf_tiny.cc",
    "firmware/lib/app/src/app/sha256.cc",
)


@pytest.fixture(scope="session")
def cpp_decode(build_cpp: Callable[..., Path]) -> Callable[[bytes], tuple[list[frames.Frame], int]]:
    """The firmware's decoder as a program of this computer."""
    program = build_cpp("tests/native/decoder.cc", *WIRE_SOURCES)

    def decode(line: bytes) -> tuple[list[frames.Frame], int]:
        done = subprocess.run([program], input=line, capture_output=True, check=True)
        *received, last = done.stdout.decode().splitlines()
        rows = (frame.split(" ") for frame in received)
        decoded = [frames.Frame(int(v), int(t), int(s), bytes.fromhex(payload)) for v, t, s, payload in rows]
        return decoded, int(last.removeprefix("dropped "))

    return decode


def python_decode(line: bytes) -> tuple[list[frames.Frame], int]:
    decoder = frames.Decoder()
    return decoder.feed(line), decoder.dropped


@pytest.mark.parametrize("case", GOLDEN, ids=[case["name"] for case in GOLDEN])
def test_golden_frames_read_the_same_in_both_languages(case: dict[str, Any], cpp_decode: Callable[..., Any]) -> None:
    line = bytes.fromhex(case["line"])
    received = [frames.Frame(f["version"], f["type"], f["seq"], bytes.fromhex(f["payload"])) for f in case["frames"]]
    assert python_decode(line) == (received, case["dropped"])
    assert cpp_decode(line) == (received, case["dropped"])


def test_random_damage_reads_the_same_in_both_languages(cpp_decode: Callable[..., Any]) -> None:
    rng = random.Random(7)
    line, sent = bytearray(), 0
    for _ in range(4000):
        body = rng.randbytes(rng.choice((0, 1, 20, 200, 246)))
        if rng.random() < 0.3:
            body = bytes(len(body))
        frame = bytearray(
            frames.encode_frame(frames.Frame(rng.randrange(256), rng.randrange(256), sent & 0xFFFF, body))
        )
        sent += 1
        fate = rng.random()
        if fate < 0.1:
            frame[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
        elif fate < 0.2:
            del frame[rng.randrange(len(frame))]
        elif fate < 0.3:
            at = rng.randrange(len(frame))
            frame[at:at] = rng.randbytes(rng.randrange(1, 400))
        elif fate < 0.35:
            del frame[rng.randrange(len(frame)) :]
        line += frame
    received, dropped = python_decode(bytes(line))
    assert cpp_decode(bytes(line)) == (received, dropped)
    assert 0.6 * sent < len(received) < 0.95 * sent
    assert dropped > 500


@given(st.binary(max_size=1500), st.lists(st.integers(0, 1500), max_size=8))
def test_portions_in_which_bytes_arrive_do_not_matter(line: bytes, cuts: list[int]) -> None:
    decoder, received = frames.Decoder(), []
    bounds = [0, *sorted(cuts), len(line)]
    for begin, end in itertools.pairwise(bounds):
        received += decoder.feed(line[begin:end])
    assert (received, decoder.dropped) == python_decode(line)


@given(
    st.binary(max_size=frames.MAX_PAYLOAD_BYTES), st.integers(0, 255), st.integers(0, 0xFFFF), st.binary(max_size=40)
)
def test_a_frame_survives_any_noise_before_it(payload: bytes, kind: int, seq: int, noise: bytes) -> None:
    frame = frames.Frame(frames.VERSION, kind, seq, payload)
    decoded, _ = python_decode(noise + frames.encode_frame(frame))
    assert decoded[-1] == frame


@pytest.mark.parametrize("message", BY_TYPE.values(), ids=lambda cls: cls.__name__)
def test_every_message_comes_back_as_it_was_sent_and_refuses_another_length(message: type[Message]) -> None:
    rng = random.Random(message.TYPE)
    payload = bytes(rng.randrange(1, 127) for _ in range(message.FIXED.size + (30 if message.HAS_TAIL else 0)))
    one = message.unpack(payload)
    assert messages.message_of(python_decode(messages.encode(one, 5))[0][0]) == one
    if not message.HAS_TAIL:
        with pytest.raises(frames.WireError, match=message.__name__):
            message.unpack(payload + b"x")
    if message.FIXED.size:
        with pytest.raises(frames.WireError, match=message.__name__):
            message.unpack(payload[: message.FIXED.size - 1])


def test_a_message_of_another_version_or_type_is_refused_but_an_error_is_read() -> None:
    with pytest.raises(frames.WireError, match="version 9"):
        messages.message_of(frames.Frame(9, messages.Ping.TYPE, 0, b""))
    with pytest.raises(frames.WireError, match="0x7a"):
        messages.message_of(frames.Frame(frames.VERSION, 0x7A, 0, b""))
    error = messages.Error(codes.ErrorCode.BAD_VERSION, 9)
    assert messages.message_of(frames.Frame(9, messages.Error.TYPE, 0, error.pack())) == error


def test_what_does_not_fit_a_frame_is_refused() -> None:
    with pytest.raises(frames.WireError, match="does not fit"):
        messages.encode(messages.Ping(bytes(frames.MAX_PAYLOAD_BYTES + 1)))


def test_an_endless_line_without_delimiters_does_not_fill_the_memory() -> None:
    decoder = frames.Decoder()
    for _ in range(100):
        decoder.feed(b"y" * 1000)
    assert len(decoder.unframed()) <= 4 * frames.NOISE_BYTES
    assert decoder.feed(b"\0" + messages.encode(messages.Ping(b"still there")))[0].payload == b"still there"


def test_protocol_header_is_generated_from_this_module() -> None:
    done = subprocess.run(
        [sys.executable, REPOSITORY / "tools/gen_protocol", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_document_names_every_message_error_and_byte_of_info() -> None:
    text = (REPOSITORY / "firmware/PROTOCOL.md").read_text()
    flat = " ".join(text.split())
    snake = {cls: re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).upper() for cls in BY_TYPE.values()}
    told = dict(re.findall(r"^\| ([0-9A-F]{2}) \| ([A-Z_]+) \|", text, re.MULTILINE))
    assert told == {f"{cls.TYPE:02X}": name for cls, name in snake.items()}
    for code in codes.ErrorCode:
        words = code.name.lower().replace("_", " ").replace("op", "operator" if code.name.endswith("OP") else "op")
        assert code == 0 or f"{code.value} {words}" in flat
    for title, record in (
        (f"INFO, {messages.Info.FIXED.size} bytes", messages.Info),
        ("A tensor, 28 bytes", tensors.Tensor),
        ("## A stored model", stored.StoredModel),
        ("out of the flash, firmware running or not", stored.FirmwareDescription),
    ):  # fmt: skip
        table = text.partition(title)[2].partition("| --- | --- | --- |\n")[2].partition("\n\n")[0]
        rows = re.findall(r"^\| (\d+) \| (\d+) \| (.+) \|$", table, re.MULTILINE)
        ends = [int(offset) + int(size) for offset, size, _ in rows]
        assert [int(offset) for offset, _, _ in rows] == [0, *ends[:-1]]
        assert ends[-1] == record.FIXED.size
    for number in (
        frames.MAX_BODY_BYTES, frames.MAX_PAYLOAD_BYTES,
        messages.CHUNK_BYTES, messages.MAX_OUTPUT_BYTES, messages.RESULT_BYTES_A_FRAME, messages.MAX_LABEL_BYTES,
        messages.LABEL_BYTES_A_FRAME, messages.STEPS_A_FRAME,
    ):  # fmt: skip
        assert re.search(rf"\b{number}\b", text), number


def test_ten_million_random_and_mutated_bytes_harm_neither_decoder_nor_commands(build_cpp: Callable[..., Path]) -> None:
    program = build_cpp("firmware/fuzz/fuzz_app.cc", *APP_SOURCES, flags=("-DEDGEKIT_FUZZ_LOOP",))
    done = subprocess.run([program, "10000000"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.split()[0]) >= 10_000_000
