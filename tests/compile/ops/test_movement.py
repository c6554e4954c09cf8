"""Operators that only move bytes, beside TFLM."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile.ops import operator_of
from edgekit.compile.ops.movement import Move, offsets_of
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing.exactness import cases, differing_in_any_mode
from edgekit.testing.random_models import network_of
from edgekit.testing.random_movements import MOVEMENTS, drawn_movement
from edgekit.testing.random_operators import Random
from edgekit.tflite.reader import read_file


@pytest.mark.parametrize("code", MOVEMENTS)
def test_networks_of_one_of_them_give_the_bytes_of_tflm(code: str, tmp_path: Path) -> None:
    models = cases(lambda seed: network_of(seed, lambda r, x: drawn_movement(r, x, code)), range(14))
    seen = Counter(op.origins[0].code for case in models for op in case.graph.ops if isinstance(op, Move))
    assert seen[code] > 5
    assert differing_in_any_mode(models, tmp_path) == []


@pytest.mark.parametrize("code", MOVEMENTS)
def test_an_output_that_begins_so_far_in_front_of_its_input_spoils_nothing_that_is_still_read(code: str) -> None:
    tried = 0
    for seed in range(40):
        graph = read_graph(network_of(seed, lambda r, x: drawn_movement(r, x, code)))
        for op in graph.ops:
            before = operator_of(op).inplace_offset(op, op.input) if isinstance(op, Move) else None
            if not isinstance(op, Move) or before is None:
                continue
            read = offsets_of(op.loops)
            assert read is not None
            begin = op.output.size + op.input.size  # of the input in memory; the output lies as near as it may
            memory = np.arange(begin + op.input.size + op.output.size)
            wanted = np.concatenate([np.arange(at, at + op.chunk) for at in begin + op.start + read])
            for turn, at in enumerate(begin + op.start + read):
                to = begin - before + turn * op.chunk
                assert max(to, at) >= min(to, at) + op.chunk, "memcpy does not take parts that overlap"
                memory[to : to + op.chunk] = memory[at : at + op.chunk]
            tried += 1
            assert np.array_equal(memory[begin - before : begin - before + op.output.size], wanted), (seed, op.label)
    assert tried > 10


def test_each_of_several_batches_gathers_by_indices_of_its_own(tmp_path: Path) -> None:
    def network(seed: int) -> bytes:
        r = Random(seed)
        x = r.activation((1, 4, 3, 5))
        batches = r.reshape(x, r.pick((4, 15), (2, 6, 5), (3, 4, 5), (12, 5)))
        return r.b.finish([x], [drawn_movement(r, batches, "GATHER")])

    models = cases(network, range(24))
    options = [op.options["BatchDims"] for case in models for op in read_file(case.content).operators[1:]]
    assert sum(batch > 0 for batch in options) > 5
    assert differing_in_any_mode(models, tmp_path) == []


def one(code: str, inputs: Callable[[Random, int], list[int]], *shapes: Sequence[int], options: Any = None) -> bytes:
    """A model of one operator on an activation [1, 4, 6, 3] with outputs of these shapes."""
    r = Random(0)
    x, *others = (r.activation(shape, 0.1, 0) for shape in ((1, 4, 6, 3), *shapes))
    r.b.op(code, inputs(r, x), others, options)
    return r.b.finish([x], [others[0]])


def ints(*values: Any) -> Callable[[Random, int], list[int]]:
    """The activation, then constants."""
    return lambda r, x: [x, *(r.b.tensor(np.shape(v), "INT32", np.array(v, np.int32)) for v in values)]


def split(axis: int, *sizes: int) -> Callable[[Random, int], list[int]]:
    def inputs(r: Random, x: int) -> list[int]:
        constants = [r.b.tensor(np.shape(v), "INT32", np.array(v, np.int32)) for v in ([axis], list(sizes))]
        return [x, constants[1], constants[0]] if sizes else [constants[0], x]

    return inputs


HALF, WHOLE = (1, 2, 6, 3), (1, 4, 6, 3)
Masks = schema.StridedSliceOptionsT
REFUSED = {
    "a slice beyond the end": (one("SLICE", ints([0, 3, 0, 0], [1, 2, 6, 3]), HALF), r"has no \[1, 2, 6, 3\] from"),
    "a slice of two axes": (one("SLICE", ints([0, 0], [1, 2]), HALF), "2 begins and 2 sizes do not fit"),
    "a slice of another size": (one("SLICE", ints([0, 0, 0, 0], [1, 3, 6, 3]), HALF), "instead of"),
    "a stride of zero": (
        one("STRIDED_SLICE", ints([0] * 4, [1, 4, 6, 3], [1, 0, 1, 1]), WHOLE, options=Masks()),
        "its stride along axis 1 is 0",
    ),
    "an empty slice": (
        one("STRIDED_SLICE", ints([0, 2, 0, 0], [1, 2, 6, 3], [1] * 4), WHOLE, options=Masks()),
        "along axis 1 nothing is left of 4 from 2 to 2",
    ),
    "a new axis": (
        one("STRIDED_SLICE", ints([0] * 4, [1, 4, 6, 3], [1] * 4), WHOLE, options=Masks(newAxisMask=1)),
        "an ellipsis, a new axis or an offset is not supported",
    ),
    "an axis twice": (one("TRANSPOSE", ints([0, 1, 1, 3]), WHOLE), r"\[0, 1, 1, 3\] is not an order of the axes"),
    "an axis that is not there": (one("SPLIT", split(4), HALF, HALF), "axis 4 is not one of the 4 that there are"),
    "an uneven split": (one("SPLIT", split(1), HALF, HALF, HALF), "does not split into 3 parts of one size"),
    "sizes that do not add up": (one("SPLIT_V", split(1, 2, 1), HALF, HALF), "do not add up to 4, axis 1"),
    "parts of no size": (one("SPLIT_V", split(1, 4, 0), WHOLE, HALF), r"2 parts of \[4, 0\] do not add up"),
    "parts of another number": (one("SPLIT_V", split(1, 4), HALF, HALF), "2 parts of .4. do not add up"),
    "one output for four": (
        one("UNPACK", lambda _, x: [x], (1, 6, 3), options=schema.UnpackOptionsT(4, 1)),
        "it has 1 outputs for axis 1",
    ),
    "an index that is not there": (
        one("GATHER", ints([0, 4]), HALF, options=schema.GatherOptionsT(1)),
        "its indices are not all from 0 to 3",
    ),
    "batch dimensions": (
        one("GATHER", ints([0, 1]), HALF, options=schema.GatherOptionsT(1, 1)),
        "indices .2. have not the first 1 dimensions of",
    ),
    "a mirror wider than the image": (
        one("MIRROR_PAD", ints([[0, 0], [4, 0], [0, 0], [0, 0]]), WHOLE, options=schema.MirrorPadOptionsT(0)),
        "is too small to mirror",
    ),
    "a resize to nothing": (
        one("RESIZE_NEAREST_NEIGHBOR", ints([0, 6]), HALF, options=schema.ResizeNearestNeighborOptionsT()),
        r"it resizes to \[0, 6\], not to a height and a width",
    ),
    "blocks that do not fit": (
        one("SPACE_TO_DEPTH", lambda _, x: [x], HALF, options=schema.SpaceToDepthOptionsT(4)),
        "blocks of 4 do not fit",
    ),
    "channels of no block": (
        one("DEPTH_TO_SPACE", lambda _, x: [x], HALF, options=schema.DepthToSpaceOptionsT(2)),
        "3 channels are not those of blocks of 2",
    ),
    "a broadcast of six to twelve": (one("BROADCAST_TO", ints([1, 4, 12, 3]), (1, 4, 12, 3)), "does not broadcast"),
    "an axis beyond the last": (one("REVERSE_V2", ints([-5]), WHOLE), "axis -5 is not one of the 4"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused_by_name(what: str) -> None:
    content, message = REFUSED[what]
    with pytest.raises(EdgekitError, match=message):
        read_graph(content)


def test_one_tensor_cannot_be_two_outputs() -> None:
    r = Random(0)
    x, y = r.activation((1, 4), 0.1, 0), r.activation((1, 2), 0.1, 0)
    r.b.op("SPLIT", [r.b.tensor([1], "INT32", np.array([1], np.int32)), x], [y, y], schema.SplitOptionsT(2))
    with pytest.raises(EdgekitError, match="writes a tensor that is already there"):
        read_graph(r.b.finish([x], [y]))
