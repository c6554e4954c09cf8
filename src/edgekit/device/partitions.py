"""A board's partition table, and which of its applications the bootloader starts.

In: bytes, as a build or a board's flash holds them. Out: `Partition`s.
"""

import itertools
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

TABLE_BYTES = 0xC00  # the most that ESP-IDF gives it
SECTOR_BYTES = 4096  # the least that a flash erases
OTA_DATA_BYTES = 2 * SECTOR_BYTES
_MAGIC = 0x50AA
_ROW = struct.Struct("<HBBII16sI")  # magic, type, subtype, offset, size, name, flags
_SELECTED = struct.Struct("<I20sII")  # esp_ota_select_entry_t: ota_seq, its label, ota_state, a CRC of ota_seq
_NEVER_WRITTEN = 0xFFFFFFFF
_MODEL = (0x40, 0, "model")  # edgekit's own: type, subtype and name in firmware/partitions.csv
_GIVEN_UP = (3, 4)  # ota_state: invalid, aborted


@dataclass(frozen=True, slots=True)
class Partition:
    """A row of the table; offset and size in bytes of the flash."""

    APP: ClassVar[int] = 0  # of `type`
    DATA: ClassVar[int] = 1
    OTA: ClassVar[range] = range(0x10, 0x20)  # an application's `subtype`: slots for updates
    OTA_DATA: ClassVar[int] = 0  # of data

    type: int
    subtype: int
    offset: int
    size: int
    name: str

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + self.size


def partitions_of(content: bytes) -> tuple[Partition, ...]:
    """The rows of a partition table; none where it is no table."""
    rows = _ROW.iter_unpack(content[: len(content) // _ROW.size * _ROW.size])
    return tuple(
        Partition(kind, subtype, offset, size, name.rstrip(b"\0").decode("ascii", "replace"))
        for _, kind, subtype, offset, size, name, _ in itertools.takewhile(lambda row: row[0] == _MAGIC, rows)
    )


def ota_data(partitions: tuple[Partition, ...]) -> Partition | None:
    """Where the bootloader looks up which of several applications to start."""
    return next((one for one in partitions if (one.type, one.subtype) == (Partition.DATA, Partition.OTA_DATA)), None)


def model_slot(partitions: tuple[Partition, ...]) -> Partition | None:
    """What takes a model without a build."""
    return next((one for one in partitions if (one.type, one.subtype, one.name) == _MODEL), None)


def applications(partitions: tuple[Partition, ...]) -> tuple[Partition, ...]:
    """The one that the bootloader starts where nothing is selected, then the others."""
    apps = [one for one in partitions if one.type == Partition.APP]
    return tuple(sorted(apps, key=lambda one: one.subtype))


def started(partitions: tuple[Partition, ...], selection: bytes) -> Partition | None:
    """The application that the bootloader starts.

    Args:
        selection: the content of `ota_data`, empty where there is none.
    """
    apps = applications(partitions)
    slots = [one for one in apps if one.subtype in Partition.OTA]
    latest = max(_selected(selection), default=0)
    if slots and latest:
        return slots[(latest - 1) % len(slots)]
    return apps[0] if apps else None


def _selected(selection: bytes) -> Iterator[int]:
    """Numbers of the updates that count, one a sector: the latest says, modulo the slots, which one is started."""
    for at in range(0, len(selection) - _SELECTED.size + 1, SECTOR_BYTES):
        number, _, state, crc = _SELECTED.unpack_from(selection, at)
        right = zlib.crc32(struct.pack("<I", number), _NEVER_WRITTEN) == crc
        if number not in (0, _NEVER_WRITTEN) and right and state not in _GIVEN_UP:
            yield number
