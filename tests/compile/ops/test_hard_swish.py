"""HARD_SWISH beside TFLM: every byte of many quantizations, and networks around it."""

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

BYTES = np.arange(-128, 128).astype(np.int8)


def hard_swish(r: Random, x: int) -> int:
    """An output whose range is used, or saturated, or hardly touched; TFLM asks for 128 times its scale or more."""
    y = r.activation(r.b.shape(x), max(r.b.quantization(x)[0] * r.pick(1, 1, 0.7, 1.3, 0.01, 20), 1e-5))
    r.b.op("HARD_SWISH", [x], y, r.pick(None, schema.HardSwishOptionsT()))
    return y


def alone(x_scale: float, y_scale: float, zero_points: Sequence[int] = (0, 0)) -> bytes:
    r = Random(0)
    x, y = (r.activation((1, 256), s, z) for s, z in zip((x_scale, y_scale), zero_points, strict=True))
    r.b.op("HARD_SWISH", [x], y)
    return r.b.finish([x], [y])


def test_networks_around_it_give_the_bytes_of_tflm(tmp_path: Path) -> None:
    models = cases(lambda seed: network_around(seed, hard_swish), range(14, 30))
    compiled = [compile_model(case.content) for case in models]
    streamed = [op for one in compiled if one.plan.stream for op in one.graph.ops[: one.plan.stream.count]]
    assert len(models) > 12
    assert any(isinstance(op, ByteTable) for op in streamed)
    assert differing_in_any_mode(models, tmp_path) == []


def test_every_byte_is_tflm_s_whatever_the_scales() -> None:
    rng = np.random.default_rng(3)
    # the widest scales need shifts of more than 15 of the kernel's 16 bits; powers of two have half-way cases
    usual, widest = np.exp(rng.uniform(-7, 0, (60, 2))), np.exp(rng.uniform(-20, 18, (60, 2)))
    halves, y = 2.0 ** rng.integers(-9, 3, (60, 2)), rng.uniform(0.05, 0.5, 60).astype(np.float32)
    # multipliers so near to half of a 16-bit step that single precision would take them for it
    x = ((rng.integers(2**14, 2**15, 60) + 0.5) / 2**15 * y).astype(np.float32)
    scales = [*usual, *widest, *halves, *zip(x, y, strict=True)]
    zeros = [(-128, 127), (127, -128), *rng.integers(-128, 128, (len(scales) - 2, 2)).tolist()]
    contents = [alone(float(x), float(y), zero) for (x, y), zero in zip(scales, zeros, strict=True)]
    models = cases(lambda i: contents[i], range(len(contents)))
    assert len(models) > 180
    for i, content, graph in models:
        (op,) = graph.ops
        assert np.array_equal(np.array(op.table) - 128, native_c.tflm(content, BYTES[None])[0]), i


def test_scales_beyond_tflm_s_kernel_are_refused() -> None:
    assert read_graph(alone(1.0, 1.01 / 128)).ops
    for x_scale, y_scale in ((1.0, 1 / 128), (1e8, 1e8)):
        with pytest.raises(EdgekitError, match=r"its scales .+ are out of range for TFLM's kernel"):
            read_graph(alone(x_scale, y_scale))
