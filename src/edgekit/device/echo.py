"""What the protocol costs: the rate of framed bytes beside that of a raw echo over the same link.

In: a `Client`. Out: bytes per second, of payload alone. Both ways keep the same number of bytes in flight.
"""

import time
from dataclasses import dataclass

from edgekit import wire
from edgekit.device.client import Client
from edgekit.errors import EdgekitError

IN_FLIGHT_BYTES = 2048


@dataclass(frozen=True, slots=True)
class Rates:
    """Payload bytes per second there and back."""

    raw: float
    framed: float

    @property
    def share(self) -> float:
        """What the frames leave of the raw rate."""
        return self.framed / self.raw


def measure(client: Client, payload_bytes: int = 48_000) -> Rates:
    """Sends `payload_bytes` (rounded up to whole frames) raw and framed.

    Raises:
        EdgekitError: the board does not answer, or the line loses bytes.
    """
    chunks = -(-payload_bytes // wire.CHUNK_BYTES)
    # no zeros and no printable text: nothing that either end could take for a frame or a command
    payload = bytes(128 + (i * 37 & 127) for i in range(chunks * wire.CHUNK_BYTES))
    client.ask(wire.RawEcho(len(payload)), wire.EchoReady)
    begin = time.monotonic()
    back = _through(client, payload, len(payload))
    raw = len(payload) / (time.monotonic() - begin)
    if back != payload:
        raise _lossy(client)
    frames = [
        wire.encode(wire.Ping(payload[at : at + wire.CHUNK_BYTES]), number)
        for number, at in enumerate(range(0, len(payload), wire.CHUNK_BYTES))
    ]
    line = b"".join(frames)  # a PONG is exactly as long as its PING
    begin = time.monotonic()
    answers = wire.Decoder().feed(_through(client, line, len(line)))
    framed = len(payload) / (time.monotonic() - begin)
    if b"".join(frame.payload for frame in answers) != payload:
        raise _lossy(client)
    return Rates(raw, framed)


def _through(client: Client, line: bytes, expected_bytes: int) -> bytes:
    sent, back, heard_s = 0, bytearray(), time.monotonic()
    while len(back) < expected_bytes:
        room = IN_FLIGHT_BYTES - (sent - len(back))
        if room > 0 and sent < len(line):
            client.link.write(line[sent : sent + room])
            sent += len(line[sent : sent + room])
        data = client.link.read(0.5)
        if data:
            heard_s = time.monotonic()
        elif time.monotonic() - heard_s > 3:
            raise _lossy(client)
        back += data
    return bytes(back)


def _lossy(client: Client) -> EdgekitError:
    return EdgekitError(
        f"The line to {client.link.name} lost bytes, so its rate cannot be told.",
        "Use a shorter cable or a lower --baud.",
    )
