"""A model as firmware sources: what is generated agrees with the model, and what cannot run is named here."""

import dataclasses
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from edgekit.compile import supported_ops
from edgekit.device import firmware
from edgekit.device.model_sources import model_files
from edgekit.errors import EdgekitError
from edgekit.runtimes.interpreters import TFLM_OPS
from edgekit.tflite.model import read_tflite
from edgekit.values.evaluation import Threshold
from edgekit.values.model import TfliteModel

FIRMWARE = Path(__file__).parents[2] / "firmware"
VECTORS = Path(__file__).parents[1] / "vectors/student"


def test_resolver_holds_the_models_operators_and_no_more(sources: Mapping[str, str], model: TfliteModel) -> None:
    added = re.findall(r"resolver\.(Add\w+)\(\)", sources["ops.h"])
    assert sorted(added) == sorted({TFLM_OPS[op] for op in model.ops})
    assert f"kOpCount = {len(set(model.ops))};" in sources["ops.h"]


def test_both_backends_know_the_same_operators() -> None:
    assert set(TFLM_OPS) == set(supported_ops())


def test_data_is_the_tflite_byte_for_byte(sources: Mapping[str, str], model: TfliteModel) -> None:
    body = sources["data.cc"].partition("{\n")[2].partition("kModelData[] = {")[2].partition("}")[0]
    content = bytes(int(number) for number in body.split(",") if number.strip())
    assert hashlib.sha256(content).hexdigest() == model.sha256
    assert f"kModelDataBytes = {len(content)};" in sources["data.h"]


def test_threshold_and_arena_reach_the_firmware(model: TfliteModel, compiled: Mapping[str, str]) -> None:
    info = model_files(model, compiled, Threshold(0.7, margin_q=-23), 95_920)["info.h"]
    assert "-23,  // margin_q" in info
    assert "kTflmArenaBytes = 95920;" in info


def test_an_operator_that_is_not_supported_is_named_at_build_time(
    model: TfliteModel, compiled: Mapping[str, str]
) -> None:
    foreign = dataclasses.replace(model, ops=(*model.ops, "TRANSPOSE"))
    with pytest.raises(EdgekitError, match="does not know the operator TRANSPOSE") as caught:
        model_files(foreign, compiled, None, 0)
    assert "CONV_2D" in caught.value.hint


def test_a_float_model_is_refused(compiled: Mapping[str, str]) -> None:
    with pytest.raises(EdgekitError, match="float32 model cannot run on the board"):
        model_files(read_tflite(VECTORS / "float32.tflite"), compiled, None, 0)


def test_an_input_beyond_the_protocol_is_refused(model: TfliteModel, compiled: Mapping[str, str]) -> None:
    large = dataclasses.replace(model, input_shape=(512, 512, 1))
    with pytest.raises(EdgekitError, match="512x512x1 is more than the protocol's 122880 bytes"):
        model_files(large, compiled, None, 0)


def test_sources_that_did_not_change_are_not_written_again(sources: Mapping[str, str], tmp_path: Path) -> None:
    firmware.write_model(sources, tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    firmware.write_model(sources, tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert set(before) == {"model.h", "model.c", "info.h", "ops.h", "data.h", "data.cc"}


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
