"""UNIDIRECTIONAL_SEQUENCE_LSTM beside TFLM: sequences within a run and of 20 runs; forms that are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile.ops.unidirectional_sequence_lstm import Lstm
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing.exactness import cases, differing_in_any_mode
from edgekit.testing.random_models import network_of
from edgekit.testing.random_operators import Random
from edgekit.testing.random_states import lstm


def test_networks_around_it_give_the_bytes_of_tflm_run_after_run(tmp_path: Path) -> None:
    models = cases(lambda seed: network_of(seed, lstm), range(16))
    ops = [op for case in models for op in case.graph.ops if isinstance(op, Lstm)]
    assert len(models) > 13
    assert {op.power for op in ops} >= {-10, -12}
    assert {bool(op.clip) for op in ops} == {False, True}
    assert differing_in_any_mode(models, tmp_path) == []


def changed(change: Callable[[Any, Any], None]) -> bytes:
    """A model of one LSTM with its operator and tensors changed."""
    r = Random(3)
    x = r.activation((1, 2, 4), 0.1, 0)
    y = lstm(r, x)
    change(r.b.ops[-1], r.b.tensors)
    return r.b.finish([x], [y])


def option(**values: Any) -> Callable[[Any, Any], None]:
    return lambda op, _: [setattr(op.builtinOptions, name, value) for name, value in values.items()] and None


def given(position: int, tensor: int) -> Callable[[Any, Any], None]:
    return lambda op, _: op.inputs.__setitem__(position, tensor)


def fewer_inputs(op: Any, _: Any) -> None:
    del op.inputs[20:]


def odd_cell(op: Any, tensors: Any) -> None:
    tensors[op.inputs[19]].quantization.scale = [0.0003]


def no_variable(op: Any, tensors: Any) -> None:
    tensors[op.inputs[18]].isVariable = False


def two_sequences(op: Any, tensors: Any) -> None:
    op.builtinOptions.timeMajor = False
    for index in (0, op.inputs[0], op.outputs[0]):
        tensors[index].shape = [2, 2, tensors[index].shape[2]]
    tensors[op.inputs[0]].shape[2] = 4


def wider(op: Any, tensors: Any) -> None:
    tensors[op.inputs[6]].shape = [*tensors[op.inputs[6]].shape[::-1], 1]


def tiny_hidden(op: Any, tensors: Any) -> None:
    tensors[op.inputs[18]].quantization.scale = [1e-12]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (given(1, -1), r"inputs \[1\] are missing, of which its gates are made"),
        (given(13, -1), r"inputs \[13\] are missing, of which its gates are made"),
        (given(9, 1), "an LSTM with peepholes, projection or layer normalisation is not supported"),
        (fewer_inputs, "an LSTM with peepholes, projection or layer normalisation is not supported"),
        (option(fusedActivationFunction=schema.ActivationFunctionType.RELU), "its activation is RELU"),
        (option(diagonalRecurrentTensors=True), "its recurrent weights are diagonal"),
        (option(cellClip=float("nan")), "its cell is clipped at nan"),
        (odd_cell, "its cell has scale 0.0003, not a power of two"),
        (no_variable, "input 18 is no variable of INT8"),
        (two_sequences, r"it needs a single sequence and has 2 of them: \[2,"),
        (wider, r"input 6 has shape"),
        (tiny_hidden, "does not fit into 32 bits"),
    ],
)
def test_other_forms_and_gates_left_out_are_refused(change: Callable[[Any, Any], None], message: str) -> None:
    assert read_graph(changed(lambda *_: None)).states
    with pytest.raises(EdgekitError, match=message):
        read_graph(changed(change))
