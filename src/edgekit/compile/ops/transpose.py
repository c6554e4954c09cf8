"""TRANSPOSE: another order of the axes."""

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.movement import Move, axes_of, move, movement_operator


def lower(reader: OpReader) -> Move:
    """Up to five axes, as in TFLM."""
    x, y = reader.operand(0), reader.result()
    order = reader.numbers(1)
    if sorted(order) != list(range(len(x.shape))) or len(order) > 5:
        raise reader.error(f"{order} is not an order of the axes of {list(x.shape)}")
    reader.expect(y, tuple(x.shape[axis] for axis in order))
    axes = axes_of(x.shape)
    return move(reader, x, y, [axes[axis] for axis in order])


OPERATOR = movement_operator("TRANSPOSE", "AddTranspose", lower)
