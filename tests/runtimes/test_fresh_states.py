"""Models that keep a state on this computer's runtimes: each input is run from a fresh one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgekit.compile.reference import COMPILED
from edgekit.errors import EdgekitError
from edgekit.runtimes import litert
from edgekit.runtimes.litert import LITERT
from edgekit.runtimes.runtime import Runtime, run_each, to_tensors
from edgekit.runtimes.tflm import TFLM, arena_bytes, arena_parts
from edgekit.testing.exactness import cases
from edgekit.testing.random_models import network_of
from edgekit.testing.random_operators import Random
from edgekit.testing.random_states import lstm, svdf, variable
from edgekit.tflite.model import read_int8_model, read_tflite
from models_with_states import MODELS, afresh, one_after_the_other, wake_word

MNIST = Path(__file__).parents[3] / "shared/models/tfm_mnist_lstm_int8.tflite"  # not in the repository


def inputs_of(content: bytes, count: int = 6) -> np.ndarray:
    model = read_int8_model(content)
    return np.random.default_rng(3).integers(-128, 128, (count, *model.input_shape), dtype=np.int8)


WAYS = [(name, runtime) for name in MODELS for runtime in (TFLM, COMPILED)]
# the models made here lack what LiteRT asks of an LSTM (its intermediate tensors)
WAYS += [("a variable with first values", LITERT), ("SVDF", LITERT)]


@pytest.mark.parametrize(("name", "runtime"), WAYS, ids=[f"{name} on {runtime.name}" for name, runtime in WAYS])
def test_inputs_in_any_order_get_the_same_answers(name: str, runtime: Runtime) -> None:
    content = MODELS[name]
    model, inputs_q = read_tflite(content), inputs_of(content)
    order = np.random.default_rng(1).permutation(len(inputs_q))
    answers = runtime.run(model, inputs_q)
    np.testing.assert_array_equal(runtime.run(model, inputs_q[order]), answers[order])
    np.testing.assert_array_equal(runtime.run(model, inputs_q[:1]), answers[:1])
    expected = afresh(model.flatbuffer, inputs_q)
    assert not np.array_equal(one_after_the_other(model.flatbuffer, inputs_q), expected)  # a kept state would show
    if runtime is LITERT:
        assert np.abs(answers.astype(int) - expected).max() <= 2
    else:
        np.testing.assert_array_equal(answers, expected)


def test_litert_is_not_asked_what_a_variable_without_a_first_value_begins_with() -> None:
    with pytest.raises(EdgekitError, match=r"does not say what variable 'rows' of .* begins with") as refused:
        LITERT.run(read_tflite(MODELS["a variable"]), inputs_of(MODELS["a variable"]))
    assert "--runtime tflm" in refused.value.hint


@pytest.mark.skipif(not MNIST.is_file(), reason=f"{MNIST} is not here")
def test_an_lstm_of_others_begins_afresh_on_litert_too() -> None:
    model = read_tflite(MNIST)
    inputs_q = inputs_of(model.flatbuffer)
    answers = LITERT.run(model, inputs_q)
    np.testing.assert_array_equal(LITERT.run(model, inputs_q[::-1]), answers[::-1])
    assert np.abs(answers.astype(int) - afresh(model.flatbuffer, inputs_q)).max() <= 2
    assert not np.array_equal(one_after_the_other(model.flatbuffer, inputs_q), afresh(model.flatbuffer, inputs_q))


@pytest.mark.parametrize("draw", [variable, lstm, svdf], ids=["variables", "LSTM", "SVDF"])
def test_compiled_c_and_tflm_agree_on_networks_around_any_state(draw: Callable[[Random, int], int]) -> None:
    found = cases(lambda seed: network_of(seed, draw), range(8))
    assert len(found) > 5
    for case in found:
        try:
            model = read_int8_model(case.content)
        except EdgekitError:  # several ends
            continue
        inputs_q = inputs_of(case.content)
        np.testing.assert_array_equal(COMPILED.run(model, inputs_q), TFLM.run(model, inputs_q))
        np.testing.assert_array_equal(TFLM.run(model, inputs_q), afresh(case.content, inputs_q))


def test_litert_with_the_reference_kernels_begins_afresh_too() -> None:
    model, inputs_q = read_tflite(wake_word()), inputs_of(wake_word())
    infer = litert.infer_of(model, reference_kernels=True)
    answers = run_each(infer, to_tensors(model, inputs_q), None)
    assert np.abs(answers.astype(int) - afresh(model.flatbuffer, inputs_q)).max() <= 2


def test_variables_count_among_the_bytes_of_the_arena() -> None:
    model = read_tflite(wake_word())
    assert model.state_bytes == 4 * 8
    activations, records = arena_parts(model)
    assert records > model.state_bytes
    assert arena_bytes(model) >= activations + records
