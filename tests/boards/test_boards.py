"""A board is a row that agrees with the firmware's own files, and a further board is one more row."""

import configparser
import dataclasses
import re
import struct
from pathlib import Path

import pytest

from edgekit.boards.board import BOARDS, ESP32, Board, Flashing, usb_name
from edgekit.boards.emulators import DC233C, DE212
from edgekit.boards.toolchains import LX106, need, sizes_of
from edgekit.device.doctor import doctor
from edgekit.device.esptool import Chip, identify
from edgekit.device.images import plan
from edgekit.device.link import FIRST_BAUD
from edgekit.errors import EdgekitError
from edgekit.recipes.build import EmbedRecipe

FIRMWARE = Path(__file__).parents[2] / "firmware"
MADE_UP = dataclasses.replace(
    ESP32,
    name="made-up",
    title="made-up board",
    environment="madeupdev",
    vendor_toolchain="toolchain-madeup*",
    usb={(0xDEAD, 0xBEEF): "made-up chip"},
    flashing=Flashing("madeup", r"MADE-UP\b", r"(?!)", 77, 0x0, 0x9000, 8 << 20),
    toolchain=dataclasses.replace(LX106, prefix="madeup-elf-", packages="gcc-madeup"),
)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Board:
    monkeypatch.setitem(BOARDS, MADE_UP.name, MADE_UP)
    return MADE_UP


def ini() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",))
    parser.read(FIRMWARE / "platformio.ini")
    return parser


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_platformio_knows_the_rows_environments_and_compiles_with_its_flags(board: Board) -> None:
    environments = ini()
    for name in (*board.environments, board.emulated_environment):
        assert f"env:{name}" in environments
    emulated = environments[f"env:{board.emulated_environment}"]
    assert emulated["custom_cross"] == board.toolchain.prefix
    words = emulated["build_flags"].split()
    flags = [word for word in words if word.startswith(("-O", "-f", "-m"))]
    assert flags == ["-O2", *board.toolchain.flags]
    assert f"{board.toolchain.library}/include" in words
    assert f"-L{board.toolchain.library}/lib/release" in words


def test_the_classic_esp32s_row_is_what_the_firmwares_own_files_say() -> None:
    sdkconfig = (FIRMWARE / "sdkconfig.defaults").read_text()
    assert f"CONFIG_ESPTOOLPY_FLASHSIZE_{ESP32.flashing.flash_bytes >> 20}MB=y" in sdkconfig
    for mode, file in zip(ESP32.costs.flash_modes, ("sdkconfig.defaults", "sdkconfig.qio"), strict=True):
        settings = (FIRMWARE / file).read_text()
        assert f"CONFIG_ESPTOOLPY_FLASHMODE_{mode.mode.upper()}=y" in settings
        assert f"CONFIG_ESPTOOLPY_FLASHFREQ_{mode.freq.upper()}=y" in settings
    assert f"CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ_{ESP32.clock_hz // 1_000_000}=y" in sdkconfig
    assert f"CONFIG_ESP_CONSOLE_UART_BAUDRATE={FIRST_BAUD}" in sdkconfig
    rows = [row.split(",") for row in (FIRMWARE / "partitions.csv").read_text().splitlines() if not row.startswith("#")]
    assert [int(row[4], 0) for row in rows if row[1].strip() == "app"] == 2 * [ESP32.room.flash_bytes]
    assert ESP32.room.flash_bytes == EmbedRecipe().flash_bytes
    script = (FIRMWARE / "boards/emulated/board.ld").read_text()
    assert [int(length, 16) for length in re.findall(r"LENGTH = (0x\w+)", script)] == [
        ESP32.room.flash_bytes, ESP32.room.static_ram_bytes, *(int(row[4], 0) for row in rows if row[0] == "model"),
    ]  # fmt: skip
    assert [int(origin, 16) for origin in re.findall(r"ORIGIN = (0x\w+)", script)] == [
        DE212.flash, DE212.ram, DE212.partition,
    ]  # fmt: skip
    assert EmbedRecipe().arena_bytes == ESP32.room.arena_bytes
    main = (FIRMWARE / "src/main_emulated.cc").read_text()
    assert f"{DE212.uart:#x}" in main
    assert f"kTicksPerUs = {1000 // DE212.tick}" in main


