"""Files with variables and a subgraph that gives them values, as those need them who run them."""

from collections.abc import Callable

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile import compile_model
from edgekit.errors import EdgekitError
from edgekit.runtimes import tflm
from edgekit.tflite.builder import packed
from edgekit.tflite.model import read_tflite
from edgekit.tflite.strip import strip
from models_with_states import MODELS, afresh, wake_word

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("name", "state_bytes"), [("a variable", 32), ("a variable with first values", 32)])
def test_the_bytes_that_a_model_keeps_are_known(name: str, state_bytes: int) -> None:
    model = read_tflite(MODELS[name])
    assert model.state_bytes == state_bytes
    assert "each input is run from a fresh state" in model.remark_on_state


@pytest.mark.parametrize("name", MODELS)
def test_they_are_those_that_the_compiler_counts(name: str) -> None:
    assert read_tflite(MODELS[name]).state_bytes == compile_model(MODELS[name]).graph.state_bytes > 0


def test_the_operators_of_the_other_subgraph_are_named_in_front() -> None:
    ops = read_tflite(wake_word()).ops
    assert ops[:3] == ("VAR_HANDLE", "ASSIGN_VARIABLE", "CALL_ONCE")


def test_a_uint8_output_that_is_not_made_last_is_left_out() -> None:
    whole, inside = read_tflite(wake_word()), read_tflite(wake_word(unsigned=False))
    inputs_q = RNG.integers(-128, 128, (4, *whole.input_shape), dtype=np.int8)
    assert (whole.other_ends, whole.output_q) == ("uint8", inside.output_q)
    np.testing.assert_array_equal(tflm.run(whole, inputs_q), tflm.run(inside, inputs_q))
    outside = afresh(wake_word(), inputs_q).view(np.uint8) ^ 0x80
    np.testing.assert_array_equal(tflm.run(whole, inputs_q).view(np.uint8), outside)
    assert read_tflite(whole.flatbuffer).sha256 == whole.sha256


def test_what_is_stripped_of_names_still_has_its_first_values() -> None:
    model, bare = read_tflite(wake_word()), read_tflite(strip(wake_word()))
    inputs_q = RNG.integers(-128, 128, (4, *model.input_shape), dtype=np.int8)
    assert len(bare.flatbuffer) < len(model.flatbuffer)
    np.testing.assert_array_equal(tflm.run(bare, inputs_q), tflm.run(model, inputs_q))


def changed(change: Callable[[schema.ModelT], None]) -> bytes:
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(wake_word(), 0))
    change(model)
    return packed(model)


def never_run(model: schema.ModelT) -> None:
    del model.subgraphs[0].operators[0]


def larger_first(model: schema.ModelT) -> None:
    model.subgraphs[1].tensors[1].shape = [1, 5, 8]
    model.buffers[model.subgraphs[1].tensors[1].buffer].data = np.zeros(40, np.uint8)


def shorter_constant(model: schema.ModelT) -> None:
    model.buffers[model.subgraphs[1].tensors[1].buffer].data = np.zeros(30, np.uint8)


def handle_of_nothing(model: schema.ModelT) -> None:
    model.subgraphs[1].operators[1].inputs = [7, 1]


def nothing_assigned(model: schema.ModelT) -> None:
    operators = model.subgraphs[0].operators
    operators[-1].inputs = [operators[-1].inputs[0], -1]


def third_subgraph(model: schema.ModelT) -> None:
    model.subgraphs.append(model.subgraphs[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (never_run, "has 2 subgraphs, of which CALL_ONCE does not run all"),
        (third_subgraph, "has 3 subgraphs, of which CALL_ONCE does not run all"),
        (larger_first, r"operator 2 \(READ_VARIABLE\) takes 32 bytes for a variable of 40"),
        (shorter_constant, r"tensor 1 of shape \[1, 4, 8\] and type INT8 holds 30 bytes"),
        (nothing_assigned, r"\(ASSIGN_VARIABLE\) assigns nothing"),
        (handle_of_nothing, "names no VAR_HANDLE"),
    ],
)
def test_a_variable_that_tflm_would_read_or_write_astray_is_refused(
    change: Callable[[schema.ModelT], None], message: str
) -> None:
    with pytest.raises(EdgekitError, match=message) as refused:
        read_tflite(changed(change))
    assert refused.value.hint
