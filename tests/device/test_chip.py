"""The chip in its vendor's QEMU: how that is found and called. No test runs Espressif's QEMU; a stand-in leads to the
native firmware or to the mock bootloader."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.device import firmware
from edgekit.device.chip import vendor_qemu
from edgekit.device.client import Client
from edgekit.device.connection import connected, device_json
from edgekit.device.doctor import doctor
from edgekit.device.evaluate import evaluate_on_device
from edgekit.device.firmware import ModelSources
from edgekit.device.flash import flash
from edgekit.device.images import flash_contents, plan
from edgekit.device.profile import profile
from edgekit.device.protocol.codes import BoardKind
from edgekit.device.selftest import checks_table, selftest
from edgekit.errors import EdgekitError
from edgekit.report.pages.device import board_parts
from edgekit.values.device_run import agreement, latency
from edgekit.values.images import DataInfo, ImageSet
from edgekit.values.model import TfliteModel
from images_built import write_build
from terminal import printed

STAND_IN = Path(__file__).with_name("stand_in_qemu.py")


@pytest.fixture
def qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in as the second QEMU on the PATH, behind one without the chip; what it was called with."""
    for name, text in (
        ("debians", "#!/bin/sh\necho 'kc705 kc705 EVB (dc232b)'\n"),
        ("espressifs", f'#!/bin/sh\nexec {sys.executable} {STAND_IN} "$@"\n'),
    ):
        program = tmp_path / name / "qemu-system-xtensa"
        program.parent.mkdir()
        program.write_text(text)
        program.chmod(0o755)
    tools = [str(Path(shutil.which("setpriv") or "/usr/bin/true").parent), str(Path(sys.executable).parent)]
    path = ":".join([str(tmp_path / "debians"), str(tmp_path / "espressifs"), *tools])
    monkeypatch.setenv("PATH", path)
    called = tmp_path / "called.json"
    monkeypatch.setenv("EDGEKIT_CALLED", str(called))
    return called


def test_the_built_firmware_is_started_in_the_qemu_that_has_the_chip_and_answers(
    qemu: Path, empty_project: Path, native: Path, model: TfliteModel, sources: ModelSources,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    built = write_build(empty_project / ".pio/build/esp32dev_aot")
    said: list[str] = []

    def wait(what: str) -> object:
        said.append(what)
        return memoryview(b"")

    with firmware.running(native) as behind:
        monkeypatch.setenv("EDGEKIT_BEHIND", behind)
        with connected("qemu-esp32", model, lambda: sources, on_wait=wait) as client:  # type: ignore[arg-type]
            assert client.ping(b"there")
    words = json.loads(qemu.read_text())
    assert said == ["Starting the firmware at qemu-esp32"]
    assert words[words.index("-machine") + 1] == "esp32"
    assert not any("strap_mode" in word for word in words)
    assert qemu.with_name("called.json.flash").read_bytes() == flash_contents(plan(built))


def test_flashing_goes_through_the_loader_of_an_erased_chip(
    qemu: Path, empty_project: Path, bootloader: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_build(empty_project / ".pio/build/esp32dev")
    monkeypatch.setenv("EDGEKIT_BEHIND", bootloader("esp32"))
    lines: list[str] = []
    done = flash("qemu-esp32", on_line=lines.append)
    assert done.chip.startswith("ESP32")
    assert done.flash_mode == "DIO 40 MHz"
    assert sum("Hash of data verified" in line for line in lines) == 5
    words = json.loads(qemu.read_text())
    assert words[words.index("driver=esp32.gpio,property=strap_mode,value=0x0f") - 1] == "-global"
    assert set(qemu.with_name("called.json.flash").read_bytes()) == {0xFF}


def test_a_qemu_without_the_chip_is_named_with_how_to_get_one_that_has_it(
    qemu: Path, monkeypatch: pytest.MonkeyPatch, empty_project: Path
) -> None:
    assert vendor_qemu() == str(qemu.parent / "espressifs/qemu-system-xtensa")
    monkeypatch.setenv("PATH", str(qemu.parent / "debians"))
    with pytest.raises(EdgekitError, match=r"debians/qemu-system-xtensa .* has no machine esp32") as without:
        vendor_qemu()
    assert "idf_tools.py install qemu-xtensa" in without.value.hint
    monkeypatch.setenv("PATH", str(empty_project))
    with pytest.raises(EdgekitError, match="There is no qemu-system-xtensa on the PATH") as absent:
        vendor_qemu()
    assert "idf_tools.py install qemu-xtensa" in absent.value.hint
    found = {finding.name: finding for finding in doctor()}
    assert "There is no qemu-system-xtensa" in found["Espressif's QEMU"].found


def test_a_qemu_that_is_too_old_for_the_options_is_quoted(
    qemu: Path, empty_project: Path, model: TfliteModel, sources: ModelSources
) -> None:
    write_build(empty_project / ".pio/build/esp32dev")
    with (
        pytest.raises(EdgekitError, match=r"QEMU ended: .*strap_mode.*Property not found") as refused,
        connected("qemu-esp32", model, lambda: sources),
    ):
        pass
    assert "This is QEMU emulator version 9.2.2 (stand-in): get Espressif's newest" in refused.value.hint


@pytest.fixture
def emulated_esp32(client: Client) -> Client:
    """A client of the native board that takes it for an emulated ESP32, as its firmware would say."""
    client.info = replace(client.hello(), board=BoardKind.EMULATED, chip="esp32", clock_hz=0)
    return client


def test_an_emulated_esp32_is_named_as_one_and_times_nothing(
    emulated_esp32: Client, model: TfliteModel, xrays: ImageSet, data_info: DataInfo, tmp_path: Path
) -> None:
    checks = selftest(emulated_esp32, model)
    assert all(check.passed for check in checks)
    (timing,) = (check.found for check in checks if check.name == "timing")
    assert timing == "none: the emulated chip's clock is this computer's"
    title = "Espressif's QEMU (emulated ESP32)"
    assert title in printed([checks_table(device_json(emulated_esp32.info), checks)], 120)
    with pytest.raises(EdgekitError, match="it times nothing") as refused:
        profile(emulated_esp32, bytes(32 * 32))
    assert "--port emulator" in refused.value.hint
    few = replace(xrays, images=xrays.images[:3], labels=xrays.labels[:3], ids=xrays.ids[:3], groups=xrays.groups[:3])
    run = evaluate_on_device(emulated_esp32, model, few, data_info, state_dir=tmp_path)
    assert run.runtime == title
    assert latency(run.predictions) is None
    shown = printed(board_parts(run, agreement(run.predictions, run.predictions)), 120)
    assert title in shown
    assert "not a real board" in shown
    assert " us" not in shown
