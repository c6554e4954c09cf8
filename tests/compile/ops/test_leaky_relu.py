"""LEAKY_RELU beside TFLM: every byte of many quantizations, and networks around it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile import compile_model
from edgekit.compile.ops.byte_table import ByteTable
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing import native_c
from edgekit.testing.exactness import cases, differing_in_any_mode
from edgekit.testing.random_models import network_around
from edgekit.testing.random_operators import Random

ALPHAS = (0.0, 0.01, 0.1, 0.2, 0.5, 1.0, 1.5, 3.0, -0.25, -0.5, -1.0, -2.7, 1e-9, 1e-30)
BYTES = np.arange(-128, 128).astype(np.int8)


def leaky_relu(r: Random, x: int) -> int:
    """Scales and alpha that use the output's range, or that leave most of it to one side."""
    y = r.activation(r.b.shape(x), max(r.b.quantization(x)[0] * r.pick(1, 1, 0.7, 1.3, 0.01, 20), 1e-5))
    r.b.op("LEAKY_RELU", [x], y, schema.LeakyReluOptionsT(alpha=r.pick(*ALPHAS, float(r.rng.uniform(-2, 2)))))
    return y


def alone(x_scale: float, y_scale: float, alpha: float, zero_points: Sequence[int] = (0, 0)) -> bytes:
    r = Random(0)
    x, y = (r.activation((1, 256), s, z) for s, z in zip((x_scale, y_scale), zero_points, strict=True))
    r.b.op("LEAKY_RELU", [x], y, schema.LeakyReluOptionsT(alpha=alpha))
    return r.b.finish([x], [y])


def test_networks_around_it_give_the_bytes_of_tflm(tmp_path: Path) -> None:
    models = cases(lambda seed: network_around(seed, leaky_relu), range(12, 28))
    compiled = [compile_model(case.content) for case in models]
    streamed = [op for one in compiled if one.plan.stream for op in one.graph.ops[: one.plan.stream.count]]
    assert len(models) > 12
    assert any(isinstance(op, ByteTable) for op in streamed)
    assert differing_in_any_mode(models, tmp_path) == []


def test_every_byte_is_tflm_s_whatever_the_scales() -> None:
    rng = np.random.default_rng(3)
    # powers of two: half-way cases, which a negative alpha rounds the other way; 1.5 * 0.1 / 0.3 is none in a double
    wide, halves = np.exp(rng.uniform(-11, 9, (60, 2))), 2.0 ** rng.integers(-9, 3, (60, 2))
    scales = [(float(x), float(y), float(rng.choice(ALPHAS))) for x, y in (*wide, *halves)]
    scales += [(x, y, 1.5) for x, y in ((0.1, 0.3), (0.1, 0.6), (0.05, 0.15), (0.05, 0.3), (0.15, 0.05))]
    zeros = [(-128, 127), (127, -128), *rng.integers(-128, 128, (len(scales) - 2, 2)).tolist()]
    contents = [alone(*three, zero) for three, zero in zip(scales, zeros, strict=True)]
    models = cases(lambda i: contents[i], range(len(contents)))
    assert len(models) > 110
    for i, content, graph in models:
        (op,) = graph.ops
        assert np.array_equal(np.array(op.table) - 128, native_c.tflm(content, BYTES[None])[0]), i


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (alone(1.0, 1e-9, 0.1), "does not fit into 32 bits"),  # values above zero
        (alone(1.0, 1.0, 1e9), "does not fit into 32 bits"),  # values below
        (alone(1e30, 1e-30, 0.0), "does not fit into 32 bits"),
        (alone(1.0, 1.0, float("nan")), "its alpha is nan"),
        (alone(1.0, 1.0, float("-inf")), "its alpha is -inf"),
    ],
)
def test_what_leaves_tflm_s_arithmetic_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(EdgekitError, match=message):
        read_graph(content)


def test_another_shape_or_a_second_input_is_refused() -> None:
    r = Random(0)
    x, y, z = r.activation((1, 4)), r.activation((1, 5)), r.activation((1, 4))
    for inputs, output in (([x], y), ([x, x], z)):
        r.b.ops.clear()
        r.b.op("LEAKY_RELU", inputs, output, schema.LeakyReluOptionsT(alpha=0.1))
        with pytest.raises(EdgekitError, match="LEAKY_RELU"):
            read_graph(r.b.finish([x], [output]))
