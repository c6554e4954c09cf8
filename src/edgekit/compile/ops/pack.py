"""PACK: activations of one shape side by side along a new axis."""

from dataclasses import replace

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops import concatenation
from edgekit.compile.ops.joining import Join, operand, read_join


def lower(reader: OpReader) -> Join:
    """TFLM moves bytes whatever their quantisation."""
    y, count = reader.result(), len(reader.op.inputs)
    axis = reader.axis(int(reader.option("Axis")), len(y.shape))
    if not count or reader.option("ValuesCount") != count:
        raise reader.error(f"it has {count} operands and says {reader.option('ValuesCount')}")
    operands = [operand(reader, position) for position in range(count)]
    for one in operands:
        reader.expect(y, (*one.shape[:axis], count, *one.shape[axis:]))
    return read_join(reader, y, axis, operands)


OPERATOR = replace(
    concatenation.OPERATOR, code="PACK", resolver_method="AddPack", lower=lower, options_kind="PackOptions"
)
