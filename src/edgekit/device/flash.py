"""Writes the firmware that PlatformIO built to a board, after looking at chip, flash size and partitions.

In: a port and the build folder. Out: `Flashed`. esptool is GPL, so it is called as a program, never imported.
"""

import itertools
import re
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgekit.boards.board import ESP32, Board
from edgekit.device import firmware
from edgekit.device.link import find_board, refuse_word
from edgekit.errors import EdgekitError
from edgekit.executor.child import python

IMAGE_MAGIC = 0xE9
PARTITION_MAGIC = 0x50AA
BUILD_HINT = "Build the firmware first: pio run -d firmware"
Line = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes where: (offset, file), the application last, and what the table asks of the flash."""

    files: tuple[tuple[int, Path], ...]
    app_bytes: int
    app_room_bytes: int  # its partition
    flash_bytes: int


@dataclass(frozen=True, slots=True)
class Flashed:
    """What was written, and to what."""

    port: str
    chip: str
    flash_bytes: int
    written_bytes: int
    app_bytes: int
    app_room_bytes: int


def flash(
    port: str, build: Path | None = None, *,
    board: Board = ESP32, baud: int = 921600, on_line: Line = lambda _: None,
) -> Flashed:  # fmt: skip
    """Flashes a board.

    Args:
        port: a serial device, `auto`, or `socket://host:port`.
        build: folder with bootloader.bin, partitions.bin and firmware.bin; PlatformIO's by default.
        on_line: is given esptool's lines as they come.

    Raises:
        EdgekitError: nothing built, an image for another chip, another chip or too small a flash on the board, an
            application larger than its partition, no connection, a hash that does not match.
    """
    refuse_word(port)
    planned = plan(build or firmware.folder() / ".pio/build" / board.environment, board)
    port = find_board() if port == "auto" else port
    common = ["--port", port] + ([] if "://" in port else ["--baud", str(baud)])
    # esptool itself leaves the board in its loader between the two calls
    looked = _esptool([*common, "--after", "no-reset", "flash-id"], port, on_line, board)
    chip, flash_bytes = identify(looked, board)
    if flash_bytes < planned.flash_bytes:
        raise EdgekitError(
            f"The board at {port} has {flash_bytes:,} bytes of flash; the firmware needs {planned.flash_bytes:,}.",
            f"Use a board with {board.flashing.flash_bytes >> 20} MB, or make the partitions of "
            "firmware/partitions.csv smaller.",
        )
    where = [word for offset, file in planned.files for word in (hex(offset), str(file))]
    said = _esptool([*common, "--chip", board.flashing.chip, "write-flash", *where], port, on_line, board)
    verified = said.count("Hash of data verified")
    if verified != len(planned.files):
        raise EdgekitError(
            f"Only {verified} of {len(planned.files)} parts arrived whole on the board at {port}.",
            "Flash it again, with a shorter cable or a lower --baud.",
        )
    written = sum(file.stat().st_size for _, file in planned.files)
    return Flashed(port, chip, flash_bytes, written, planned.app_bytes, planned.app_room_bytes)


def plan(build: Path, board: Board = ESP32) -> Plan:
    """Reads a build folder and checks that its parts belong together.
    Raises EdgekitError: a part is missing, is for another chip, or does not fit its place."""
    parts = [build / name for name in ("bootloader.bin", "partitions.bin", "firmware.bin")]
    for part in parts:
        if not part.is_file():
            raise EdgekitError(f"{part} does not exist.", BUILD_HINT)
    bootloader, table, app_file = parts
    at = board.flashing
    for image in (bootloader, app_file):
        head = image.read_bytes()[:24]
        if len(head) < 24 or head[0] != IMAGE_MAGIC:
            raise EdgekitError(f"{image} is not a firmware image.", BUILD_HINT)
        if int.from_bytes(head[12:14], "little") != at.image_chip_id:
            raise EdgekitError(
                f"{image} was built for another chip.",
                f"Build it for the {board.title}: pio run -d firmware -e {board.environment}",
            )
    content = table.read_bytes()
    # of 32 bytes each: magic, type (0 is an application), subtype, offset, size, name, flags
    rows = struct.iter_unpack("<HBBII16sI", content[: len(content) // 32 * 32])
    partitions = list(itertools.takewhile(lambda row: row[0] == PARTITION_MAGIC, rows))
    if not partitions:
        raise EdgekitError(f"{table} is not a partition table.", BUILD_HINT)
    app = next((row[3:6] for row in partitions if row[1] == 0), None)
    if app is None:
        raise EdgekitError(f"{table} has no application partition.", "Restore firmware/partitions.csv.")
    app_offset, app_room_bytes, app_name = app
    app_bytes = app_file.stat().st_size
    if app_bytes > app_room_bytes:
        name = app_name.rstrip(b"\0").decode("ascii", "replace")
        raise EdgekitError(
            f"The firmware has {app_bytes:,} bytes, its partition {name} {app_room_bytes:,}.",
            "Build a smaller model, or enlarge the partition in firmware/partitions.csv.",
        )
    if bootloader.stat().st_size > at.partitions_offset - at.bootloader_offset:
        raise EdgekitError(f"{bootloader} runs into the partition table.", BUILD_HINT)
    end = max(offset + size for _, _, _, offset, size, *_ in partitions)
    places = ((at.bootloader_offset, bootloader), (at.partitions_offset, table), (app_offset, app_file))
    return Plan(places, app_bytes, app_room_bytes, end)


def identify(said: str, board: Board = ESP32) -> tuple[str, int]:
    """Chip and flash size in bytes from esptool's words.
    Raises EdgekitError: another chip than the board's, or no size in them."""
    chip = re.search(r"Chip type:\s*(.+)", said)
    size = re.search(r"Detected flash size:\s*(\d+)([KM])B", said)
    if chip is None or size is None:
        raise EdgekitError("esptool does not say which chip and flash the board has.", "Run `edgekit doctor`.")
    name = chip[1].strip()
    if not re.match(board.flashing.detected, name):
        raise EdgekitError(
            f"The board has an {name}, not a {board.title}.", f"Use a {board.title} board ({board.environment})."
        )
    return name, int(size[1]) * (1024 if size[2] == "K" else 1024 * 1024)


def _esptool(arguments: list[str], port: str, on_line: Line, board: Board) -> str:
    command = python("-m", "esptool", *arguments)
    said = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:  # universal newlines: esptool's carriage returns end lines too
            said.append(line)
            on_line(line.rstrip())
    text = "".join(said)
    if process.returncode == 0:
        return text
    if "No module named esptool" in text:
        raise EdgekitError("esptool is not installed.", "pip install 'esptool>=5,<6'")
    if "Could not open" in text or "port is busy" in text or "Permission" in text:
        raise EdgekitError(
            f"{port} cannot be opened.", "Close what else uses it; `edgekit doctor` looks at permissions."
        )
    if "Failed to connect" in text or "No serial data received" in text:
        raise EdgekitError(
            f"No {board.title} answers at {port}.", "Hold BOOT, press EN, release BOOT, and flash again."
        )
    errors = [line.strip() for line in said if "error" in line.lower()]
    raise EdgekitError(
        f"esptool failed: {errors[-1] if errors else text.strip()[-200:]}", "Check cable and power, then flash again."
    )
