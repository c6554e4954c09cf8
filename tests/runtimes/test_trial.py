"""A model that ends its interpreter's process, or never ends, is refused in words."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.errors import EdgekitError
from edgekit.pipeline.loading import load_model
from edgekit.runtimes import tflm
from edgekit.runtimes.trial import try_apart
from edgekit.testing.random_operators import Random
from edgekit.tflite.model import read_tflite

VECTORS = Path(__file__).parents[1] / "vectors/student"


def ends_tflm() -> bytes:
    """A softmax over 513 equal values, of which TFLM's division asserts that there are fewer."""
    r = Random(0)
    entry = r.activation((1, 1, 1, 1), 1 / 255, -128)
    weights = r.b.tensor((513, 1), data=np.zeros((513, 1), np.int8), scales=[0.01], zero_points=[0])
    middle = r.activation((1, 513), 0.1, 0)
    bias = r.b.tensor((513,), "INT32", np.zeros(513, np.int32), [0.01 / 255], [0])
    r.b.op("FULLY_CONNECTED", [entry, weights, bias], middle, schema.FullyConnectedOptionsT())
    shares = r.activation((1, 513), 1 / 256, -128)
    r.b.op("SOFTMAX", [middle], shares, schema.SoftmaxOptionsT(beta=1.0))
    last = r.b.tensor((2, 513), data=np.ones((2, 513), np.int8), scales=[0.01], zero_points=[0])
    out = r.activation((1, 2), 0.1, 0)
    last_bias = r.b.tensor((2,), "INT32", np.zeros(2, np.int32), [0.01 / 256], [0])
    r.b.op("FULLY_CONNECTED", [shares, last, last_bias], out, schema.FullyConnectedOptionsT())
    return r.b.finish([entry], [out])


def test_a_model_that_ends_the_process_of_tflm_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "ends.tflite"
    path.write_bytes(ends_tflm())
    with pytest.raises(EdgekitError, match=r"ends\.tflite ends the process of tflm") as refused:
        load_model(path)
    assert refused.value.hint


def test_what_a_runtime_refuses_in_the_child_is_said_as_here() -> None:
    model = replace(read_tflite(VECTORS / "float16.tflite"), name="half.tflite")
    with pytest.raises(EdgekitError, match="TFLM does not run float16 models"):
        try_apart(model)
    assert try_apart(model, "litert") == 0


def test_a_run_without_end_is_given_up() -> None:
    with pytest.raises(EdgekitError, match=r"int8\.tflite: one run takes more than 0\.01 s"):
        try_apart(read_tflite(VECTORS / "int8.tflite"), limit_s=0.01)


def test_the_arena_is_the_one_that_is_measured_here() -> None:
    model = read_tflite(VECTORS / "int8.tflite")
    assert try_apart(model) == tflm.arena_bytes(model)
