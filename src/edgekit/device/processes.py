"""Programs that stand in for a board, started and ended.

In: a command. Out: the `socket://` port of QEMU's UART for as long as the block lasts.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from edgekit.boards.emulators import lacks_board
from edgekit.errors import EdgekitError

_IS_POSIX = os.name == "posix"
_ENDING_S = 0.5  # that a program may still take to end when its line is gone


@contextmanager
def started(command: Callable[[Sequence[str]], list[str]], again: str = "Build it again.") -> Iterator[str]:
    """Runs QEMU while the block lasts, and yields the port of its UART.

    Args:
        command: gives the whole command when it is given the options that lead the UART to the port.
        again: what to do where it does not run.

    Raises:
        EdgekitError: QEMU has ended where something failed in the block; with QEMU's words.
    """
    refuse_where_none_starts()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        # QEMU takes over a socket that already listens: no port number can be lost in between.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            number, fd = listener.getsockname()[1], listener.fileno()
            # wait=on: the board starts when the host is there, and its first byte is not lost
            uart = ("-chardev", f"socket,id=uart,fd={fd},server=on,wait=on,nodelay=on", "-serial", "chardev:uart")
            words = end_with_parent(command(uart))
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=said.fileno(), pass_fds=(fd,))
        with process:
            try:
                yield f"socket://127.0.0.1:{number}"
            except EdgekitError as error:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_ENDING_S)
                if process.returncode is None:
                    raise
                said.seek(0)
                text = said.read().strip()[-300:]
                ended = f"QEMU ended: {text}" if text else f"QEMU ended without a word, status {process.returncode}."
                raise lacks_board(text) or EdgekitError(ended, again) from error
            finally:
                process.kill()


def refuse_where_none_starts() -> None:
    """Raises EdgekitError on Windows: QEMU is handed a socket, and the native firmware opens one, as POSIX has them."""
    if not _IS_POSIX:
        raise EdgekitError(
            "Boards that edgekit starts by itself run on Linux and macOS alone.", "On Windows use WSL, or a real board."
        )


def end_with_parent(command: list[str]) -> list[str]:
    """Linux ends the board even where edgekit is killed and `finally` never comes; elsewhere it would stay behind."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else command
