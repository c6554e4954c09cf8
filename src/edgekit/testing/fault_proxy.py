"""A line with faults: TCP in the middle that drops, flips, doubles, delays and splits bytes, or falls silent.

In: the port of a board. Out: a port that leads there through the faults.
"""

import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable


class FaultProxy:
    """Listens on a port of its own and leads to `target`.

    Args:
        damage: share of bytes that are dropped, flipped or doubled, a third each, in both directions.
        delay_s: longest pause before a portion is passed on.
        split: pass on portions of 1 to 40 bytes.
        watch: is given (direction, bytes) before they pass; True swallows them. Direction is `up` to the board.
        at: the port to listen at; 0 for a free one.
    """

    def __init__(
        self,
        target: str,
        *,
        damage: float = 0.0,
        delay_s: float = 0.0,
        split: bool = False,
        watch: Callable[[str, bytes], bool] = lambda direction, data: False,
        seed: int = 0,
        at: int = 0,
    ) -> None:
        host, _, number = target.removeprefix("socket://").rpartition(":")
        self._damage, self._delay_s, self._split, self._watch = damage, delay_s, split, watch
        self._random = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", at))
        self.port = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        self.target = (host, int(number))
        self.damaged = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Cuts every connection."""
        self._listener.close()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads it
            one.close()

    def redirect(self, target: str) -> None:
        """Leads the open connection to another board, as if the one had restarted."""
        host, _, number = target.removeprefix("socket://").rpartition(":")
        self.target = (host, int(number))
        fresh = socket.create_connection(self.target)
        self._sockets.append(fresh)
        self._board = fresh
        threading.Thread(target=self._down, args=(fresh,), daemon=True).start()

    def _serve(self) -> None:
        try:
            self._host, _ = self._listener.accept()
            self._board = socket.create_connection(self.target)
        except OSError:
            return
        self._sockets += [self._host, self._board]
        for one in self._sockets:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._down, args=(self._board,), daemon=True).start()
        while data := self._receive(self._host):
            self._pass("up", data, self._to_board)

    def _to_board(self, portion: bytes) -> None:
        self._board.sendall(portion)  # to the one there is now: redirect changes it

    def _down(self, board: socket.socket) -> None:
        while data := self._receive(board):
            self._pass("down", data, self._host.sendall)

    @staticmethod
    def _receive(one: socket.socket) -> bytes:
        try:
            return one.recv(4096)
        except OSError:
            return b""

    def _pass(self, direction: str, data: bytes, send: Callable[[bytes], object]) -> None:
        if self._watch(direction, data):
            return
        out = bytearray()
        for byte in data:
            fate = self._random.random() / self._damage if self._damage else 1.0
            self.damaged += fate < 1
            if fate < 1 / 3:
                continue
            out.append(byte ^ (1 << self._random.randrange(8)) if fate < 2 / 3 else byte)
            if 2 / 3 <= fate < 1:
                out.append(byte)
        while out:
            size = self._random.randrange(1, 41) if self._split else len(out)
            if self._delay_s:
                time.sleep(self._random.random() * self._delay_s)
            try:
                send(bytes(out[:size]))
            except OSError:
                return
            del out[:size]
