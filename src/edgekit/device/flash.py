"""Writes the firmware that PlatformIO built to a board, after looking at chip, flash size and partitions.

In: a port and the build folder. Out: `Flashed`. esptool is GPL, so it is called as a program, never imported.
"""

import itertools
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgekit.boards.board import ESP32, Board
from edgekit.device import project
from edgekit.device.chip import chip_in_loader
from edgekit.device.images import Plan, plan
from edgekit.device.link import CHIP_PORT, find_board, refuse_word
from edgekit.errors import EdgekitError
from edgekit.executor.child import python

SLOWER_BAUDS = (
    460800,
    230400,
    115200,
)  # tried where the line fails: not every USB chip, cable or driver runs at 921600
CHANGED_RATE = "Changing baud rate"  # esptool connects at 115200 and says this before it takes another
Line = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Flashed:
    """What was written, and to what."""

    port: str
    chip: str
    flash_bytes: int
    written_bytes: int
    app_bytes: int
    app_room_bytes: int
    flash_mode: str  # how the chip is to read its flash
    baud: int | None  # at which it was written; None on a line without rates


class _LineFailed(EdgekitError):
    """The chip answered, and then the line failed at a rate that it had changed to."""


@dataclass(frozen=True, slots=True)
class _Esptool:
    """esptool at a port and a rate. `asked_baud`: the one that the user knows of."""

    port: str
    board: Board
    on_line: Line
    baud: int | None  # None on a line without rates
    asked_baud: int

    def run(self, *words: str) -> str:
        """What it says. Raises EdgekitError: whatever makes it fail, as what to do about it."""
        rate = () if self.baud is None else ("--baud", str(self.baud))
        command = python("-m", "esptool", "--port", self.port, *rate, *words)
        said = []
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:  # universal newlines: esptool's carriage returns end lines too
                said.append(line)
                self.on_line(line.rstrip())
        if process.returncode != 0:
            raise self._failed(said)
        return "".join(said)

    def _failed(self, said: list[str]) -> EdgekitError:
        text = "".join(said)
        again = "flash again" if self.baud in (None, self.asked_baud) else f"flash again with --baud {self.baud}"
        if "No module named esptool" in text:
            return EdgekitError("esptool is not installed.", "pip install 'esptool>=5,<6'")
        if "Could not open" in text or "port is busy" in text or "Permission" in text:
            return EdgekitError(
                f"{self.port} cannot be opened.", "Close what else uses it; `edgekit doctor` looks at permissions."
            )
        if "Failed to connect" in text:
            return EdgekitError(
                f"No {self.board.title} answers at {self.port}.", f"Hold BOOT, press EN, release BOOT, and {again}."
            )
        errors = [line.strip() for line in said if "error" in line.lower()]
        what = errors[-1] if errors else text.strip()[-200:]
        if self.baud is not None and CHANGED_RATE in text:
            return _LineFailed(f"esptool failed at {self.baud} baud: {what}", f"Check cable and power, then {again}.")
        return EdgekitError(f"esptool failed: {what}", f"Check cable and power, then {again}.")


def flash(
    port: str, build: Path | None = None, *,
    board: Board = ESP32, baud: int = 921600, on_line: Line = lambda _: None,
) -> Flashed:  # fmt: skip
    """Flashes a board.

    Args:
        port: a serial device, `auto`, `socket://host:port`, or `qemu-esp32`: an erased chip in its vendor's QEMU, which
            ends with the call.
        build: folder with bootloader.bin, partitions.bin and firmware.bin; PlatformIO's by default.
        baud: the highest rate; slower ones are tried where the line fails at it.
        on_line: is given esptool's lines as they come, and what is tried next.

    Raises:
        EdgekitError: nothing built, an image for another chip, another chip or too small a flash on the board, an
            application larger than its partition, no connection, a hash that does not match.
    """
    if port != CHIP_PORT:
        refuse_word(port)
    planned = plan(build or project.folder() / ".pio/build" / board.environment, board)
    if port == CHIP_PORT:
        with chip_in_loader(board) as loader:
            return _written(_Esptool(loader, board, on_line, None, baud), planned)
    port = find_board() if port == "auto" else port
    rates = [None] if "://" in port else [baud, *(rate for rate in SLOWER_BAUDS if rate < baud)]
    for rate, slower in itertools.pairwise(rates):
        try:
            return _written(_Esptool(port, board, on_line, rate, baud), planned)
        except _LineFailed as failed:
            on_line(f"{failed.message} Trying {slower} baud.")
    return _written(_Esptool(port, board, on_line, rates[-1], baud), planned)


def _written(esptool: _Esptool, planned: Plan) -> Flashed:
    port, board = esptool.port, esptool.board
    # esptool itself leaves the board in its loader between the two calls
    chip, flash_bytes = identify(esptool.run("--after", "no-reset", "flash-id"), board)
    if flash_bytes < planned.flash_bytes:
        raise EdgekitError(
            f"The board at {port} has {flash_bytes:,} bytes of flash; the firmware needs {planned.flash_bytes:,}.",
            f"Use a board with {board.flashing.flash_bytes >> 20} MB, or make the partitions of "
            "firmware/partitions.csv smaller.",
        )
    where = [word for offset, file in planned.files for word in (hex(offset), str(file))]
    said = esptool.run("--chip", board.flashing.chip, "write-flash", *where)
    verified = said.count("Hash of data verified")
    if verified != len(planned.files):
        raise EdgekitError(
            f"Only {verified} of {len(planned.files)} parts arrived whole on the board at {port}.",
            "Flash it again, with a shorter cable or a lower --baud.",
        )
    written = sum(file.stat().st_size for _, file in planned.files)
    return Flashed(
        port, chip, flash_bytes, written, planned.app_bytes, planned.app_room_bytes, planned.flash_mode, esptool.baud
    )


def identify(said: str, board: Board = ESP32) -> tuple[str, int]:
    """Chip and flash size in bytes from esptool's words.
    Raises EdgekitError: another chip than the board's, one that lacks a core, or no size in them."""
    chip = re.search(r"Chip type:\s*(.+)", said)
    size = re.search(r"Detected flash size:\s*(\d+)([KM])B", said)
    if chip is None or size is None:
        raise EdgekitError("esptool does not say which chip and flash the board has.", "Run `edgekit doctor`.")
    name = chip[1].strip()
    if not re.match(board.flashing.detected, name):
        raise EdgekitError(
            f"The board has an {name}, not a {board.title}.", f"Use a {board.title} board ({board.environment})."
        )
    if re.search(board.flashing.too_few_cores, said):
        raise EdgekitError(
            f"The board's {name} is a {board.title} with one core; the firmware is built for two.",
            "Use a board whose chip has two, such as an ESP32-D0WD.",
        )
    return name, int(size[1]) * (1024 if size[2] == "K" else 1024 * 1024)
