"""Other ranges and biases for the int8 model: what they mend, and that they change nothing where nothing is asked."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.analysis.analyze import analyze
from edgekit.compile import compile_model
from edgekit.conversion.convert import convert
from edgekit.conversion.recalibrate import _range, recalibrated
from edgekit.conversion.tflite import full_range
from edgekit.recipes.reading import recipe_named
from edgekit.recipes.recipe import ConvertRecipe, QuantizeRecipe
from edgekit.tflite.reader import read_file
from edgekit.tflite.schema import schema
from edgekit.tflite.strip import finished
from edgekit.values.analysis import Analysis
from small_student import discs

pytest.importorskip("ai_edge_litert")
IMAGES = full_range(discs(32, 32, seed=2)[0])
PERCENTILE, MSE = QuantizeRecipe("percentile"), QuantizeRecipe("mse")
CORRECTED = QuantizeRecipe(bias_correction=True)


@pytest.fixture(scope="module")
def pair(student: Any) -> tuple[bytes, bytes]:
    return student.converted.models["int8"].flatbuffer, student.converted.models["float32"].flatbuffer


def analyzed(int8: bytes, floats: bytes, student: Any, folder: Path) -> Analysis:
    (folder / "int8.tflite").write_bytes(int8)
    (folder / "float.tflite").write_bytes(floats)
    np.savez(folder / "discs.npz", x=student.images[:40], y=np.arange(40) % 2)
    return analyze(folder / "int8.tflite", str(folder / "discs.npz"), floats=folder / "float.tflite")


def too_wide(int8: bytes) -> bytes:
    """The model with a first range 16 times as wide as its values, as an outlier among the calibration images makes it;
    the next biases are in its units."""
    classes = schema(writes=True)
    model = classes.ModelT.InitFromObj(classes.Model.GetRootAs(int8, 0))
    graph = model.subgraphs[0]
    bias = graph.tensors[graph.operators[2].inputs[2]]
    for tensor in (*(graph.tensors[graph.operators[row].outputs[0]] for row in (0, 1)), bias):
        tensor.quantization.scale = [float(np.float32(16 * one)) for one in tensor.quantization.scale]
    stored = np.frombuffer(bytes(model.buffers[bias.buffer].data), np.int32)
    model.buffers[bias.buffer].data = np.frombuffer(np.round(stored / 16).astype(np.int32).tobytes(), np.uint8)
    return finished(model, len(int8))


def test_what_is_not_asked_for_changes_no_byte(pair: tuple[bytes, bytes]) -> None:
    assert recalibrated(*pair, IMAGES, QuantizeRecipe()) is pair[0]
    assert recipe_named("esp32").quantize == QuantizeRecipe()


@pytest.mark.parametrize("recipe", [PERCENTILE, MSE])
def test_ranges_that_are_too_wide_are_mended(
    recipe: QuantizeRecipe, pair: tuple[bytes, bytes], student: Any, tmp_path: Path
) -> None:
    before = analyzed(too_wide(pair[0]), pair[1], student, tmp_path)
    made = recalibrated(too_wide(pair[0]), pair[1], IMAGES, recipe)
    after = analyzed(made, pair[1], student, tmp_path)
    assert after.output_db > before.output_db + 6
    assert after.output_db > analyzed(*pair, student, tmp_path).output_db - 1
    assert 0.8 < after.layers[1].range_used < 1.5
    compile_model(made)


def test_operators_that_must_keep_a_range_share_the_new_one_and_the_input_keeps_its_own(
    pair: tuple[bytes, bytes],
) -> None:
    before, after = read_file(pair[0]), read_file(recalibrated(*pair, IMAGES, PERCENTILE))
    assert [op.code for op in after.operators] == [op.code for op in before.operators]
    for op in after.operators:
        if "POOL" in op.code:
            entry, end = (after.tensors[index] for index in (op.inputs[0], op.outputs[0]))
            assert (entry.scales, entry.zero_points) == (end.scales, end.zero_points)
        if op.code == "CONV_2D":
            entry, weights, bias = (after.tensors[index] for index in op.inputs)
            assert bias.scales == pytest.approx(entry.scales * weights.scales, rel=1e-6)
    first = [file.tensors[file.inputs[0]].scales for file in (before, after)]
    assert first[0] == first[1]


def test_bias_correction_takes_back_what_rounded_weights_add(
    pair: tuple[bytes, bytes], student: Any, tmp_path: Path
) -> None:
    before = analyzed(*pair, student, tmp_path)
    made = recalibrated(*pair, IMAGES, CORRECTED)
    after = analyzed(made, pair[1], student, tmp_path)
    assert after.output_db > before.output_db + 3
    old, new = read_file(pair[0]), read_file(made)
    computed = [index for op in old.operators for index in op.outputs]
    assert all((old.tensors[index].scales == new.tensors[index].scales).all() for index in computed)


def test_a_percentile_leaves_out_that_share_and_the_least_error_is_the_least() -> None:
    counts = np.zeros(4096)
    counts[:3000], counts[4095] = 100.0, 3.0  # from 0 to 4096, with outliers at the end
    assert _range(counts, 0.0, 4096.0, QuantizeRecipe("percentile", 0.9999)) == (0.0, pytest.approx(3000, abs=2))
    assert _range(counts, 0.0, 4096.0, QuantizeRecipe("percentile", 1.0)) == (0.0, 4096.0)
    low, high = _range(counts, 0.0, 4096.0, MSE)
    assert low == 0
    assert high < 4096
    both = np.ones(4096)
    assert _range(both, -2.0, 2.0, QuantizeRecipe("percentile", 0.9)) == pytest.approx((-1.8, 1.8), abs=0.01)
    assert _range(both, 1.0, 2.0, MSE)[0] == 0


def test_a_conversion_takes_the_recipes_ranges_and_its_gate_judges_them(student: Any) -> None:
    calibration, _ = discs(32, 32, seed=2)
    recipe = QuantizeRecipe("mse", bias_correction=True)
    made = convert(student.module, (32, 32, 1), calibration, ConvertRecipe(), student.images, recipe)
    assert made.models["int8"].sha256 != student.converted.models["int8"].sha256
    assert made.models["float16"].sha256 == student.converted.models["float16"].sha256
    assert made.drifts["int8"].deviations < student.converted.drifts["int8"].deviations
