"""What is read of a build folder, and how a chip's flash looks with it."""

import os
from pathlib import Path

import pytest

from edgekit.device.images import flash_contents, newest_build, plan
from edgekit.errors import EdgekitError
from images_built import DIO_80, image, table, write_build


def test_a_firmware_that_was_not_built_is_named(tmp_path: Path) -> None:
    with pytest.raises(EdgekitError, match=r"bootloader\.bin does not exist") as caught:
        plan(tmp_path)
    assert "pio run -d firmware" in caught.value.hint


def test_a_file_that_is_no_image_is_named(built: Path) -> None:
    (built / "firmware.bin").write_bytes(b"\x7fELF" + bytes(100))
    with pytest.raises(EdgekitError, match=r"firmware\.bin is not a firmware image"):
        plan(built)


def test_an_image_for_another_chip_is_named(built: Path) -> None:
    (built / "firmware.bin").write_bytes(image(5000, chip_id=9))
    with pytest.raises(EdgekitError, match=r"firmware\.bin was built for another chip"):
        plan(built)


def test_an_application_larger_than_its_partition_is_refused(built: Path) -> None:
    (built / "firmware.bin").write_bytes(image(0x140000 + 1))
    with pytest.raises(EdgekitError, match=r"1,310,721 bytes, its partition ota_0 1,310,720"):
        plan(built)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"nothing of the kind" * 10, "not a partition table"), (table((1, 2, 0x9000, 0x6000, b"nvs")), "no application")],
)
def test_a_table_without_an_application_is_refused(built: Path, content: bytes, message: str) -> None:
    (built / "partitions.bin").write_bytes(content)
    with pytest.raises(EdgekitError, match=message):
        plan(built)


def test_the_header_of_the_bootloader_says_how_the_chip_is_to_read_its_flash(tmp_path: Path) -> None:
    assert plan(write_build(tmp_path / "safe")).flash_mode == "DIO 40 MHz"
    assert plan(write_build(tmp_path / "fast", DIO_80)).flash_mode == "QIO 80 MHz"
    assert plan(write_build(tmp_path / "other", 0x22)).flash_mode == "20m"


def test_a_flash_holds_every_image_at_its_place_and_is_erased_elsewhere(built: Path) -> None:
    planned = plan(built)
    content = flash_contents(planned)
    assert len(content) == 4 << 20
    erased = bytearray(content)
    for offset, file in planned.files:
        part = file.read_bytes()
        assert content[offset : offset + len(part)] == part
        erased[offset : offset + len(part)] = b"\xff" * len(part)
    assert bytes(erased) == b"\xff" * len(content)


def test_the_newest_build_of_any_environment_is_found(empty_project: Path) -> None:
    with pytest.raises(EdgekitError, match="holds no firmware for a classic ESP32") as nothing:
        newest_build()
    assert nothing.value.hint.endswith("pio run -d firmware")
    for age, name in enumerate(("esp32dev_qio_aot", "esp32dev_aot", "esp32dev")):
        built = write_build(empty_project / ".pio/build" / name)
        os.utime(built / "firmware.bin", (1_000_000 - age, 1_000_000 - age))
    write_build(empty_project / ".pio/build/native")
    assert newest_build().name == "esp32dev_qio_aot"
