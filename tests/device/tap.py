"""A line to a chip in its bootloader through which a test sees, and may cut, what esptool writes."""

import itertools
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

FLASH_BEGIN, FLASH_DEFL_BEGIN = 0x02, 0x10


class Tap:
    """Listens at `port` and carries bytes to and from a `socket://` port, for one connection after the other.

    `cut_at`: ends a connection for ever once so many bytes have gone to the chip, as a cable that is pulled does.
    `reset`: gives the port of what runs on the board after its reset, for each connection after the first `calls`.
    """

    def __init__(
        self, chip: str, cut_at: int | None = None, calls: int = 0, reset: Callable[[], str] | None = None
    ) -> None:
        self.sent = bytearray()
        self._chip, self._cut_at, self._calls, self._reset = chip, cut_at, calls, reset
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """No further connections."""
        self._listener.close()

    def erased_bytes(self) -> int:
        """How much of the flash was written to, by what esptool said at the beginning of each part: no padding of its
        compressed blocks, but the sectors whole."""
        packets = [
            packet.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")
            for packet in bytes(self.sent).split(b"\xc0")  # SLIP
        ]
        # direction, command, length, checksum, then: bytes, blocks, bytes of a block, offset
        begun = [struct.unpack_from("<I", packet, 8)[0] for packet in packets if _is_begin(packet)]
        return sum(-(-size // 4096) * 4096 for size in begun)

    def _serve(self) -> None:
        with suppress(OSError):
            for number in itertools.count():
                client, _ = self._listener.accept()
                other = self._chip if self._reset is None or number < self._calls else self._reset()
                host, _, listens = other.removeprefix("socket://").rpartition(":")
                with socket.create_connection((host, int(listens))) as chip:
                    back = threading.Thread(target=_carry, args=(chip, client), daemon=True)
                    back.start()
                    self._forth(client, chip)
                    for end in (chip, client):
                        with suppress(OSError):
                            end.shutdown(socket.SHUT_RDWR)
                    back.join(5)
                client.close()
                if self._cut_at is not None and len(self.sent) >= self._cut_at:
                    return

    def _forth(self, client: socket.socket, chip: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(4096):
                if self._cut_at is not None:
                    data = data[: self._cut_at - len(self.sent)]
                self.sent += data
                chip.sendall(data)
                if self._cut_at is not None and len(self.sent) >= self._cut_at:
                    return


def _is_begin(packet: bytes) -> bool:
    return len(packet) >= 24 and packet[0] == 0 and packet[1] in (FLASH_BEGIN, FLASH_DEFL_BEGIN)


def _carry(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(4096):
            to.sendall(data)
