"""Operators that are a table of 256 bytes, beside TFLM: every byte of many quantizations, and networks around them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edgekit.compile import compile_model
from edgekit.compile.ops.byte_table import ByteTable
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing import native_c
from edgekit.testing.exactness import cases, differing_in_any_mode
from edgekit.testing.random_models import network_around
from edgekit.testing.random_operators import Random
from edgekit.testing.random_tables import TABLES, drawn_table

BYTES = np.arange(-128, 128).astype(np.int8)
LOGISTIC_ZERO = -128  # of its output, for TFLM


def alone(code: str, x_scale: float, y_scale: float, zero_points: Sequence[int] = (0, -128)) -> bytes:
    r = Random(0)
    x, y = (r.activation((1, 256), s, z) for s, z in zip((x_scale, y_scale), zero_points, strict=True))
    r.b.op(code, [x], y)
    return r.b.finish([x], [y])


@pytest.mark.parametrize("code", TABLES)
def test_every_byte_is_tflm_s_whatever_the_scales(code: str) -> None:
    rng = np.random.default_rng(3)
    usual, wide = np.exp(rng.uniform(-6, -1, (50, 2))), np.exp(rng.uniform(-14, 4, (50, 2)))
    halves = 2.0 ** rng.integers(-9, 3, (40, 2))  # powers of two have half-way cases
    # quotients of which double and single precision disagree
    thirds = [(0.1, 0.3), (0.1, 0.6), (0.05, 0.15), (0.05, 0.3), (0.15, 0.05), (0.3, 0.1)]
    scales = [(float(x), float(y)) for x, y in (*usual, *wide, *halves, *thirds)]
    zeros = [(-128, 127), (127, -128), *rng.integers(-128, 128, (len(scales) - 2, 2)).tolist()]
    contents = [
        alone(code, *two, (zero[0], LOGISTIC_ZERO if code == "LOGISTIC" else zero[1]))
        for two, zero in zip(scales, zeros, strict=True)
    ]
    models = cases(lambda i: contents[i], range(len(contents)))
    assert len(models) > 120
    differing = [
        i
        for i, content, graph in models
        if not np.array_equal(np.array(graph.ops[0].table) - 128, native_c.tflm(content, BYTES[None])[0])  # type: ignore[attr-defined]
    ]
    assert differing == []


def test_networks_around_them_give_the_bytes_of_tflm(tmp_path: Path) -> None:
    models = cases(lambda seed: network_around(seed, drawn_table), range(24, 48))
    compiled = [compile_model(case.content) for case in models]
    streamed = [op for one in compiled if one.plan.stream for op in one.graph.ops[: one.plan.stream.count]]
    assert len(models) > 18
    assert any(isinstance(op, ByteTable) for op in streamed)
    assert {op.origins[0].code for case in models for op in case.graph.ops} >= set(TABLES)
    assert differing_in_any_mode(models, tmp_path) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (alone("LOGISTIC", 0.1, 1 / 256, (0, 0)), "LOGISTIC .+ its output has zero point 0 instead of -128"),
        (alone("LOGISTIC", 1e-10, 1 / 256), "LOGISTIC .+ its input scale 1e-10 is out of range"),
        (alone("TANH", 1e30, 1 / 128), r"TANH .+ its input scale 1e\+30 is out of range"),
        (alone("RELU", 1.0, 1e-9), "RELU .+ does not fit into 32 bits"),
        (alone("RELU6", 1e-9, 1e-9), "RELU6 .+ its input scale 1e-09 is out of range"),
        (alone("ELU", 1.0, 1e-9), "ELU .+ its scales 1 and 1e-09 are out of range"),
        (alone("QUANTIZE", 1.0, 1e-9), "QUANTIZE .+ does not fit into 32 bits"),
    ],
)
def test_what_leaves_tflm_s_arithmetic_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(EdgekitError, match=message):
        read_graph(content)


@pytest.mark.parametrize("code", TABLES)
def test_another_shape_or_a_second_input_is_refused(code: str) -> None:
    r = Random(0)
    x, y, z = r.activation((1, 4)), r.activation((1, 5)), r.activation((1, 4))
    for inputs, output in (([x], y), ([x, x], z)):
        r.b.ops.clear()
        r.b.op(code, inputs, output)
        with pytest.raises(EdgekitError, match=code):
            read_graph(r.b.finish([x], [output]))
