"""What the protocol costs: the rate of framed bytes beside that of a raw echo over the same link.

In: a `Client`. Out: bytes per second, of payload alone. Both ways keep the same number of bytes in flight.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from edgekit.device.client import Client
from edgekit.device.protocol import frames, messages
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


def measure(client: Client, payload_bytes: int = 24_000, rounds: int = 3) -> Rates:
    """Sends `payload_bytes` (rounded up to whole frames) raw and framed, in turns; the best round of each counts,
    because whatever else the computer does can only slow one down.

    Raises:
        EdgekitError: the board does not answer, or the line loses bytes.
    """
    chunks = -(-payload_bytes // messages.CHUNK_BYTES)
    # no zeros and no printable text: nothing that either end could take for a frame or a command
    payload = bytes(128 + (i * 37 & 127) for i in range(chunks * messages.CHUNK_BYTES))
    parts = [payload[at : at + messages.CHUNK_BYTES] for at in range(0, len(payload), messages.CHUNK_BYTES)]
    line = b"".join(messages.encode(messages.Ping(part), seq) for seq, part in enumerate(parts))
    raw, framed = [], []
    for _ in range(rounds):
        client.ask(messages.RawEcho(len(payload)), messages.EchoReady)
        raw.append(_rate(client, payload, payload, bytes))
        framed.append(_rate(client, line, payload, _payload_of))  # a PONG is exactly as long as its PING
    return Rates(max(raw), max(framed))


def _payload_of(line: bytes) -> bytes:
    return b"".join(frame.payload for frame in frames.Decoder().feed(line))


def _rate(client: Client, line: bytes, payload: bytes, payload_of: Callable[[bytes], bytes]) -> float:
    """Payload bytes per second of `line`, which comes back in as many bytes as it was sent in."""
    lost = EdgekitError(
        f"The line to {client.link.name} lost bytes, so its rate cannot be measured.",
        "Use a shorter cable or a lower --baud.",
    )
    sent, back = 0, bytearray()
    begin = heard_s = time.monotonic()
    while len(back) < len(line):
        portion = line[sent : len(back) + IN_FLIGHT_BYTES]
        if portion:
            client.link.write(portion)
            sent += len(portion)
        data = client.link.read(0.5)
        if data:
            heard_s = time.monotonic()
        elif time.monotonic() - heard_s > 3:
            raise lost
        back += data
    rate = len(payload) / (time.monotonic() - begin)
    if payload_of(bytes(back)) != payload:
        raise lost
    return rate
