"""GATHER: constant indices along an axis."""

import numpy as np

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.movement import Axis, Move, axes_of, move, movement_operator


def lower(reader: OpReader) -> Move:
    """The axes of the indices stand where the axis was."""
    x, y = reader.operand(0), reader.result()
    axis = reader.axis(int(reader.option("Axis")), len(x.shape))
    if reader.option("BatchDims"):
        raise reader.error("batch dimensions are not supported")
    _, indices = reader.constant(1, "INT32", np.int32)
    if not indices.size or not ((indices >= 0) & (indices < x.shape[axis])).all():
        raise reader.error(f"its indices are not all from 0 to {x.shape[axis] - 1}")
    reader.expect(y, x.shape[:axis] + indices.shape + x.shape[axis + 1 :])
    axes = axes_of(x.shape)
    table = tuple(int(index) * axes[axis].step for index in indices.ravel())
    return move(reader, x, y, [*axes[:axis], Axis(len(table), 0, table), *axes[axis + 1 :]])


OPERATOR = movement_operator("GATHER", "AddGather", lower, "GatherOptions", takes_16x8=False)
