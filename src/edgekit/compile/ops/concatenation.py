"""CONCATENATION along any axis. TFLM wants one quantisation for all."""

from edgekit.compile.cost import Rates
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator
from edgekit.compile.ops.joining import Join, emit, inplace_offset, operand, part_offsets, read_join

_MOST = 10  # operands that TFLM takes


def lower(reader: OpReader) -> Join:
    """Up to ten activations and constants. Of INT16 TFLM moves them whatever their scales."""
    y, count = reader.result(), len(reader.op.inputs)
    axis = reader.axis(int(reader.option("Axis")), len(y.shape))
    if reader.option("FusedActivationFunction") != "NONE":
        raise reader.error(f"the fused activation {reader.option('FusedActivationFunction')} is not supported")
    if not 1 <= count <= _MOST:
        raise reader.error(f"it has {count} operands; TFLM takes up to {_MOST}", "Join them in two steps.")
    operands = [operand(reader, position) for position in range(count)]
    for position, one in enumerate(operands):
        tensor = reader.source.activation(
            reader.op.inputs[position], f"input {position} of {reader.label}", reader.types
        )
        reader.symmetric(tensor.quantization, y.quantization)
        if tensor.quantization != y.quantization and not reader.wide:
            raise reader.error(f"input {position} and the output differ in scale or zero point")
        if len(one.shape) != len(y.shape) or any(
            m != n for a, (m, n) in enumerate(zip(one.shape, y.shape, strict=True)) if a != axis
        ):
            raise reader.error(f"input {position} is {list(one.shape)}, which is no part of {list(y.shape)}")
    reader.expect(y, (*y.shape[:axis], sum(one.shape[axis] for one in operands), *y.shape[axis + 1 :]))
    return read_join(reader, y, axis, operands)


OPERATOR = Operator(
    "CONCATENATION",
    "AddConcatenation",
    Join,
    lower,
    emit,
    options_kind="ConcatenationOptions",
    c_prefix=lambda op: op.origins[0].code.lower(),
    describe=lambda _: "copy",
    rates=lambda _: Rates(output=10),
    inplace_offset=inplace_offset,
    part_offsets=part_offsets,
    takes_16x8=True,
)
