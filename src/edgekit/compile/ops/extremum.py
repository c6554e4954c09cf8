"""What MAXIMUM and MINIMUM share: TFLM compares bytes, whatever their quantisation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Kernel, Site
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator
from edgekit.compile.ops.broadcast import Binary, binary_operator, emit_binary, read_operands


@dataclass(frozen=True, slots=True, eq=False)
class Extremum(Binary):
    """The greater or the lesser of two elements. `keeps`: the comparison in C that takes the first one."""

    keeps: str


def extremum_operator(code: str, resolver_method: str, keeps: str) -> Operator[Extremum]:
    """The entry of either."""

    def lower(reader: OpReader) -> Extremum:
        operands, y = read_operands(reader, "compare"), reader.result()
        return Extremum(reader.origins, operands.activations, y, operands, keeps)

    return binary_operator(
        code, resolver_method, "MaximumMinimumOptions", Extremum, lower, emit, 15.0, evaluate=evaluate
    )


def evaluate(op: Extremum, values: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Of two activations."""
    return (np.maximum if ">" in op.keeps else np.minimum)(*values)


def emit(op: Extremum, site: Site, elements: int) -> Kernel:
    """The comparison, element by element."""
    kind = "uint8_t" if op.output.type == "INT8" else "int16_t"
    return emit_binary(op, site, site.write("*output++", f"({kind})(a {op.keeps} b ? a : b)"), elements)
