"""MIRROR_PAD: what lies inside once more, backwards, with or without the edge."""

import numpy as np

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.movement import Axis, Move, move, movement_operator, steps_of

_EDGES = (1, 0)  # elements that are left out between inside and mirror: REFLECT, SYMMETRIC


def lower(reader: OpReader) -> Move:
    """A table for each axis that grows."""
    x, y = reader.operand(0), reader.result()
    mode = int(reader.option("Mode"))
    amounts = reader.paddings(1, x)
    if mode not in (0, 1):
        raise reader.error(f"its mode is {mode}")
    edge = _EDGES[mode]
    if any(max(pair) > size - edge for pair, size in zip(amounts, x.shape, strict=True)):
        raise reader.error(f"{list(x.shape)} is too small to mirror {amounts}")
    reader.expect(y, tuple(size + before + after for size, (before, after) in zip(x.shape, amounts, strict=True)))
    axes = []
    for size, step, (before, after) in zip(x.shape, steps_of(x.shape), amounts, strict=True):
        indices = np.pad(np.arange(size), (before, after), mode="reflect" if edge else "symmetric")
        axes.append(Axis(len(indices), 0, tuple((indices * step).tolist())))
    return move(reader, x, y, axes)


OPERATOR = movement_operator("MIRROR_PAD", "AddMirrorPad", lower, "MirrorPadOptions", takes_16x8=False)
