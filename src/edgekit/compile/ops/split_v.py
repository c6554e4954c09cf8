"""SPLIT_V: parts of given sizes along an axis."""

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.movement import Move, movement_operator, parts


def lower(reader: OpReader) -> tuple[Move, ...]:
    """A copy for each part; one size of -1 takes what the others leave."""
    x, sizes = reader.operand(0), reader.numbers(1)
    axis = reader.single_axis(2, len(x.shape))
    total = x.shape[axis]
    left = total - sum(size for size in sizes if size != -1)
    sizes = [left if size == -1 else size for size in sizes]
    if len(sizes) != len(reader.op.outputs) or sum(sizes) != total or min(sizes) < 1:
        raise reader.error(
            f"{len(reader.op.outputs)} parts of {sizes} do not add up to {total}, axis {axis} of its input"
        )
    return parts(reader, x, axis, sizes)


OPERATOR = movement_operator("SPLIT_V", "AddSplitV", lower)
