"""MUL beside TFLM: two activations of one shape and of two, itself, constants, and fused activations."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile import compile_model
from edgekit.compile.ops.mul import Mul
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing.exactness import Case, cases, differing_in_any_mode
from edgekit.testing.random_models import network_around
from edgekit.testing.random_operators import Random


def product(r: Random, a: int, b: int, *factors: float) -> int:
    """a * b, whose output scale is one of the factors times that which holds most products."""
    shape = np.broadcast_shapes(r.b.shape(a), r.b.shape(b))
    scale = 100 * r.b.quantization(a)[0] * r.b.quantization(b)[0] * r.pick(*factors)
    y = r.activation(shape, max(scale, 1e-5))
    operands = [a, b] if r.rng.random() < 0.7 else [b, a]
    r.b.op("MUL", operands, y, schema.MulOptionsT(r.fused(y) if r.rng.random() < 0.5 else 0))
    return y


def edge(r: Random, x: int, height: int, width: int) -> int:
    """The first row or column of an image: a max-pool over the other dimension."""
    _, rows, columns, channels = r.b.shape(x)
    y = r.activation((1, rows - height + 1, columns - width + 1, channels), *r.b.quantization(x))
    r.b.op("MAX_POOL_2D", [x], y, schema.Pool2DOptionsT(schema.Padding.VALID, 1, 1, width, height))
    return y


def mul(r: Random, x: int) -> int:
    """By a constant, by itself, by another image, by a row of channels, or of a row and a column."""
    image = len(r.b.shape(x)) == 4 and r.b.shape(x)[3] < 50  # beyond, a convolution may have megabytes of weights
    kind = r.pick("constant", "itself", *(("image", "image", "narrow", "crossed") if image else ()))
    a, b = x, x
    if kind == "constant":
        b = r.constant(x)
    elif kind == "image":
        a = r.conv(x, out=r.b.shape(x)[3], three=True)
        b = x if r.b.shape(a) == r.b.shape(x) else r.add(a)
    elif kind == "narrow":
        b = r.narrow(x)
    elif kind == "crossed":
        _, rows, columns, _ = r.b.shape(x)
        a, b = edge(r, x, rows, 1), edge(r, x, 1, columns)
    if r.b.shape(x) != tuple(np.broadcast_shapes(r.b.shape(a), r.b.shape(b))):
        a = b = x
    return product(r, a, b, 1, 1, 1, 0.3, 0.01, 0.001, 30)


@pytest.fixture(scope="module")
def models() -> list[Case]:
    return cases(lambda seed: network_around(seed, mul), range(44, 62))


def test_networks_around_it_give_the_bytes_of_tflm(models: list[Case], tmp_path: Path) -> None:
    assert len(models) > 14
    assert differing_in_any_mode(models, tmp_path) == []


def test_the_networks_reach_its_corners(models: list[Case]) -> None:
    seen: Counter[str] = Counter()
    for _, content, graph in models:
        for op in graph.ops:
            if isinstance(op, Mul):
                first, second, total = op.operands.shapes
                seen["constant"] += len(op.inputs) == 1
                seen["itself"] += len({tensor.index for tensor in op.inputs}) < len(op.inputs)
                seen["broadcast"] += first != second
                seen["both broadcast"] += total not in (first, second)
                seen["multiplier above one"] += op.requantization.shifts[0] > 0
                seen["clamped"] += (op.requantization.low, op.requantization.high) != (-128, 127)
        compiled = compile_model(content)
        streamed = compiled.plan.stream.count if compiled.plan.stream else 0
        seen["streamed"] += any(isinstance(op, Mul) for op in compiled.graph.ops[:streamed])
    assert not {name for name, count in seen.items() if count < 2}


@pytest.mark.parametrize(
    ("shape", "y_scale", "message"),
    [
        ((1, 3, 1, 2), 0.1, r"it cannot multiply shapes \[1, 4, 4, 2\] and \[1, 3, 1, 2\]"),
        ((1, 1, 1, 4, 2), 0.1, "it cannot multiply shapes"),
        ((), 0.1, "it does not multiply two things of which one is computed"),
        ((1, 4, 1, 2), 1e-7, "does not fit into 32 bits"),
    ],
)
def test_what_tflm_cannot_multiply_is_refused(shape: tuple[int, ...], y_scale: float, message: str) -> None:
    r = Random(0)
    x, y = r.activation((1, 4, 4, 2), 0.1, 0), r.activation((1, 4, 4, 2), y_scale, 0)
    constant = r.b.tensor(shape, data=np.ones(shape, np.int8), scales=[0.1], zero_points=[0])
    r.b.op("MUL", [x, constant] if shape else [constant, constant], y, schema.MulOptionsT(0))
    with pytest.raises(EdgekitError, match=message):
        read_graph(r.b.finish([x], [y]))
