"""What PlatformIO built for a board: the images of a build folder, and where in the flash each goes.

In: a build folder. Out: a `Plan`, checked; the whole flash as a chip holds it.
"""

from dataclasses import dataclass
from pathlib import Path

from edgekit.boards.board import ESP32, Board
from edgekit.device import project
from edgekit.device.diagnosis import NEEDS_TWO_CORES
from edgekit.device.partitions import (
    OTA_DATA_BYTES,
    SECTOR_BYTES,
    Partition,
    applications,
    model_slot,
    ota_data,
    partitions_of,
)
from edgekit.errors import EdgekitError

BUILD_HINT = "Build the firmware first: pio run -d firmware"
APPLICATION = "firmware.bin"
IMAGE_MAGIC = 0xE9
_FLASH_FREQ = {0x0: "40m", 0x1: "26m", 0x2: "20m", 0xF: "80m"}  # by the low half of an image's byte 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes where: (offset, file), the application last, and what the table asks of the flash."""

    files: tuple[tuple[int, Path], ...]
    erased: tuple[tuple[int, int], ...]  # (offset, bytes): what an earlier firmware left and would lead away from this
    app_bytes: int
    app_room_bytes: int  # its partition
    flash_bytes: int
    flash_mode: str  # how the chip is to read its flash, in words
    needs_two_cores: bool  # the application does not start on a chip with one


def plan(build: Path, board: Board = ESP32) -> Plan:
    """Reads a build folder and checks that its parts belong together.
    Raises EdgekitError: a part is missing, is for another chip, or does not fit its place."""
    parts = [build / name for name in ("bootloader.bin", "partitions.bin", APPLICATION)]
    for part in parts:
        if not part.is_file():
            raise EdgekitError(f"{part} does not exist.", BUILD_HINT)
    bootloader, table, app_file = parts
    at, head = board.flashing, _header(bootloader, board)
    _header(app_file, board)
    partitions = _partitions(table)
    app, app_bytes = applications(partitions)[0], app_file.stat().st_size
    if app_bytes > app.size:
        raise EdgekitError(
            f"The firmware has {app_bytes:,} bytes, its partition {app.name} {app.size:,}.",
            "Build a smaller model, or enlarge the partition in firmware/partitions.csv.",
        )
    if bootloader.stat().st_size > at.partitions_offset - at.bootloader_offset:
        raise EdgekitError(f"{bootloader} runs into the partition table.", BUILD_HINT)
    places = ((at.bootloader_offset, bootloader), (at.partitions_offset, table), (app.offset, app_file))
    # the header of a QIO image says DIO, too: its bootloader switches the flash over
    freq = _FLASH_FREQ.get(head[3] & 0xF, "unknown rate")
    mode = next((mode.title for mode in board.costs.flash_modes if mode.freq == freq), freq)
    end = max(one.end for one in partitions)
    needs_two_cores = NEEDS_TWO_CORES.encode() in app_file.read_bytes()
    return Plan(places, _left_behind(partitions), app_bytes, app.size, end, mode, needs_two_cores)


def _left_behind(partitions: tuple[Partition, ...]) -> tuple[tuple[int, int], ...]:
    """The choice of another application, and the beginning of a model that would run in place of the built-in one."""
    selection, slot = ota_data(partitions), model_slot(partitions)
    return (
        *([(selection.offset, min(selection.size, OTA_DATA_BYTES))] if selection else []),
        *([(slot.offset, SECTOR_BYTES)] if slot else []),
    )


def _header(image: Path, board: Board) -> bytes:
    """The first 24 bytes of an image. Raises EdgekitError: it is none, or another chip's."""
    with image.open("rb") as file:
        head = file.read(24)
    if len(head) < 24 or head[0] != IMAGE_MAGIC:
        raise EdgekitError(f"{image} is not a firmware image.", BUILD_HINT)
    if int.from_bytes(head[12:14], "little") != board.flashing.image_chip_id:
        raise EdgekitError(
            f"{image} was built for another chip.",
            f"Build it for the {board.title}: pio run -d firmware -e {board.environment}",
        )
    return head


def _partitions(table: Path) -> tuple[Partition, ...]:
    """The rows, an application among them. Raises EdgekitError: there is none."""
    partitions = partitions_of(table.read_bytes())
    if not partitions:
        raise EdgekitError(f"{table} is not a partition table.", BUILD_HINT)
    if not applications(partitions):
        raise EdgekitError(f"{table} has no application partition.", "Restore firmware/partitions.csv.")
    return partitions


def build_folder(board: Board = ESP32) -> Path:
    """Where PlatformIO builds the board's firmware with TFLM. Raises EdgekitError: there is no firmware project."""
    return project.folder() / ".pio/build" / board.environment


def newest_build(board: Board = ESP32) -> Path:
    """The folder where PlatformIO built the board's firmware last, whatever environment it was.
    Raises EdgekitError: it built none."""
    root = project.folder() / ".pio/build"
    there = [file for name in board.environments if (file := root / name / APPLICATION).is_file()]
    if not there:
        raise EdgekitError(f"{root} holds no firmware for a {board.title}.", BUILD_HINT)
    return max(there, key=lambda file: file.stat().st_mtime_ns).parent


def flash_contents(planned: Plan, board: Board = ESP32) -> bytes:
    """The board's whole flash with the images in their places, erased elsewhere."""
    flash = bytearray(b"\xff" * board.flashing.flash_bytes)
    for offset, file in planned.files:
        content = file.read_bytes()
        flash[offset : offset + len(content)] = content
    return bytes(flash)
