"""Three channels packed in two sums: exact up to the largest weights, whatever the shape of a step."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from test_kernel_selection import differing
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile import CompileOptions
from edgekit.compile.convolutions.packed import Packed
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.reader import read_graph
from edgekit.testing.exactness import Case
from edgekit.testing.random_operators import Random

MODES = [CompileOptions(optimize=mode) for mode in ("size", "speed")]  # type: ignore[arg-type]


def drawn(seed: int, weights: NDArray[np.int8], image: tuple[int, int], stride: int = 1) -> Case:
    """A convolution with SAME padding, whose zero point lies far from the middle."""
    r = Random(seed)
    b = r.b
    out, height, width, channels = weights.shape
    x = r.activation((1, *image, channels), 0.05, (-128, 127, 3)[seed % 3])
    w = b.tensor(weights.shape, data=weights, scales=[0.01] * out, zero_points=[0] * out, axis=0)
    y = r.activation((1, -(-image[0] // stride), -(-image[1] // stride), out), 0.02 * height * width * channels, -128)
    options = schema.Conv2DOptionsT(schema.Padding.SAME, stride, stride, 0)
    b.op("CONV_2D", [x, w], y, options)
    content = b.finish([x], [y])
    return Case(seed, content, read_graph(content))


def op_of(case: Case) -> Convolution:
    (op,) = case.graph.ops
    assert isinstance(op, Convolution)
    return op


EXTREMES = {
    "all the least": lambda rng, shape: np.full(shape, -128),
    "all the greatest": lambda rng, shape: np.full(shape, 127),
    "both": lambda rng, shape: rng.choice([-128, 127], shape),
    "any": lambda rng, shape: rng.integers(-128, 128, shape),
}


def test_the_largest_sums_come_apart_again(tmp_path: Path) -> None:
    shapes = [(5, 3, 3, 40), (7, 1, 1, 260), (3, 3, 5, 13), (6, 5, 1, 64), (13, 1, 1, 100)]
    rng = np.random.default_rng(1)
    found: list[Case] = []
    for draw in EXTREMES.values():
        for seed, shape in enumerate(shapes):
            case = drawn(seed, draw(rng, shape).astype(np.int8), (4, 6), stride=1 + seed % 2)
            kernels = [one for options in MODES for one in Packed.candidates(op_of(case), options)]
            found += [replace_kernel(case, kernels[i]) for i in rng.choice(len(kernels), 2, replace=False)]
    assert {(1, 3), (1, 6), (2, 3), (2, 6)} <= {(kernel_of(one).rows, kernel_of(one).channels) for one in found}
    assert differing(found, tmp_path) == []


def kernel_of(case: Case) -> Packed:
    kernel = op_of(case).kernel
    assert isinstance(kernel, Packed)
    return kernel


def replace_kernel(case: Case, kernel: Packed) -> Case:
    return case._replace(graph=replace(case.graph, ops=(replace(op_of(case), kernel=kernel),)))


@pytest.mark.parametrize(("weight", "most"), [(-128, 4), (-64, 8), (127, 4), (1, 24)])
def test_a_window_is_divided_where_its_sums_would_leave_their_bits(weight: int, most: int) -> None:
    # 255 * 32 * 128 is the first product to reach 2^20, the bound of a triple's first channel
    case = drawn(0, np.full((3, 1, 1, 24 * 8), weight, np.int8), (4, 4))
    section = Packed(most_taps=1000)._section(op_of(case))
    assert section.taps == 8 * most
    assert 255 * abs(weight) * section.taps < 2**20


def test_a_dilated_or_grouped_window_is_left_to_the_other_kernels() -> None:
    case = drawn(0, np.ones((4, 3, 3, 8), np.int8), (8, 8))
    assert Packed().fits(op_of(case))
    assert not Packed().fits(replace(op_of(case), dilation=(1, 2)))
    assert not Packed().fits(replace(op_of(case), groups=2))
    assert not Packed().fits(op_of(drawn(0, np.ones((4, 3, 3, 8), np.int8), (8, 3))))  # four positions side by side


def test_a_small_program_makes_several_rows_at_once_only_where_that_takes_little_memory() -> None:
    def needed(kernel: Packed) -> int:
        window = kernel.geometry(op)
        return window.size + window.extra_bytes

    op = op_of(drawn(1, np.ones((32, 5, 5, 32), np.int8), (16, 16), stride=2))
    for options, several in zip(MODES, (2, 4), strict=True):
        kernels = [one for one in Packed.candidates(op, options) if one.channels == 3]
        assert [one.rows for one in kernels][:several] == list(range(1, several + 1))
        assert max(map(needed, kernels)) - needed(kernels[0]) <= (2048 if options.optimize == "size" else 8192)
    assert needed(Packed(rows=3)) - needed(Packed()) > 2048
