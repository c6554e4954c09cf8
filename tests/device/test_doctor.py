"""What the doctor sees."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgekit.cli_device import doctor as command
from edgekit.device.doctor import doctor


def test_what_is_installed_is_found_with_its_version() -> None:
    found = {finding.name: finding for finding in doctor()}
    assert found["numpy"].ok
    assert found["numpy"].found[0].isdigit()
    assert found["g++"].ok
    assert found["python"].advice == ""


def test_what_is_missing_comes_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {finding.name: finding for finding in doctor(tmp_path)}
    assert not found["qemu-system-xtensa"].ok
    assert "apt-get install" in found["qemu-system-xtensa"].advice
    assert "qemu-system-misc" in found["qemu-system-xtensa"].advice


def test_a_usb_chip_without_a_serial_port_points_to_its_driver(tmp_path: Path) -> None:
    (tmp_path / "1-1").mkdir()
    (tmp_path / "1-1/idVendor").write_text("1a86\n")
    (tmp_path / "1-1/idProduct").write_text("7523\n")
    (tmp_path / "1-2").mkdir()
    (tmp_path / "1-2/idVendor").write_text("dead\n")
    (tmp_path / "1-2/idProduct").write_text("beef\n")
    found = {finding.name: finding for finding in doctor(tmp_path)}
    assert found["driver"].found == "CH340 on USB without a serial port"
    assert "brltty" in found["driver"].advice


def test_the_command_prints_a_table_or_json() -> None:
    table = CliRunner().invoke(command, [], catch_exceptions=False)
    assert "needed for" in table.stdout
    answer = json.loads(CliRunner().invoke(command, ["--json"], catch_exceptions=False).stdout)
    assert {"name", "ok", "found", "needed_for", "advice"} == set(answer["findings"][0])