def test_a_linker_script_for_another_core_has_its_addresses_alone() -> None:
    script = DC233C.linker_script(FIRMWARE / "boards/emulated")
    assert f"ORIGIN = {DC233C.flash:#x}" in script
    assert f"ORIGIN = {DC233C.ram:#x}" in script
    assert f"{DE212.flash:#x}" not in script


def test_the_doctor_looks_for_what_a_further_board_needs(
    made_up: Board, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "usb/1-1").mkdir(parents=True)
    (tmp_path / "usb/1-1/idVendor").write_text("dead\n")
    (tmp_path / "usb/1-1/idProduct").write_text("beef\n")
    (tmp_path / "packages/toolchain-madeup-elf").mkdir(parents=True)
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", str(tmp_path))
    found = {finding.name: finding for finding in doctor(tmp_path / "usb")}
    assert "gcc-madeup" in found["madeup-elf-g++"].advice
    assert found["driver"].found == "made-up chip on USB without a serial port"
    assert found["Espressif's toolchain"].ok
    assert usb_name(0xDEAD, 0xBEEF) == "made-up chip"
    assert usb_name(0x1A86, 0x7523) == "CH340"
    assert usb_name(0x303A, 0x1001) == "Espressif USB"  # any product of that vendor
    assert usb_name(0xDEAD, 0) is None


def image(size: int, chip_id: int) -> bytes:
    head = struct.pack("<BBBBI", 0xE9, 1, 2, 0x20, 0x40080000) + bytes(4) + struct.pack("<H", chip_id) + bytes(10)
    return head + bytes(size - len(head))


def test_flashing_asks_the_row_for_offsets_chip_and_environment(made_up: Board, tmp_path: Path) -> None:
    (tmp_path / "bootloader.bin").write_bytes(image(20_000, 77))
    (tmp_path / "firmware.bin").write_bytes(image(5_000, 77))
    row = struct.pack("<HBBII16sI", 0x50AA, 0, 0, 0x10000, 0x140000, b"factory", 0)
    (tmp_path / "partitions.bin").write_bytes(row + b"\xff" * 32)
    assert [offset for offset, _ in plan(tmp_path, made_up).files] == [0x0, 0x9000, 0x10000]
    with pytest.raises(EdgekitError, match="built for another chip") as refusal:
        plan(tmp_path)  # for the classic ESP32
    assert "esp32dev" in refusal.value.hint
    said = "Chip type:          MADE-UP (revision v1)\nDetected flash size: 8MB\n"
    assert identify(said, made_up) == Chip("MADE-UP (revision v1)", 8 << 20, one_core=False)
    with pytest.raises(EdgekitError, match="an ESP32-D0WD, not a made-up board"):
        identify("Chip type: ESP32-D0WD\nDetected flash size: 4MB\n", made_up)


def test_sizes_are_measured_with_the_rows_compiler() -> None:
    files = {"a.c": "int f(int x) { return x * 3; }\nconst int table[4] = {1, 2, 3, 4};\n"}
    assert sizes_of(files, MADE_UP.toolchain) is None  # not installed
    sizes = sizes_of(files, ESP32.toolchain)
    assert sizes is not None
    assert sizes.constant_bytes == 16
    assert 0 < sizes.code_bytes < 64
    with pytest.raises(EdgekitError, match="refuses the C"):
        sizes_of({"a.c": "int f("})


def test_a_missing_program_is_named_with_the_package_that_has_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EdgekitError, match="madeup-elf-g\\+\\+ is not installed") as missing:
        MADE_UP.toolchain.need("g++")
    assert missing.value.hint.endswith("--no-install-recommends gcc-madeup")
    with pytest.raises(EdgekitError, match="qemu-system-xtensa is not installed") as missing:
        need("qemu-system-xtensa")
    assert "qemu-system-misc" in missing.value.hint
