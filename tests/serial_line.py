"""A serial device without a cable: a pseudo terminal, and what leads from it to a board."""

import os
import pty
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def terminal() -> Iterator[tuple[int, str]]:
    """A pseudo terminal: the master's descriptor and the slave's path."""
    master, slave = pty.openpty()
    try:
        yield master, os.ttyname(slave)
    finally:
        os.close(master)
        os.close(slave)


@contextmanager
def terminal_to(board: str) -> Iterator[str]:
    """The path of a terminal device that leads to a board's `socket://` port."""
    with terminal() as (master, path):
        host, _, number = board.removeprefix("socket://").rpartition(":")
        line = socket.create_connection((host, int(number)))

        def up() -> None:
            try:
                while data := os.read(master, 4096):
                    line.sendall(data)
            except OSError:
                pass

        def down() -> None:
            try:
                while data := line.recv(4096):
                    os.write(master, data)
            except OSError:
                pass

        for way in (up, down):
            threading.Thread(target=way, daemon=True).start()
        yield path
        line.close()
