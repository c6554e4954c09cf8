"""READ_VARIABLE: a variable where it lies, or a copy of it where it is written before all is read."""

from edgekit.compile.cost import Rates
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator
from edgekit.compile.ops.reshape import emit
from edgekit.compile.variables import ReadVariable


def lower(reader: OpReader) -> ReadVariable:
    """TFLM copies bytes, whatever their quantisation."""
    y = reader.result()
    state = reader.variable(0)
    if state.size != y.size:
        raise reader.error(f"it reads {list(y.shape)} from a variable of {list(state.shape)}")
    return ReadVariable(reader.origins, (state,), y)


OPERATOR = Operator(
    "READ_VARIABLE",
    "AddReadVariable",
    ReadVariable,
    lower,
    emit,
    c_prefix=lambda _: "read_variable",
    describe=lambda _: "copy",
    rates=lambda _: Rates(output=1.2),
    view_offset=lambda op: None if op.copied else 0,
)
