"""What the doctor sees."""

import grp
import json
import os
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgekit.boards.board import usb_name
from edgekit.cli.device import doctor_command as command
from edgekit.device.doctor import Finding, doctor, findings_part
from edgekit.device.link import Port
from edgekit.device.project import unpack
from edgekit.extras import install
from terminal import printed


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


def test_only_a_port_that_a_board_may_be_at_is_ok(tmp_path: Path) -> None:
    own, unknown = Port("/dev/ttyS0", "", None), Port("/dev/ttyUSB0", "USB-Serial Controller", None)
    found = {finding.name: finding for finding in doctor(tmp_path, [own, unknown])}
    assert not found["/dev/ttyS0"].ok
    assert "--port /dev/ttyS0" in found["/dev/ttyS0"].advice
    assert "USB-Serial Controller" in found["/dev/ttyUSB0"].found
    assert found["board"].found == "none found on USB"
    board = Port("/dev/null", "", "CP210x")  # may be opened
    found = {finding.name: finding for finding in doctor(tmp_path, [board, own])}
    assert found["/dev/null"].ok
    assert "board" not in found


def test_an_adapter_with_two_ports_hides_no_missing_driver(tmp_path: Path) -> None:
    for name, ids in (("1-1", ("0403", "6010")), ("1-2", ("1a86", "7523"))):
        (tmp_path / name).mkdir()
        for file, value in zip(("idVendor", "idProduct"), ids, strict=True):
            (tmp_path / name / file).write_text(f"{value}\n")
    two = [Port(f"/dev/ttyUSB{at}", "", usb_name(0x0403, 0x6010), f"1-1:1.{at}") for at in (0, 1)]
    found = {finding.name: finding for finding in doctor(tmp_path, two)}
    assert found["driver"].found == "CH340 on USB without a serial port"
    assert "JTAG side" in found["/dev/ttyUSB0"].found
    assert "JTAG side" not in found["/dev/ttyUSB1"].found


@pytest.mark.skipif(sys.platform != "linux", reason="groups of serial devices are Linux's")
def test_a_user_outside_of_the_serial_ports_group_is_told_before_a_board_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = next(name for name in ("dialout", "uucp") if name in {group.gr_name for group in grp.getgrall()})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for groups, ok in (([], False), ([grp.getgrnam(name).gr_gid], True)):
        monkeypatch.setattr(os, "getgroups", lambda groups=groups: groups)
        (found,) = (finding for finding in doctor() if finding.name == f"group {name}")
        assert found.ok == ok
        assert ok or f"usermod -a -G {name}" in found.advice


def test_espressifs_toolchain_is_looked_for_where_platformio_keeps_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", str(tmp_path))
    (missing,) = (finding for finding in doctor() if finding.name == "Espressif's toolchain")
    assert not missing.ok
    assert "pio run -d firmware" in missing.advice
    (tmp_path / "packages/toolchain-xtensa-esp-elf").mkdir(parents=True)
    (there,) = (finding for finding in doctor() if finding.name == "Espressif's toolchain")
    assert there.ok


def test_a_qemu_that_counts_no_cycles_is_told_with_its_version(old_qemu: str) -> None:
    (found,) = (finding for finding in doctor() if finding.name == "qemu-system-xtensa")
    assert not found.ok
    assert f"{old_qemu} is too old to count cycles" in found.found
    assert "milliseconds" in found.needed_for
    assert "Install QEMU 7.2" in found.advice


def test_settings_of_an_earlier_build_that_win_over_the_projects_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "own"
    unpack(folder)
    monkeypatch.setenv("EDGEKIT_FIRMWARE", str(folder))
    today = (folder / "sdkconfig.defaults").read_text()
    (folder / "sdkconfig.esp32dev_aot").write_text(f"{today}CONFIG_OF_ESP_IDF=y\n")
    (folder / "sdkconfig.esp32dev_qio").write_text(today)
    older = today.replace("CONFIG_COMPILER_OPTIMIZATION_SIZE=y", "CONFIG_COMPILER_OPTIMIZATION_PERF=y")
    (folder / "sdkconfig.esp32dev").write_text(older)
    found = {finding.name: finding for finding in doctor() if finding.name.startswith("sdkconfig")}
    assert sorted(found) == ["sdkconfig.esp32dev", "sdkconfig.esp32dev_qio"]  # _aot has all that the project asks for
    assert found["sdkconfig.esp32dev"].found.endswith("they differ in CONFIG_COMPILER_OPTIMIZATION_SIZE")
    assert found["sdkconfig.esp32dev"].advice.endswith(f"remove {folder / 'sdkconfig.esp32dev'}")
    assert "CONFIG_ESPTOOLPY_FLASHMODE_QIO" in found["sdkconfig.esp32dev_qio"].found


def test_the_command_prints_lines_or_json() -> None:
    lines = CliRunner().invoke(command, [], catch_exceptions=False)
    assert "ok  numpy" in lines.stdout
    answer = json.loads(CliRunner().invoke(command, ["--json"], catch_exceptions=False).stdout)
    assert {"name", "ok", "found", "needed_for", "advice"} == set(answer["findings"][0])


def test_paths_and_commands_stay_whole_in_80_columns() -> None:
    path = "/home/somebody/a/folder/of/projects/that/is/deeper/than/a/terminal/is/wide/firmware"
    found = Finding(
        "firmware", False, f"{path}, without a model", "pio run -d firmware", "edgekit firmware --model " + path
    )
    lines = printed([findings_part([Finding("numpy", True, "1.26.4"), found])], 80).splitlines()
    assert "ok  numpy     1.26.4" in lines
    assert f"--  firmware  {path}, without a model" in lines
    assert f"      to do: edgekit firmware --model {path}" in lines


def test_no_hint_installs_what_another_project_has_called_edgekit() -> None:
    root = Path(__file__).parents[2]
    by_name = re.compile(r"pip install [^\n]*\bedgekit\b(?!')")
    sources = [*root.glob("src/**/*.py"), *root.glob("tools/*"), root / "README.md", root / "firmware/README.md"]
    assert [path for path in sources if path.is_file() and by_name.search(path.read_text(errors="replace"))] == []
    assert all("edgekit[" not in install(extra) for extra in ("", "build", "build,cluster"))
