"""esptool at a board's port: what it reads and writes, what its words mean, and slower rates where the line fails.

In: a port. Out: bytes of the board's flash. esptool is GPL, so it is called as a program, never imported.
"""

import itertools
import re
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edgekit.boards.board import ESP32, Board
from edgekit.errors import EdgekitError
from edgekit.executor.child import python

SLOWER_BAUDS = (
    460800,
    230400,
    115200,
)  # tried where the line fails: not every USB chip, cable or driver runs at 921600
ROM_BAUD = 115200  # of the chip's loader until another is asked for
START_LIMIT_S = 120.0  # to connect, in seven attempts, and to say what chip it is
ERASED_BYTES_PER_S = 20_000  # of a worn flash: esptool itself waits up to 40 s for a MB's erasure and 8 s for its hash
CHANGED_RATE = "Changing baud rate"  # esptool connects at 115200 and says this before it takes another
Line = Callable[[str], None]
_Done = TypeVar("_Done")


class EsptoolFailed(EdgekitError):
    """What esptool was asked to do was not done."""


class LineFailed(EsptoolFailed):
    """The chip answered, and then the line failed at a rate that it had changed to."""


@dataclass(frozen=True, slots=True)
class Esptool:
    """esptool at a port and a rate. `asked_baud`: the one that the user knows of."""

    port: str
    board: Board
    on_line: Line
    baud: int | None  # None on a line without rates
    asked_baud: int

    def run(self, *words: str, carried_bytes: int = 0) -> str:
        """What it says. Raises EdgekitError: whatever makes it fail, as what to do about it; `limit_s` has
        passed."""
        rate = () if self.baud is None else ("--baud", str(self.baud))
        command = python("-m", "esptool", "--port", self.port, *rate, *words)
        limit_s = self.limit_s(carried_bytes)
        said = []
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process:
            assert process.stdout is not None
            late = threading.Event()

            def end() -> None:
                late.set()
                process.kill()

            ending = threading.Timer(limit_s, end)
            ending.start()
            try:
                for line in process.stdout:  # universal newlines: esptool's carriage returns end lines too
                    said.append(line)
                    self.on_line(line.rstrip())
            finally:
                ending.cancel()
        if late.is_set():
            raise EsptoolFailed(
                f"esptool did not end in {limit_s:,.0f} s at {self.port}.",
                "Unplug the board, plug it in, and flash it again.",
            )
        if process.returncode != 0:
            raise self._failed(said)
        return "".join(said)

    def limit_s(self, carried_bytes: int) -> float:
        """How long a call may take that carries so many bytes of the flash, each of them twice."""
        bits_per_s = min(self.baud or ROM_BAUD, ROM_BAUD)
        return START_LIMIT_S + carried_bytes * (2 * 10 / bits_per_s + 1 / ERASED_BYTES_PER_S)

    def _failed(self, said: list[str]) -> EsptoolFailed:
        text = "".join(said)
        again = "flash again" if self.baud in (None, self.asked_baud) else f"flash again with --baud {self.baud}"
        if "No module named esptool" in text:
            return EsptoolFailed("esptool is not installed.", "pip install 'esptool>=5,<6'")
        if "Could not open" in text or "port is busy" in text or "Permission" in text:
            return EsptoolFailed(
                f"{self.port} cannot be opened.", "Close what else uses it; `edgekit doctor` looks at permissions."
            )
        if "Failed to connect" in text:
            return EsptoolFailed(
                f"No {self.board.title} answers at {self.port}.", f"Hold BOOT, press EN, release BOOT, and {again}."
            )
        errors = [line.strip() for line in said if "error" in line.lower()]
        what = errors[-1] if errors else text.strip()[-200:]
        if self.baud is not None and CHANGED_RATE in text:
            return LineFailed(f"esptool failed at {self.baud} baud: {what}", f"Check cable and power, then {again}.")
        return EsptoolFailed(f"esptool failed: {what}", f"Check cable and power, then {again}.")

    @contextmanager
    def resetting(self) -> Iterator[None]:
        """Resets the board where the block refuses it: what it holds runs again, and it does not wait in its loader."""
        try:
            yield
        except EsptoolFailed:
            raise
        except EdgekitError:
            with suppress(EsptoolFailed):
                self.run("flash-id")  # esptool ends with a reset
            raise

    def identify(self) -> "Chip":
        """The board's chip. Raises EdgekitError: as `identify`."""
        # esptool itself leaves the board in its loader for the next call
        return identify(self.run("--after", "no-reset", "flash-id"), self.board)

    def read(self, offset: int, size: int) -> bytes:
        """So many bytes of the flash, which the chip's ROM reads: few of them. Raises EdgekitError: not all came."""
        with tempfile.TemporaryDirectory() as folder:
            into = Path(folder) / "read.bin"
            chip = self.board.flashing.chip
            self.run(
                "--chip", chip, "--no-stub", "--after", "no-reset", "read-flash", hex(offset), hex(size), str(into),
                carried_bytes=size,
            )  # fmt: skip
            content = into.read_bytes()
        if len(content) != size:
            raise EdgekitError(f"Only {len(content)} of {size} bytes came from the board at {self.port}.", "Try again.")
        return content

    def write(self, parts: Sequence[tuple[int, Path | bytes]]) -> int:
        """Writes files or bytes to offsets of the flash, and has the board compare hashes; how many bytes that were.
        Raises EdgekitError: not all arrived."""
        with tempfile.TemporaryDirectory() as folder:
            where, written = [], 0
            for number, (offset, content) in enumerate(parts):
                file = content if isinstance(content, Path) else Path(folder) / f"{number}.bin"
                if isinstance(content, bytes):
                    file.write_bytes(content)
                where += [hex(offset), str(file)]
                written += file.stat().st_size
            said = self.run("--chip", self.board.flashing.chip, "write-flash", *where, carried_bytes=written)
        verified = said.count("Hash of data verified")
        if verified != len(parts):
            raise EdgekitError(
                f"Only {verified} of {len(parts)} parts arrived whole on the board at {self.port}.",
                "Flash it again, with a shorter cable or a lower --baud.",
            )
        return written


