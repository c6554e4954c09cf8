"""16x8, INT16 activations and int8 weights, beside TFLM: sums of 64 bits and of 32."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile.ops.wide_convolution import WideConvolution
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing.exactness import cases, differing_in_any_mode
from edgekit.testing.random_operators import Random
from edgekit.testing.random_wide import WIDE, wide_network


@pytest.mark.parametrize("code", WIDE)
def test_networks_of_one_of_them_give_the_bytes_of_tflm(code: str, tmp_path: Path) -> None:
    models = cases(lambda seed: wide_network(seed, code), range(16))
    sums = {op.sums_64 for case in models for op in case.graph.ops if isinstance(op, WideConvolution)}
    assert len(models) > 10
    assert sums == ({True, False} if code in ("CONV_2D", "FULLY_CONNECTED") else {True})
    assert differing_in_any_mode(models, tmp_path) == []


def one(change: Callable[[Any, Any], None], bias: str = "INT64") -> bytes:
    """A CONV_2D of INT16 with its operator and tensors changed."""
    r = Random(0)
    x, y = (r.b.tensor((1, 4, 4, 2), "INT16", scales=[0.001], zero_points=[0]) for _ in "xy")
    weights = r.b.tensor((2, 1, 1, 2), data=np.ones((2, 1, 1, 2), np.int8), scales=[0.01], zero_points=[0])
    values = r.b.tensor([2], bias, data=np.ones(2, bias.lower()), scales=[1e-5], zero_points=[0])
    r.b.op("CONV_2D", [x, weights, values], y, schema.Conv2DOptionsT(schema.Padding.SAME, 1, 1, 0, 1, 1))
    change(r.b.ops[0], r.b.tensors)
    return r.b.finish([x], [y])


def zero_point(op: Any, tensors: Any) -> None:
    tensors[op.inputs[0]].quantization.zeroPoint = [5]


def tiny_output(op: Any, tensors: Any) -> None:
    tensors[op.outputs[0]].quantization.scale = [1e-11]


def narrow_output(op: Any, tensors: Any) -> None:
    tensors[op.outputs[0]].type = schema.TensorType.INT8


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (one(zero_point), "its INT16 input or output has a zero point other than 0"),
        (one(tiny_output), "out of range"),
        (one(tiny_output, "INT32"), "does not fit into 32 bits"),
        (one(narrow_output), "is INT8, not INT16"),
        (one(lambda *_: None, "INT16"), "the bias is INT16, not INT64 or INT32"),
    ],
)
def test_what_tflm_refuses_or_cannot_hold_is_refused(content: bytes, message: str) -> None:
    assert read_graph(one(lambda *_: None))
    with pytest.raises(EdgekitError, match=message):
        read_graph(content)
