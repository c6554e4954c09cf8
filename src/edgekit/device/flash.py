"""Writes the firmware that PlatformIO built to a board, after looking at chip, flash size and partitions.

In: a port and the build folder. Out: `Flashed`.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edgekit.boards.board import ESP32, Board
from edgekit.device.chip import chip_in_loader
from edgekit.device.diagnosis import for_one_core
from edgekit.device.esptool import Esptool, Line, at_a_rate
from edgekit.device.images import Plan, build_folder, plan
from edgekit.device.link import CHIP_PORT, find_board, refuse_word
from edgekit.errors import EdgekitError


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
    planned = plan(build or build_folder(board), board)
    work = partial(_written, planned=planned)
    if port == CHIP_PORT:
        with chip_in_loader(board) as loader:
            return at_a_rate(loader, board, baud, on_line, work)
    return at_a_rate(find_board() if port == "auto" else port, board, baud, on_line, work)


def _written(esptool: Esptool, planned: Plan) -> Flashed:
    port, board = esptool.port, esptool.board
    chip = esptool.identify()
    if chip.one_core and planned.needs_two_cores:
        raise EdgekitError(
            f"The board's {chip.name} is a {board.title} with one core; the firmware is built for two.",
            for_one_core(board),
        )
    if chip.flash_bytes < planned.flash_bytes:
        raise EdgekitError(
            f"The board at {port} has {chip.flash_bytes:,} bytes of flash; the firmware needs {planned.flash_bytes:,}.",
            f"Use a board with {board.flashing.flash_bytes >> 20} MB, or make the partitions of "
            "firmware/partitions.csv smaller.",
        )
    blank = [(offset, b"\xff" * size) for offset, size in planned.erased]
    written = esptool.write([*blank, *planned.files])
    return Flashed(
        port, chip.name, chip.flash_bytes, written, planned.app_bytes, planned.app_room_bytes, planned.flash_mode,
        esptool.baud,
    )  # fmt: skip
