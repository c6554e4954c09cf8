"""REVERSE_V2: an axis backwards."""

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.movement import Axis, Move, axes_of, move, movement_operator


def lower(reader: OpReader) -> Move:
    """Each axis that is named, from its last index to its first."""
    x, y = reader.operand(0), reader.result()
    reversed_ = {reader.axis(axis, len(x.shape)) for axis in reader.numbers(1)}
    reader.expect(y, x.shape)
    axes, start = axes_of(x.shape), 0
    for axis in reversed_:
        start += (axes[axis].size - 1) * axes[axis].step
        axes[axis] = Axis(axes[axis].size, -axes[axis].step)
    return move(reader, x, y, axes, start)


OPERATOR = movement_operator("REVERSE_V2", "AddReverseV2", lower)
