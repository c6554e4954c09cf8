"""ASSIGN_VARIABLE: an activation into a variable."""

from edgekit.compile.cost import Rates
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator
from edgekit.compile.ops.reshape import emit
from edgekit.compile.variables import AssignVariable


def lower(reader: OpReader) -> AssignVariable:
    """TFLM copies bytes, whatever their quantisation."""
    x, state = reader.operand(1), reader.variable(0)
    if reader.op.outputs:
        raise reader.error(f"it has {len(reader.op.outputs)} outputs instead of none")
    if state.size != x.size:
        raise reader.error(f"it assigns {list(x.shape)} to a variable of {list(state.shape)}")
    return AssignVariable(reader.origins, (x,), state)


OPERATOR = Operator(
    "ASSIGN_VARIABLE",
    "AddAssignVariable",
    AssignVariable,
    lower,
    emit,
    c_prefix=lambda _: "assign_variable",
    describe=lambda _: "copy",
    rates=lambda _: Rates(output=1.2),
)
