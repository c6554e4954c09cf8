"""SUB of two activations, or of an activation and a constant: ADD with another sign."""

from dataclasses import dataclass

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.add import Add, emit, evaluate, read_sum
from edgekit.compile.ops.broadcast import binary_operator, read_operands


@dataclass(frozen=True, slots=True, eq=False)
class Sub(Add):
    """Element-wise difference."""


def lower(reader: OpReader) -> Sub:
    """The first operand less the second."""
    return read_sum(reader, Sub, -1, read_operands(reader, "subtract"))


OPERATOR = binary_operator("SUB", "AddSub", "SubOptions", Sub, lower, emit, evaluate=evaluate)
