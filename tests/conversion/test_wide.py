"""16x8 between int8 ends: closer to the float network than int8, and the compiler's bytes are TFLM's."""

from pathlib import Path
from typing import Any

import pytest

from edgekit.conversion.convert import convert
from edgekit.recipes.recipe import ConvertRecipe, QuantizeRecipe
from edgekit.testing import exactness
from edgekit.tflite.reader import read_file
from small_student import discs


@pytest.fixture(scope="module")
def wide(student: Any) -> Any:
    calibration, _ = discs(32, 32, seed=2)
    recipe = QuantizeRecipe(activations="int16")
    return convert(student.module, (32, 32, 1), calibration, ConvertRecipe(), student.images, recipe)


def test_a_model_of_int16_activations_has_the_int8_models_ends_and_its_weights(wide: Any, student: Any) -> None:
    model, other = wide.models["int8"], student.converted.models["int8"]
    assert (model.variant, model.input_q, model.output_q) == ("int8", other.input_q, other.output_q)
    assert model.ops == ("QUANTIZE", *other.ops, "QUANTIZE")
    file, narrow = read_file(model.flatbuffer), read_file(other.flatbuffer)
    between = {file.tensors[index].type for op in file.operators[:-1] for index in op.outputs}
    assert between == {"INT16"}
    weights = [[one.tensors[op.inputs[1]] for op in one.operators if op.code == "CONV_2D"] for one in (file, narrow)]
    assert [tensor.data.tobytes() for tensor in weights[0]] == [tensor.data.tobytes() for tensor in weights[1]]
    assert wide.models["float32"] == student.converted.models["float32"]


def test_it_drifts_less_than_int8_and_the_compilers_bytes_are_tflms(wide: Any, student: Any, tmp_path: Path) -> None:
    assert wide.drifts["int8"].deviations < student.converted.drifts["int8"].deviations
    models = exactness.cases(lambda seed: wide.models["int8"].flatbuffer, [0])
    assert len(models) == 1
    assert exactness.differing_in_any_mode(models, tmp_path) == []