def at_a_rate(port: str, board: Board, baud: int, on_line: Line, work: Callable[[Esptool], _Done]) -> _Done:
    """What `work` does with esptool at the highest rate at which the line carries it; `baud`: none above this one. What
    is tried next is told to `on_line`.

    Raises:
        EdgekitError: what `work` raises.
    """
    rates = [None] if "://" in port else [baud, *(rate for rate in SLOWER_BAUDS if rate < baud)]
    for rate, slower in itertools.pairwise(rates):
        try:
            return _done(work, Esptool(port, board, on_line, rate, baud))
        except LineFailed as failed:
            on_line(f"{failed.message} Trying {slower} baud.")
    return _done(work, Esptool(port, board, on_line, rates[-1], baud))


def _done(work: Callable[[Esptool], _Done], esptool: Esptool) -> _Done:
    with esptool.resetting():
        return work(esptool)


@dataclass(frozen=True, slots=True)
class Chip:
    """A chip of a board's kind, as esptool names it."""

    name: str
    flash_bytes: int
    one_core: bool


def identify(said: str, board: Board = ESP32) -> Chip:
    """The chip from esptool's words. Raises EdgekitError: another than the board's, or no size of flash in them."""
    chip = re.search(r"Chip type:\s*(.+)", said)
    size = re.search(r"Detected flash size:\s*(\d+)([KM])B", said)
    if chip is None or size is None:
        raise EdgekitError("esptool does not say which chip and flash the board has.", "Run `edgekit doctor`.")
    name = chip[1].strip()
    if not re.match(board.flashing.detected, name):
        raise EdgekitError(
            f"The board has an {name}, not a {board.title}.", f"Use a {board.title} board ({board.environment})."
        )
    flash_bytes = int(size[1]) * (1024 if size[2] == "K" else 1024 * 1024)
    return Chip(name, flash_bytes, re.search(board.flashing.one_core, said) is not None)
