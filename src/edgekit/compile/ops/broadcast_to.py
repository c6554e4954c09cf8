"""BROADCAST_TO: axes of one element repeated."""

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.movement import Axis, Move, axes_of, move, movement_operator


def lower(reader: OpReader) -> Move:
    """Axes of one element are read again and again."""
    x, y = reader.operand(0), reader.result()
    shape = tuple(reader.numbers(1))
    rank = len(shape)
    narrow = (1,) * (rank - len(x.shape)) + x.shape
    if len(x.shape) > rank or any(n not in (1, m) for n, m in zip(narrow, shape, strict=True)):
        raise reader.error(f"{list(x.shape)} does not broadcast to {list(shape)}")
    reader.expect(y, shape)
    axes = [Axis(m, axis.step if axis.size > 1 else 0) for m, axis in zip(shape, axes_of(narrow), strict=True)]
    return move(reader, x, y, axes)


OPERATOR = movement_operator("BROADCAST_TO", "AddBroadcastTo", lower)
