"""What PlatformIO leaves in a build folder, as far as flashing looks at it."""

import struct
from pathlib import Path

APP_OFFSET = 0x10000
# firmware/partitions.csv as a build leaves it
TABLE = (
    (1, 2, 0x9000, 0x4000, b"nvs"),
    (1, 0, 0xD000, 0x2000, b"otadata"),
    (1, 1, 0xF000, 0x1000, b"phy_init"),
    (0, 0x10, APP_OFFSET, 0x140000, b"ota_0"),
    (0, 0x11, 0x150000, 0x140000, b"ota_1"),
    (0x40, 0, 0x290000, 0x170000, b"model"),
)
DIO_40, DIO_80 = 0x20, 0x2F  # byte 3 of a header, for 4 MB of flash


def image(size: int, chip_id: int = 0, flash: int = DIO_40) -> bytes:
    """A firmware image as far as its headers."""
    head = struct.pack("<BBBBI", 0xE9, 1, 2, flash, 0x40080000) + bytes(4) + struct.pack("<H", chip_id) + bytes(10)
    return head + bytes((i * 7) & 0xFF for i in range(size - len(head)))


def described(firmware: bytes, description: bytes) -> bytes:
    """An image with what ESP-IDF's linker script puts behind its own description of the application."""
    return firmware[:288] + description + firmware[288 + len(description) :]


def table(*rows: tuple[int, int, int, int, bytes]) -> bytes:
    """A binary partition table of (type, subtype, offset, size, name)."""
    packed = b"".join(struct.pack("<HBBII16sI", 0x50AA, *row[:4], row[4], 0) for row in rows)
    return packed + b"\xeb\xeb" + bytes([0xFF] * 14) + bytes(16) + b"\xff" * 100


# of ESP-IDF's start, in an application that was built for two cores
REFUSAL = b"Running on single core variant of a chip, but app is built with multi-core support.\0"


def write_build(folder: Path, flash: int = DIO_40, needs_two_cores: bool = False) -> Path:
    """The three images that belong together."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bootloader.bin").write_bytes(image(20_000, flash=flash))
    (folder / "firmware.bin").write_bytes(image(50_000, flash=flash) + REFUSAL * needs_two_cores)
    (folder / "partitions.bin").write_bytes(table(*TABLE))
    return folder


def write_build_of(folder: Path, model_sha256: str, more_bytes: int = 0, needs_two_cores: bool = False) -> Path:
    """The same with a model in the application, as far as its hash, and further bytes."""
    write_build(folder, needs_two_cores=needs_two_cores)
    with (folder / "firmware.bin").open("ab") as stream:
        stream.write(bytes.fromhex(model_sha256) + bytes(more_bytes))
    return folder
