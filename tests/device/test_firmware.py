"""The firmware's sources: what is written into them agrees with the model, and what cannot run is named here."""

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgekit.cli.main import cli
from edgekit.compile import Compiled, compile_model
from edgekit.device import firmware
from edgekit.device.connection import connected
from edgekit.device.firmware import ModelSources, model_sources
from edgekit.errors import EdgekitError
from edgekit.pipeline.loading import load_model
from edgekit.testing.random_operators import Random
from edgekit.values.evaluation import Threshold
from edgekit.values.model import TfliteModel
from edgekit.values.shipped import DEFAULT_MODEL
from images_built import write_build

FIRMWARE = Path(__file__).parents[2] / "firmware"


def test_threshold_arena_and_outputs_reach_the_firmware(model: TfliteModel, compiled: Compiled) -> None:
    header = model_sources(model, compiled, threshold=Threshold(0.7, margin_q=-23), arena_bytes=95_920).files[
        "model_data.h"
    ]
    assert "kMarginQ = -23;" in header
    assert "kTflmArenaBytes = 95920;" in header
    assert "kOutputs = 2;" in header


def test_an_input_beyond_the_protocol_is_refused(model: TfliteModel, compiled: Compiled) -> None:
    large = dataclasses.replace(model, input_specs=(dataclasses.replace(model.input_specs[0], shape=(512, 512, 1)),))
    with pytest.raises(
        EdgekitError, match=r"512 x 512 x 1 int8 \(262,144 bytes\) is more than the protocol's 122,880 bytes"
    ):
        model_sources(large, compiled)


