"""Flashing, against a bootloader that runs here."""

import os
import pty
import socket
import subprocess
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgekit.boards.board import ESP32
from edgekit.cli.device import flash_command
from edgekit.device import esptool
from edgekit.device.esptool import Chip, identify
from edgekit.device.flash import flash
from edgekit.errors import EdgekitError
from images_built import APP_OFFSET, image, table, write_build


def test_all_three_parts_are_written_and_their_hashes_verified(
    bootloader: Callable[[str], str], built: Path, tmp_path: Path
) -> None:
    port = bootloader("esp32")
    lines: list[str] = []
    done = flash(port, built, on_line=lines.append)
    assert done.chip.startswith("ESP32")
    assert done.flash_bytes == 4 * 1024 * 1024
    blank = 0x2000 + 0x1000  # the choice of an application, the head of a stored model
    assert done.written_bytes == blank + sum(part.stat().st_size for part in built.glob("*.bin"))
    assert sum("Hash of data verified" in line for line in lines) == 5
    verify = [sys.executable, "-m", "esptool", "--chip", "esp32", "--port", port, "verify-flash", hex(APP_OFFSET)]
    right = subprocess.run([*verify, built / "firmware.bin"], capture_output=True, text=True, check=False)
    assert right.returncode == 0, right.stdout
    (tmp_path / "other.bin").write_bytes(image(50_001)[::-1])
    wrong = subprocess.run([*verify, tmp_path / "other.bin"], capture_output=True, text=True, check=False)
    assert wrong.returncode != 0


