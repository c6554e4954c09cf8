"""The boards: one row each, and every command asks the row.

A further board is one more entry of `BOARDS`. `firmware/` has files of its own that PlatformIO reads without Python
(platformio.ini, partitions.csv, sdkconfig.defaults, boards/emulated/board.ld): they say how that firmware is built, and
tests/boards holds each row against them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from edgekit.boards.costs import LX6, Costs
from edgekit.boards.emulators import DC233C, DE212, ESPRESSIF_ESP32, ChipEmulator, Emulator
from edgekit.boards.toolchains import LX106, Toolchain

UsbId = tuple[int, int | None]
"""Vendor and product; product None stands for any."""

FT2232 = "FT2232 (ESP-Prog, Wrover-Kit)"  # shows two ports: A is JTAG, the last one, B, is the board's line
# Serial chips that sit between USB and the UART of most boards, whatever their core.
SERIAL_CHIPS: Mapping[UsbId, str] = {
    (0x10C4, 0xEA60): "CP210x",
    (0x1A86, 0x7523): "CH340",
    (0x1A86, 0x55D4): "CH9102",
    (0x1A86, 0x55D3): "CH343",
    (0x0403, 0x6001): "FT232R",
    (0x0403, 0x6010): FT2232,
    (0x0403, 0x6015): "FT231X",
    (0x303A, None): "Espressif USB",
}


@dataclass(frozen=True, slots=True)
class Flashing:
    """How an image gets into the board's flash."""

    chip: str  # esptool's word for it
    detected: str  # regular expression of the chips, as esptool names them, for which this firmware is built
    one_core: str  # of what esptool says of those that have one core where the others have two
    image_chip_id: int  # in the extended header of an image
    bootloader_offset: int  # fixed in the chip's ROM
    partitions_offset: int  # ESP-IDF's CONFIG_PARTITION_TABLE_OFFSET
    flash_bytes: int  # of the whole flash chip


@dataclass(frozen=True, slots=True)
class Room:
    """What the board leaves to a model and its program."""

    flash_bytes: int  # the application's partition
    static_ram_bytes: int
    arena_bytes: int  # for TFLM's arena: the largest block of RAM that is left
    program_flash_bytes: int  # what the application takes of its partition besides the model


@dataclass(frozen=True, slots=True)
class Board:
    """A board."""

    name: str  # how the user and edgekit's files name it
    title: str  # how messages name it
    core: str
    clock_hz: int  # at which the firmware runs it
    environment: str  # PlatformIO's for the firmware with TFLM, at the board's own flash mode
    vendor_toolchain: str  # pattern of the packages in which PlatformIO keeps its compiler
    usb: Mapping[UsbId, str]  # how it shows on USB
    flashing: Flashing
    room: Room
    toolchain: Toolchain  # of a related core: measures sizes, builds for the emulator
    emulator: Emulator  # the core that stands in for the board
    emulated_environment: str  # PlatformIO's for the firmware that runs there
    target_emulator: Emulator  # stands in for it where C was compiled with `--target NAME`
    chip_emulator: ChipEmulator  # of the whole chip
    costs: Costs

    @property
    def environments(self) -> tuple[str, ...]:
        """PlatformIO's of the firmware: for each flash mode, and for chips with one core, with TFLM and with the
        compiled C in its place."""
        kinds = [self.environment, *(f"{self.environment}_{mode.mode}" for mode in self.costs.flash_modes[1:])]
        return tuple(kind + backend for kind in (*kinds, self.one_core_environment) for backend in ("", "_aot"))

    @property
    def one_core_environment(self) -> str:
        """Of the firmware that runs on chips with one core, too."""
        return f"{self.environment}_one_core"


ESP32 = Board(
    name="esp32",
    title="classic ESP32",
    core="Xtensa LX6",
    clock_hz=240_000_000,
    environment="esp32dev",
    vendor_toolchain="toolchain-xtensa-esp*",
    usb=SERIAL_CHIPS,
    flashing=Flashing(
        chip="esp32",
        detected=r"ESP32(-[DU]|-S0WD|-PICO|\b(?!-))",
        one_core=r"Chip type:\s*ESP32-S0WD|Features:.*\bSingle Core",
        image_chip_id=0,
        bootloader_offset=0x1000,
        partitions_offset=0x8000,
        flash_bytes=4 * 1024 * 1024,
    ),
    room=Room(
        flash_bytes=0x140000,
        static_ram_bytes=0x28000,  # ESP-IDF's cap on static data, of 520 KB of SRAM
        arena_bytes=102_400,  # the largest free block is about 110 KB (ESP-IDF, measured by its users)
        # An estimate on the safe side, not measured: an empty ESP-IDF application is about 180 KB, TFLM's interpreter
        # 85 to 115 KB, and edgekit's links drivers and kernels as well.
        program_flash_bytes=450_000,
    ),
    toolchain=LX106,
    emulator=DE212,
    emulated_environment="emulated",
    target_emulator=DC233C,
    chip_emulator=ESPRESSIF_ESP32,
    costs=LX6,
)

BOARDS: dict[str, Board] = {board.name: board for board in (ESP32,)}


def usb_name(vendor: int, product: int) -> str | None:
    """What a USB device is, where it may lead to one of the boards; None for others."""
    names = (board.usb.get((vendor, product)) or board.usb.get((vendor, None)) for board in BOARDS.values())
    return next(filter(None, names), None)
