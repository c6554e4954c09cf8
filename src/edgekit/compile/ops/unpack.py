"""UNPACK: every index of an axis by itself."""

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.movement import Move, movement_operator, parts


def lower(reader: OpReader) -> tuple[Move, ...]:
    """A copy for each index."""
    x, count = reader.operand(0), len(reader.op.outputs)
    axis = reader.axis(int(reader.option("Axis")), len(x.shape))
    if count != x.shape[axis] or reader.option("Num") != count:
        raise reader.error(f"it has {count} outputs for axis {axis} of {list(x.shape)}")
    return parts(reader, x, axis, [1] * count, keep=False)


OPERATOR = movement_operator("UNPACK", "AddUnpack", lower, "UnpackOptions")
