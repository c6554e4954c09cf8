"""GATHER: constant indices along an axis."""

import math

import numpy as np

from edgekit.compile.op_reader import MAX_CONSTANTS, OpReader
from edgekit.compile.ops.movement import Axis, Move, axes_of, move, movement_operator


def lower(reader: OpReader) -> Move:
    """The axes of the indices stand where the axis was; each of several batches takes indices of its own."""
    x, y = reader.operand(0), reader.result()
    axis = reader.axis(int(reader.option("Axis")), len(x.shape))
    _, indices = reader.constant(1, "INT32", np.int32)
    if not indices.size or not ((indices >= 0) & (indices < x.shape[axis])).all():
        raise reader.error(f"its indices are not all from 0 to {x.shape[axis] - 1}")
    batch = int(reader.option("BatchDims"))
    batch += indices.ndim if batch < 0 else 0
    if not 0 <= batch <= min(axis, indices.ndim) or x.shape[:batch] != indices.shape[:batch]:
        raise reader.error(f"indices {list(indices.shape)} have not the first {batch} dimensions of {list(x.shape)}")
    reader.expect(y, x.shape[:axis] + indices.shape[batch:] + x.shape[axis + 1 :])
    axes = axes_of(x.shape)
    batches, others = math.prod(x.shape[:batch]), math.prod(x.shape[batch:axis])
    if batches == 1:
        table = indices.ravel() * axes[axis].step
        return move(reader, x, y, [*axes[:axis], Axis(table.size, 0, tuple(table.tolist())), *axes[axis + 1 :]])
    if indices.size * others > MAX_CONSTANTS // 4:
        raise reader.error("its batches are too many for a table of their places", "Gather without batch dimensions.")
    rows = np.arange(batches * others).reshape(batches, others, 1) * x.shape[axis] + indices.reshape(batches, 1, -1)
    places = tuple((rows.astype(np.int64) * axes[axis].step).ravel().tolist())
    return move(reader, x, y, [Axis(len(places), 0, places), *axes[axis + 1 :]])


OPERATOR = movement_operator("GATHER", "AddGather", lower, "GatherOptions", takes_16x8=False)
