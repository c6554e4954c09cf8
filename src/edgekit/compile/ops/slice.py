"""SLICE: a box out of an activation."""

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.movement import Axis, Move, move, movement_operator, steps_of


def lower(reader: OpReader) -> Move:
    """A size of -1 reaches to the end, for the converter; TFLM asks the output's shape."""
    x, y = reader.operand(0), reader.result()
    begins, sizes = reader.numbers(1), reader.numbers(2)
    if not len(begins) == len(sizes) == len(x.shape) <= 5:
        raise reader.error(f"{len(begins)} begins and {len(sizes)} sizes do not fit {list(x.shape)}")
    taken = [total - begin if size == -1 else size for total, begin, size in zip(x.shape, begins, sizes, strict=True)]
    if any(b < 0 or n < 1 or b + n > total for b, n, total in zip(begins, taken, x.shape, strict=True)):
        raise reader.error(f"{list(x.shape)} has no {sizes} from {begins} on")
    reader.expect(y, tuple(taken))
    steps = steps_of(x.shape)
    start = sum(begin * step for begin, step in zip(begins, steps, strict=True))
    return move(reader, x, y, [Axis(size, step) for size, step in zip(taken, steps, strict=True)], start)


OPERATOR = movement_operator("SLICE", "AddSlice", lower)
