"""TANH."""

from collections.abc import Callable

from edgekit.compile.fixed_point import tanh_q31
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.byte_table import table_operator
from edgekit.compile.ops.sigmoid import sigmoid, wide_sigmoid
from edgekit.values.model import Quantization


def function_of(reader: OpReader, x: Quantization, _: Quantization) -> Callable[[int], int]:
    """The output is in 128ths, whatever its quantisation says."""
    return sigmoid(reader, x, tanh_q31, 7, 0)


OPERATOR = table_operator(
    "TANH", "AddTanh", function_of, wide_value=lambda reader, x, y: wide_sigmoid(reader, x, y, "tanh16", (0, 1))
)
