"""STRIDED_SLICE: a box out of an activation, of which every so many are taken, forwards or backwards."""

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.movement import Axis, Move, move, movement_operator, steps_of


def lower(reader: OpReader) -> Move:
    """Begin and end are clamped as TFLM does it, which is Python's way. TFLM knows no ellipsis and no new axis."""
    x, y = reader.operand(0), reader.result()
    begins, ends, strides = (reader.numbers(position) for position in (1, 2, 3))
    if not len(begins) == len(ends) == len(strides) == len(x.shape) <= 4:
        raise reader.error(f"{len(begins)} begins, {len(ends)} ends, {len(strides)} strides do not fit {list(x.shape)}")
    if any(reader.option(name) for name in ("EllipsisMask", "NewAxisMask", "Offset")):
        raise reader.error("an ellipsis, a new axis or an offset is not supported")
    begin_mask, end_mask, shrink_mask = (reader.option(name) for name in ("BeginMask", "EndMask", "ShrinkAxisMask"))
    axes, shape, start = [], [], 0
    for axis, (size, step) in enumerate(zip(x.shape, steps_of(x.shape), strict=True)):
        begin = None if begin_mask >> axis & 1 else begins[axis]
        end = None if end_mask >> axis & 1 else ends[axis]
        stride = strides[axis]
        shrunk = bool(shrink_mask >> axis & 1)
        if shrunk and stride > 0:
            taken = range(size)[begin:][:1]
        elif stride == 0 or shrunk:
            raise reader.error(f"its stride along axis {axis} is {stride}")
        else:
            taken = range(size)[begin:end:stride]
        if not taken:
            raise reader.error(f"along axis {axis} nothing is left of {size} from {begin} to {end}")
        start += taken[0] * step
        if not shrunk:
            axes.append(Axis(len(taken), taken.step * step))
            shape.append(len(taken))
    reader.expect(y, tuple(shape))
    return move(reader, x, y, axes, start)


OPERATOR = movement_operator("STRIDED_SLICE", "AddStridedSlice", lower, "StridedSliceOptions")
