"""The boards that need no hardware: the firmware under QEMU, and the native build. Started and ended here.

In: a built firmware. Out: a `socket://` port that leads to it, for as long as the block lasts.
"""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgekit.boards.emulators import DE212, QEMU, Emulator
from edgekit.boards.toolchains import need
from edgekit.errors import EdgekitError


@contextmanager
def running(program: Path, emulator: Emulator = DE212) -> Iterator[str]:
    """Runs a firmware that `firmware.build` made; yields its port and ends the process afterwards.

    Args:
        emulator: what runs a program for a board (.elf).

    Raises:
        EdgekitError: QEMU is not installed, or the firmware does not start.
    """
    with tempfile.TemporaryFile("w+") as said:
        if program.suffix == ".elf":
            process, port = _qemu(program, emulator, said.fileno())
        else:
            command = _end_with_parent([str(program), "0"])
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True)
            assert process.stdout is not None
            port = process.stdout.readline().strip()
        try:
            if not port:
                said.seek(0)
                raise EdgekitError(f"{program} did not start: {said.read().strip()[-300:]}", "Build it again.")
            yield port
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _qemu(program: Path, emulator: Emulator, stderr: int) -> tuple[subprocess.Popen[str], str]:
    need(QEMU)
    # QEMU takes over a socket that already listens: no port number can be lost in between.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number, fd = listener.getsockname()[1], listener.fileno()
        # wait=on: the board starts when the host is there, and its first byte is not lost
        uart = ("-chardev", f"socket,id=uart,fd={fd},server=on,wait=on,nodelay=on", "-serial", "chardev:uart")
        command = _end_with_parent(emulator.command(program, uart, counted="asleep"))
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, text=True, pass_fds=(fd,))
        time.sleep(0.05)
        return process, f"socket://127.0.0.1:{number}" if process.poll() is None else ""


def _end_with_parent(command: list[str]) -> list[str]:
    """Linux ends the board even where edgekit is killed and `finally` never comes; elsewhere it would stay behind."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else command
