"""The partition table, and which application of several the bootloader starts."""

import re
import struct
import zlib
from pathlib import Path

import pytest

from edgekit.boards.board import ESP32
from edgekit.device.images import plan
from edgekit.device.partitions import SECTOR_BYTES, applications, model_slot, partitions_of, started
from images_built import TABLE, table

CSV = Path(__file__).parents[2] / "firmware/partitions.csv"


def selection(*updates: tuple[int, int] | None) -> bytes:
    """otadata: the number and the state of an update in each of its two sectors; None: never written."""
    sectors = []
    for update in updates:
        number, state = update or (0xFFFFFFFF, 0xFFFFFFFF)
        crc = zlib.crc32(struct.pack("<I", number), 0xFFFFFFFF) if update else 0xFFFFFFFF
        sectors.append(struct.pack("<I20sII", number, b"\xff" * 20, state, crc).ljust(SECTOR_BYTES, b"\xff"))
    return b"".join(sectors)


def test_the_tests_table_is_the_firmwares() -> None:
    types, subtypes = {"app": 0, "data": 1}, {"nvs": 2, "ota": 0, "phy": 1, "ota_0": 0x10, "ota_1": 0x11}
    rows = [re.split(r",\s*", line) for line in CSV.read_text().splitlines() if line and not line.startswith("#")]
    assert tuple(
        (
            types[kind] if kind in types else int(kind, 0),
            subtypes[subtype] if subtype in subtypes else int(subtype, 0),
            int(offset, 0), int(size, 0), name.encode(),
        )
        for name, kind, subtype, offset, size in rows
    ) == TABLE  # fmt: skip


def test_partitions_neither_overlap_nor_leave_the_flash_and_applications_begin_where_the_chip_maps_them() -> None:
    partitions = partitions_of(table(*TABLE))
    ends = [ESP32.flashing.partitions_offset + SECTOR_BYTES, *(one.end for one in partitions)]
    assert all(end <= one.offset for end, one in zip(ends, partitions, strict=False))
    assert ends[-1] == ESP32.flashing.flash_bytes
    assert all(one.offset % 0x10000 == 0 for one in (*applications(partitions), model_slot(partitions)) if one)


def test_a_table_of_someone_elses_has_no_place_for_a_model() -> None:
    assert model_slot(partitions_of(table((0x40, 1, 0x290000, 0x1000, b"model")))) is None
    assert model_slot(partitions_of(table((1, 0x82, 0x290000, 0x1000, b"model")))) is None
    assert partitions_of(b"\xff" * 0xC00) == ()


@pytest.mark.parametrize(
    ("updates", "name"),
    [
        ((None, None), "ota_0"),
        (((1, 2), None), "ota_0"),
        (((1, 2), (2, 2)), "ota_1"),
        (((3, 2), (2, 2)), "ota_0"),
        (((3, 2), (4, 3)), "ota_0"),  # the newer one was given up
        (((3, 4), (4, 3)), "ota_0"),
    ],
)
def test_the_latest_update_that_was_not_given_up_is_started(
    updates: tuple[tuple[int, int] | None, ...], name: str
) -> None:
    chosen = started(partitions_of(table(*TABLE)), selection(*updates))
    assert chosen is not None
    assert chosen.name == name


def test_a_number_with_a_wrong_checksum_selects_nothing() -> None:
    damaged = bytearray(selection((2, 2), None))
    damaged[0] ^= 4
    chosen = started(partitions_of(table(*TABLE)), bytes(damaged))
    assert chosen is not None
    assert chosen.name == "ota_0"


def test_the_factory_application_is_started_where_no_update_is_selected() -> None:
    rows = (*TABLE[:3], (0, 0x10, 0x150000, 0x140000, b"ota_0"), (0, 0, 0x10000, 0x140000, b"factory"))
    partitions = partitions_of(table(*rows))
    for content, name in ((b"", "factory"), (selection(None, None), "factory"), (selection((1, 2), None), "ota_0")):
        chosen = started(partitions, content)
        assert chosen is not None
        assert chosen.name == name


def test_flashing_takes_back_the_choice_of_another_application_and_a_stored_model(built: Path) -> None:
    assert plan(built).erased == ((0xD000, 0x2000), (0x290000, SECTOR_BYTES))
    assert [offset for offset, _ in plan(built).files] == [0x1000, 0x8000, 0x10000]
    (built / "partitions.bin").write_bytes(table((0, 0, 0x10000, 0x140000, b"factory")))
    assert plan(built).erased == ()
