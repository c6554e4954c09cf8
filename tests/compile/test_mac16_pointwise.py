"""Pointwise convolutions of --target esp32 in their portable fallback: TFLM's bytes, blocks of rows, in place."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from chosen_kernels import differing, with_kernels

from edgekit.compile import convolutions
from edgekit.compile.convolutions.mac16_pointwise import Mac16Pointwise
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.reader import read_graph
from edgekit.testing.builder import reweighted
from edgekit.testing.random_models import random_model
from edgekit.testing.random_operators import Random


def stack(seed: int) -> bytes:
    """Two to four pointwise convolutions of 1 to 70 channels, with strides, some of them on the caller's memory."""
    r = Random(seed)
    size = (int(r.rng.integers(1, 14)), int(r.rng.integers(2, 14)))
    entry = x = r.activation((1, *size, int(r.rng.integers(1, 70))))
    for _ in range(int(r.rng.integers(2, 5))):
        x = r.conv(x, out=int(r.rng.integers(1, 70)), pointwise=True)
    return r.b.finish([entry], [x])


def test_random_models_give_tflms_bytes_under_the_sanitizers(tmp_path: Path) -> None:
    drawn = [with_kernels(make(seed), seed, Mac16Pointwise) for seed in range(60) for make in (stack, random_model)]
    cases = [case for case in drawn if case]
    kernels = [op.kernel for _, _, graph in cases for op in graph.ops if isinstance(op, Convolution)]
    assert sum(isinstance(kernel, Mac16Pointwise) for kernel in kernels) >= 60
    assert differing(cases, tmp_path) == []


def few_taps(seed: int) -> bytes:
    """Two convolutions of any shape and stride, the first on an image of 1 to 3 channels."""
    r = Random(seed)
    entry = r.activation((1, int(r.rng.integers(3, 20)), int(r.rng.integers(3, 20)), int(r.rng.integers(1, 4))))
    x = r.conv(entry, out=int(r.rng.integers(1, 9)))
    return r.b.finish([entry], [r.conv(x, out=int(r.rng.integers(1, 9)))])


@pytest.mark.parametrize("streamed", [False, True])
def test_few_taps_are_copied_out_and_give_tflms_bytes_under_the_sanitizers(streamed: bool, tmp_path: Path) -> None:
    drawn = [with_kernels(few_taps(seed), seed, Mac16Pointwise) for seed in range(120)]
    cases = [case for case in drawn if case]
    used = [op for _, _, graph in cases for op in graph.ops if isinstance(op, Convolution) and op.kernel]
    assert sum(op.weights.shape[1:3] != (1, 1) for op in used) >= 60
    assert differing(cases, tmp_path, streamed) == []


def one(height: int, width: int, depth: int, out: int) -> Convolution:
    """A pointwise convolution of such an image, stride 1."""
    for seed in range(20):
        r = Random(seed)
        entry = r.activation((1, height, width, depth))
        (op,) = read_graph(r.b.finish([entry], [r.conv(entry, out=out, pointwise=True)])).ops
        if isinstance(op, Convolution) and op.stride == (1, 1):
            break
    assert isinstance(op, Convolution)
    return replace(op, kernel=Mac16Pointwise())


def test_weights_that_the_cache_does_not_keep_are_read_once_where_the_positions_fit() -> None:
    assert convolutions.geometry(one(6, 6, 128, 128)).steps == 1
    assert convolutions.geometry(one(24, 24, 32, 32)).steps == 24  # 1 KB of weights


def test_the_output_may_lie_where_the_input_does_without_a_copy() -> None:
    op = one(12, 12, 64, 64)
    assert not convolutions.geometry(op).gathers(external=False)
    offset = convolutions.inplace_offset(op)
    assert offset is not None
    rows = convolutions.geometry(op).made
    assert offset <= rows * 12 * 64  # no further than the block that has been read


def test_all_signs_of_neighbouring_weights_keep_their_values(tmp_path: Path) -> None:
    ends = np.array([-128, -127, -1, 0, 1, 126, 127], np.int8)

    r = Random(7)
    entry = r.activation((1, 3, 5, 32), 0.05, 3)
    content = r.b.finish([entry], [r.conv(entry, out=8, pointwise=True)])

    def drawn(values: np.ndarray, rng: np.random.Generator) -> bytes:
        return reweighted(content, lambda weights: rng.choice(values, weights.shape).astype(np.int8))

    rng = np.random.default_rng(0)
    cases = [
        with_kernels(drawn(values, rng), n, Mac16Pointwise)
        for n, values in enumerate((ends, ends[1:], ends[:-1], ends[:1]))
    ]
    assert differing([case for case in cases if case], tmp_path) == []
