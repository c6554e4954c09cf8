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

from edgekit.device.firmware import need
from edgekit.errors import EdgekitError

START_LIMIT_S = 10.0


@contextmanager
def running(program: Path) -> Iterator[str]:
    """Runs a firmware that `firmware.build` made; yields its port and ends the process afterwards.

    Raises:
        EdgekitError: QEMU is not installed, or the firmware does not start.
    """
    with tempfile.TemporaryFile("w+") as said:
        if program.suffix == ".elf":
            process, port = _qemu(program, said.fileno())
        else:
            command = _ends_with_us([str(program), "0"])
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


def _qemu(program: Path, stderr: int) -> tuple[subprocess.Popen[str], str]:
    qemu = need("qemu-system-xtensa")
    # QEMU takes over a socket that already listens: no port number can be lost in between.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
        fd = listener.fileno()
        command = _ends_with_us([
            qemu, "-M", "kc705-nommu", "-cpu", "de212", "-display", "none", "-monitor", "none", "-semihosting",
            # an instruction takes 1 ns of the board's time: runs are repeatable
            "-icount", "shift=0,sleep=on",
            # wait=on: the board starts when the host is there, and its first byte is not lost
            "-chardev", f"socket,id=uart,fd={fd},server=on,wait=on,nodelay=on",
            "-serial", "chardev:uart", "-kernel", str(program),
        ])  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, text=True, pass_fds=(fd,))
        time.sleep(0.05)
        if process.poll() is not None:
            return process, ""
    return process, f"socket://127.0.0.1:{number}"


def _ends_with_us(command: list[str]) -> list[str]:
    """Linux ends the board even where edgekit is killed and `finally` never comes; elsewhere it would stay behind."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else command