@contextmanager
def slow_line(chip: str, fastest: int, damage: int, recovers: bool = True) -> Iterator[str]:
    """A chip behind a terminal device, as behind a USB chip that is whole up to a rate: beyond it a bit of every
    seventh byte is another, or no byte comes through (`damage` 0). `recovers`: the next esptool reaches the chip."""
    host, _, number = chip.removeprefix("socket://").rpartition(":")
    master, slave = pty.openpty()
    tty.setraw(slave)
    rates = {getattr(termios, f"B{rate}"): rate for rate in (115200, 230400, 460800, 921600)}
    seen = {0}
    with socket.create_connection((host, int(number))) as line:

        def carried(data: bytes) -> bytes:
            seen.add(rate := rates[termios.tcgetattr(slave)[4]])
            if (rate if recovers else max(seen)) <= fastest:
                return data
            return bytes(byte ^ (damage if at % 7 == 0 else 0) for at, byte in enumerate(data)) if damage else b""

        def carry(read: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
            with suppress(OSError):
                while data := read():
                    write(carried(data))

        ways = (
            (lambda: os.read(master, 4096), line.sendall),
            (lambda: line.recv(4096), lambda data: os.write(master, data)),
        )
        for way in ways:
            threading.Thread(target=carry, args=way, daemon=True).start()
        yield os.ttyname(slave)
    os.close(slave)
    os.close(master)


@pytest.mark.parametrize("damage", [0, 0x11], ids=["silent", "garbled"])
def test_a_line_that_fails_at_a_fast_rate_is_flashed_at_a_slower_one_which_is_said(
    bootloader: Callable[[str], str], built: Path, damage: int
) -> None:
    lines: list[str] = []
    with slow_line(bootloader("esp32"), 230400, damage) as port:
        done = flash(port, built, on_line=lines.append)
    assert done.baud == 230400
    tried = [line for line in lines if "Trying" in line]
    assert len(tried) == 2
    assert "esptool failed at 921600 baud" in tried[0]
    assert tried[0].endswith("Trying 460800 baud.")
    assert tried[1].endswith("Trying 230400 baud.")
    assert sum("Hash of data verified" in line for line in lines) == 5


def test_a_board_that_has_to_be_held_in_its_loader_is_flashed_next_at_the_slower_rate(
    bootloader: Callable[[str], str], built: Path
) -> None:
    with (
        slow_line(bootloader("esp32"), 230400, damage=0, recovers=False) as port,
        pytest.raises(EdgekitError, match="No classic ESP32 answers") as caught,
    ):
        flash(port, built, baud=460800)
    assert "Hold BOOT" in caught.value.hint
    assert caught.value.hint.endswith("flash again with --baud 230400.")


def test_words_of_esptool_that_are_not_utf_8_are_read(monkeypatch: pytest.MonkeyPatch, built: Path) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")  # what a system with such a locale prints
    with pytest.raises(EdgekitError, match="ttyü cannot be opened"):
        flash("/dev/ttyü", built)


@pytest.mark.parametrize("says", ["print('Writing at 0x00010000...', flush=True)", "pass"], ids=["talks", "is silent"])
def test_an_esptool_that_never_ends_is_ended(
    monkeypatch: pytest.MonkeyPatch, built: Path, tmp_path: Path, says: str
) -> None:
    (tmp_path / "esptool.py").write_text(f"import time\nfor _ in range(500):\n    {says}\n    time.sleep(0.1)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(esptool, "START_LIMIT_S", 1.5)
    with pytest.raises(EdgekitError, match=r"esptool did not end in 2 s at /dev/none\.") as caught:
        flash("/dev/none", built)
    assert caught.value.hint == "Unplug the board, plug it in, and flash it again."


@pytest.mark.parametrize(("baud", "limit_s"), [(921600, 344), (115200, 344), (9600, 2253), (None, 344)])
def test_esptool_may_take_as_long_as_so_many_bytes_can(baud: int | None, limit_s: int) -> None:
    tool = esptool.Esptool("/dev/none", ESP32, lambda line: None, baud, 921600)
    assert round(tool.limit_s(1_000_000)) == limit_s


def test_another_chip_is_refused_before_anything_is_written(bootloader: Callable[[str], str], built: Path) -> None:
    lines: list[str] = []
    with pytest.raises(EdgekitError, match=r"ESP32-S3.*not a classic ESP32"):
        flash(bootloader("esp32s3"), built, on_line=lines.append)
    assert not any("Writing" in line or "Wrote" in line for line in lines)


def test_a_port_at_which_no_chip_answers_says_how_to_start_the_bootloader(built: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = f"socket://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(EdgekitError, match="No classic ESP32 answers") as caught:
            flash(port, built)
    assert "BOOT" in caught.value.hint


def test_a_flash_that_is_too_small_for_the_table_is_refused(bootloader: Callable[[str], str], built: Path) -> None:
    (built / "partitions.bin").write_bytes(table((0, 0, APP_OFFSET, 0x800000, b"factory")))
    lines: list[str] = []
    with pytest.raises(EdgekitError, match=r"4,194,304 bytes of flash; the firmware needs 8,454,144"):
        flash(bootloader("esp32"), built, on_line=lines.append)
    assert any("Hard resetting" in line for line in lines)  # what the board held runs again


@pytest.mark.parametrize(
    ("name", "features"),
    [("ESP32-S0WDQ6 (revision v1.0)", "Wi-Fi, BT"), ("ESP32-U4WDH (revision v3.1)", "Wi-Fi, BT, Single Core, 240MHz")],
)
def test_a_classic_esp32_with_one_core_is_told_as_what_it_is(name: str, features: str) -> None:
    said = f"Chip type:          {name}\nFeatures:           {features}\nDetected flash size: 4MB\n"
    assert identify(said) == Chip(name, 4 << 20, one_core=True)
    assert not identify(said.replace("S0WD", "D0WD").replace("Single", "Dual")).one_core


def test_on_a_chip_with_one_core_only_what_runs_on_one_is_written(
    bootloader: Callable[..., str], built: Path, tmp_path: Path
) -> None:
    port, lines = bootloader("esp32", one_core=True), list[str]()
    write_build(built, needs_two_cores=True)
    with pytest.raises(EdgekitError, match="is a classic ESP32 with one core; the firmware is built for two") as caught:
        flash(port, built, on_line=lines.append)
    assert "pio run -d firmware -e esp32dev_one_core_aot -t upload" in caught.value.hint
    assert "ESP32-D0WD" in caught.value.hint
    assert not any("Writing" in line or "Wrote" in line for line in lines)
    done = flash(port, write_build(tmp_path / "one"), on_line=lines.append)
    assert done.written_bytes > 50_000
    assert any("Single Core" in line for line in lines)


def test_help_lists_the_ports_that_flash_takes_and_no_other() -> None:
    said = CliRunner().invoke(flash_command, ["--help"]).output
    assert "socket://HOST:PORT" in said
    assert not any(word in said for word in ("emulator", "native", "desktop"))


@pytest.mark.parametrize(
    ("name", "classic"),
    [
        ("ESP32-D0WD-V3 (revision v3.1)", True),
        ("ESP32-D0WDQ6 (revision v1.0)", True),
        ("ESP32-U4WDH (revision v3.1)", True),
        ("ESP32-PICO-D4 (revision v1.1)", True),
        ("ESP32-S3 (QFN56) (revision v0.2)", False),
        ("ESP32-C3 (QFN32) (revision v0.4)", False),
        ("ESP8266EX", False),
        ("ESP32-S31 (revision v0.0)", False),
    ],
)
def test_only_the_classic_esp32_is_taken(name: str, classic: bool) -> None:
    said = f"Chip type:          {name}\nDetected flash size: 4MB\n"
    if classic:
        assert identify(said) == Chip(name, 4 * 1024 * 1024, one_core=False)
    else:
        with pytest.raises(EdgekitError, match="not a classic ESP32"):
            identify(said)
