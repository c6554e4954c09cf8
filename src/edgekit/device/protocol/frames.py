"""Frames on the line: bytes in, frames out, and back. No I/O, standard library only.

In: bytes as they came off the line, with whatever noise was between them. Out: frames that passed their CRC.

A frame on the line is `00 COBS(body) 00`; a body is `version type seq(2) payload crc32(4)`, little-endian, at most
254 bytes, so that COBS adds exactly one. Frames are that short because a serial line damages bytes, not images: at
one bad byte in 1,000 a 252-byte frame survives three times out of four, a 9,216-byte one never.
"""

import struct
import zlib
from dataclasses import dataclass, field

VERSION = 3  # stays below 0x20 for ever: that the second byte of a frame is unprintable tells frames from text
MAX_BODY_BYTES = 254
BODY_OVERHEAD_BYTES = 8  # version, type, seq, CRC
MAX_PAYLOAD_BYTES = MAX_BODY_BYTES - BODY_OVERHEAD_BYTES
MAX_LINE_BYTES = MAX_BODY_BYTES + 3  # of one frame: COBS adds a byte, and two delimiters
NOISE_BYTES = 4096  # how much of what was not a frame a decoder keeps for the reader of boot logs


class WireError(Exception):
    """A frame that passed its CRC and still makes no sense: unknown type, version or length."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A body that passed its CRC; what its payload means is the message's business."""

    version: int
    type: int
    seq: int
    payload: bytes


def encode_frame(frame: Frame) -> bytes:
    """The bytes of a frame on the line, delimiters on both sides: the first ends any noise before it."""
    body = struct.pack("<BBH", frame.version, frame.type, frame.seq) + frame.payload
    if len(body) + 4 > MAX_BODY_BYTES:
        raise WireError(f"a body of {len(body) + 4} bytes does not fit a frame")
    return b"\0" + _cobs(body + struct.pack("<I", zlib.crc32(body))) + b"\0"


@dataclass(slots=True)
class Decoder:
    """Bytes in, frames out. After any damage the next delimiter puts it back in step."""

    dropped: int = 0  # runs of bytes between delimiters that were no frame
    noise: bytearray = field(default_factory=bytearray)  # NOISE_BYTES at most of what was not a frame, boot logs too
    _run: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[Frame]:
        """Takes bytes as they come, in any portions; returns the frames that they complete."""
        frames = []
        *runs, rest = data.split(b"\0")
        for run in runs:
            self._run += run
            if self._run:
                frame = _parse(bytes(self._run))
                if frame is None:
                    self.dropped += 1
                    self.noise += self._run
                else:
                    frames.append(frame)
                self._run.clear()
        self._run += rest
        if len(self._run) > 2 * NOISE_BYTES:  # a line that never sends a delimiter must not fill the memory
            self.noise += self._run[:-NOISE_BYTES]
            del self._run[:-NOISE_BYTES]
        del self.noise[:-NOISE_BYTES]
        return frames

    def unframed(self) -> bytes:
        """All noise so far, an unfinished run included: what a person would read on the line."""
        return bytes(self.noise + self._run)


def _parse(run: bytes) -> Frame | None:
    body = _uncobs(run) if len(run) <= MAX_BODY_BYTES + 1 else None  # COBS: the body is shorter than its run
    if body is None or len(body) < BODY_OVERHEAD_BYTES:
        return None
    if zlib.crc32(body[:-4]) != int.from_bytes(body[-4:], "little"):
        return None
    version, kind, seq = struct.unpack_from("<BBH", body)
    return Frame(version, kind, seq, body[4:-4])


def _cobs(body: bytes) -> bytes:
    # at most 254 bytes: no block is ever full before the end, so every block but the last stands for a zero
    return b"".join(bytes([len(block) + 1]) + block for block in body.split(b"\0"))


def _uncobs(run: bytes) -> bytes | None:
    body, position = bytearray(), 0
    while position < len(run):
        code = run[position]
        if position + code > len(run):
            return None
        body += run[position + 1 : position + code]
        position += code
        if code < 255 and position < len(run):
            body.append(0)
    return bytes(body)
