"""Operators that many elements flow into, beside TFLM: reductions, products of matrices, resizing."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile import compile_model
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing.exactness import cases, differing_in_any_mode
from edgekit.testing.random_models import network_of
from edgekit.testing.random_operators import Random
from edgekit.testing.random_reductions import REDUCTIONS, drawn_reduction


@pytest.mark.parametrize("code", REDUCTIONS)
def test_networks_of_one_of_them_give_the_bytes_of_tflm(code: str, tmp_path: Path) -> None:
    models = cases(lambda seed: network_of(seed, lambda r, x: drawn_reduction(r, x, code)), range(12))
    seen = Counter(op.origins[0].code for case in models for op in case.graph.ops)
    assert seen[code] > 5
    assert differing_in_any_mode(models, tmp_path) == []


def test_a_mean_of_an_image_overwrites_it() -> None:
    r = Random(0)
    x = r.activation((1, 9, 9, 4), 0.1, 0)
    compiled = compile_model(r.b.finish([x], [r.add(r.mean(r.add(x)))]))
    assert compiled.plan.arena_bytes == 324


Inputs = Callable[[Random, int], list[int]]
IMAGE = (1, 4, 6, 3)


def one(code: str, inputs: Inputs, shape: Sequence[int], options: Any = None, scale: float = 0.1) -> bytes:
    """A model of one operator on an image, with an output of this shape."""
    r = Random(0)
    x, y = r.activation(IMAGE, 0.1, 0), r.activation(shape, scale, 0)
    r.b.op(code, inputs(r, x), y, options)
    return r.b.finish([x], [y])


def ints(*values: int) -> Inputs:
    return lambda r, x: [x, r.b.tensor([len(values)], "INT32", np.array(values, np.int32))]


def padded(amounts: Sequence[Sequence[int]], *value: int, scale: float = 0.1) -> Inputs:
    return lambda r, x: [
        x,
        r.b.tensor([4, 2], "INT32", np.array(amounts, np.int32)),
        r.b.tensor([len(value)], data=np.array(value, np.int8), scales=[scale], zero_points=[0]),
    ]


def weighted(weights: Sequence[int], *said: int) -> Inputs:
    return lambda r, x: [
        r.b.tensor([4], "INT32", np.array(said, np.int32)),
        r.b.tensor(weights, data=np.ones(weights, np.int8), scales=[0.1], zero_points=[0]),
        x,
    ]


KEEP, BATCH = schema.ReducerOptionsT(True), schema.BatchMatMulOptionsT()
NO_PAD = [[0, 0]] * 4
VALID = schema.TransposeConvOptionsT(schema.Padding.VALID, 2, 2)
REFUSED = {
    "an axis that is not there": (one("MEAN", ints(4), IMAGE, KEEP), "axis 4 is not one of the 4 that there are"),
    "another shape": (one("MEAN", ints(1), (1, 4, 6, 3), KEEP), r"instead of \[1, 6, 3\]"),
    "a sum of tiny scale": (one("SUM", ints(1), (1, 6, 3), KEEP, scale=1e-9), "does not fit into 32 bits"),
    "a greatest of another scale": (
        one("REDUCE_MAX", ints(1), (1, 6, 3), KEEP, scale=0.2),
        "its input and output differ in scale or zero point",
    ),
    "a length of another scale": (
        one("L2_NORMALIZATION", lambda _, x: [x], IMAGE, schema.L2NormOptionsT()),
        "its output must have scale 1/128 and zero point 0",
    ),
    "matrices that do not fit": (
        one("BATCH_MATMUL", lambda _, x: [x, x], IMAGE, BATCH),
        r"it cannot multiply \[1, 4, 6, 3\] and \[1, 4, 6, 3\]",
    ),
    "a resize to nothing": (
        one("RESIZE_BILINEAR", ints(0, 3), IMAGE, schema.ResizeBilinearOptionsT()),
        r"it resizes to \[0, 3\], not to a height and a width",
    ),
    "corners and centers": (
        one("RESIZE_BILINEAR", ints(4, 6), IMAGE, schema.ResizeBilinearOptionsT(True, True)),
        "aligned corners and half pixel centers exclude each other",
    ),
    "a resize that leaves the image": (
        one("RESIZE_BILINEAR", ints(4, 900), (1, 4, 900, 3), schema.ResizeBilinearOptionsT()),
        "resizing 6 to 900 leaves the image in TFLM's arithmetic",
    ),
    "a size that is not the output's": (
        one("TRANSPOSE_CONV", weighted([2, 3, 3, 3], 1, 9, 12, 2), (1, 9, 13, 2), VALID),
        r"it says \[1, 9, 12, 2\] and its output is \[1, 9, 13, 2\]",
    ),
    "weights of other channels": (
        one("TRANSPOSE_CONV", weighted([2, 3, 3, 4], 1, 9, 13, 2), (1, 9, 13, 2), VALID),
        r"weights \[2, 3, 3, 4\] do not lead from \[1, 4, 6, 3\] to \[1, 9, 13, 2\]",
    ),
    "two values to pad with": (one("PADV2", padded(NO_PAD, 1, 2), IMAGE), "it pads with 2 values instead of one"),
    "a value of another scale": (
        one("PADV2", padded(NO_PAD, 1, scale=0.2), IMAGE),
        "the value that it pads with and the output differ in scale",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_tflm_s_arithmetic_does_not_hold_is_refused_by_name(what: str) -> None:
    content, message = REFUSED[what]
    with pytest.raises(EdgekitError, match=message):
        read_graph(content)