def test_sources_that_did_not_change_are_not_written_again(sources: ModelSources, tmp_path: Path) -> None:
    firmware.write_model(sources, tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    firmware.write_model(sources, tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert set(before) == {"model.h", "model.c", "model_call.h", "model_data.h", "model_data.cc", "model.json"}


def test_what_an_earlier_edgekit_wrote_beside_the_model_is_not_compiled_with_it(
    sources: ModelSources, tmp_path: Path
) -> None:
    (tmp_path / "data.cc").write_text("of version 0.1")
    firmware.write_model(sources, tmp_path)
    assert not (tmp_path / "data.cc").exists()


def test_the_firmware_says_which_model_it_holds(sources: ModelSources, model: TfliteModel, tmp_path: Path) -> None:
    assert firmware.model_in(tmp_path) is None
    place = firmware.write_model(sources, tmp_path / firmware.MODEL_FOLDER)
    assert firmware.model_in(tmp_path) == model.sha256
    for text in ("[]", "[" * 100_000):
        (place / "model.json").write_text(text)
        assert firmware.model_in(tmp_path) is None


def test_a_damaged_program_in_the_cache_is_named_and_built_again(
    sources: ModelSources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    program = firmware.build("native", sources)
    whole = program.read_bytes()
    assert firmware.build("native", sources) == program
    assert capsys.readouterr().err == ""
    program.write_bytes(whole[: len(whole) // 2])
    assert firmware.build("native", sources) == program
    assert f"{program} is damaged; the work that it kept is done again." in capsys.readouterr().err
    assert len(program.read_bytes()) == len(whole)
    with subprocess.Popen([program], stdout=subprocess.PIPE, stdin=subprocess.PIPE) as run:  # it still runs
        assert run.stdout is not None
        assert run.stdout.readline()
        run.kill()


def test_versions_of_the_real_board_are_pinned() -> None:
    ini = (FIRMWARE / "platformio.ini").read_text()
    assert "platform = espressif32@6.13.0" in ini
    assert "framework = espidf" in ini
    pins = (FIRMWARE / "src/idf_component.yml").read_text()
    assert 'espressif/esp-tflite-micro: "1.3.8"' in pins
    assert 'espressif/esp-nn: "1.2.3"' in pins


def test_every_source_that_cmake_names_exists() -> None:
    listed = re.findall(r"\$\{lib\}(/[\w/]+\.(?:cc|c))", (FIRMWARE / "src/CMakeLists.txt").read_text())
    generated = [name for name in listed if name.startswith("/model/")]
    assert len(generated) == 2
    assert all((FIRMWARE / f"lib{name}").is_file() for name in listed if name not in generated)


def test_the_portable_core_uses_c_headers_alone_and_no_heap() -> None:
    for source in [*FIRMWARE.glob("lib/wire/src/**/*.*"), *FIRMWARE.glob("lib/app/src/**/*.*")]:
        text = source.read_text()
        system = set(re.findall(r"#include <(.+)>", text))
        assert system <= {"stddef.h", "stdint.h", "string.h"}, source
        code = re.sub(r"//.*", "", text)
        assert not re.search(r"\b(new|malloc|free|float|double)\b", code), source


def test_a_model_that_only_tflm_runs_becomes_firmware_for_tflm_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(FIRMWARE, tmp_path / "firmware", ignore=shutil.ignore_patterns(".pio", "model"))
    monkeypatch.setenv("EDGEKIT_FIRMWARE", str(tmp_path / "firmware"))
    r = Random(1)
    x = r.activation((1, 4, 4, 2))
    y = r.b.tensor((1, 3), scales=[16 / 256], zero_points=[127])
    r.b.op("LOG_SOFTMAX", [r.dense(r.reshape(x), 3)], y)
    (tmp_path / "odd.tflite").write_bytes(r.b.finish([x], [y]))
    done = CliRunner().invoke(cli, ["firmware", "--model", str(tmp_path / "odd.tflite")])
    assert done.exit_code == 0, done.exception
    assert "LOG_SOFTMAX (operator 2) is not supported" in done.stderr
    assert "for TFLM alone: pio run -d firmware -e esp32dev" in " ".join(done.stderr.split())
    folder = tmp_path / "firmware" / firmware.MODEL_FOLDER
    assert {path.name for path in folder.iterdir()} == {"model_data.h", "model_data.cc", "model.json"}
    assert "resolver.AddLogSoftmax()" in (folder / "model_data.h").read_text()
    sources, _ = load_model(tmp_path / "odd.tflite").board_sources()
    with pytest.raises(EdgekitError, match="runs on TFLM alone, and the environment native runs compiled C"):
        firmware.build("native", sources)


@pytest.mark.parametrize("ways", [(), ("--target", "generic")])
def test_a_boards_firmware_holds_its_own_kernels_unless_another_target_is_named(
    ways: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(FIRMWARE, tmp_path / "firmware", ignore=shutil.ignore_patterns(".pio", "model"))
    monkeypatch.setenv("EDGEKIT_FIRMWARE", str(tmp_path / "firmware"))
    done = CliRunner().invoke(cli, ["firmware", *ways], catch_exceptions=False)
    assert done.exit_code == 0
    text = (tmp_path / "firmware" / firmware.MODEL_FOLDER / "model.c").read_text()
    assert ("EDGEKIT_MAC16" in text) is (ways == ())
    assert "EDGEKIT_MAC16" not in compile_model(DEFAULT_MODEL.read_bytes()).files["model.c"]


@pytest.mark.parametrize("port", ["emulator", "native", "qemu-esp32"])
def test_a_board_that_edgekit_would_start_is_refused_on_windows_in_a_line(
    port: str, model: TfliteModel, sources: ModelSources, empty_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_build(empty_project / ".pio/build/esp32dev")
    monkeypatch.setattr("edgekit.device.processes._IS_POSIX", False)
    monkeypatch.setattr("edgekit.device.chip.vendor_qemu", lambda board: "qemu-system-xtensa.exe")
    with (
        pytest.raises(EdgekitError, match="on Linux and macOS alone") as refused,
        connected(port, model, lambda: sources),
    ):
        pass
    assert "WSL" in refused.value.hint
