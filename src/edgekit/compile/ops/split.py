"""SPLIT: parts of one size along an axis."""

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.movement import Move, movement_operator, parts


def lower(reader: OpReader) -> tuple[Move, ...]:
    """A copy for each part."""
    x, count = reader.operand(1), len(reader.op.outputs)
    axis = reader.single_axis(0, len(x.shape))
    if not count or x.shape[axis] % count:
        raise reader.error(f"axis {axis} of {list(x.shape)} does not split into {count} parts of one size")
    return parts(reader, x, axis, [x.shape[axis] // count] * count)


OPERATOR = movement_operator("SPLIT", "AddSplit", lower)
