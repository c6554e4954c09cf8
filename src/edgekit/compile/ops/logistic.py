"""LOGISTIC: 1 / (1 + exp(-x))."""

from collections.abc import Callable

from edgekit.compile.fixed_point import logistic_q31
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.byte_table import table_operator
from edgekit.compile.ops.sigmoid import sigmoid, wide_sigmoid
from edgekit.values.model import Quantization


def function_of(reader: OpReader, x: Quantization, y: Quantization) -> Callable[[int], int]:
    """The output is in 256ths above -128, whatever its scale says."""
    if y.zero_point != -128:
        raise reader.error(f"its output has zero point {y.zero_point} instead of -128")
    return sigmoid(reader, x, logistic_q31, 8, -128)


OPERATOR = table_operator(
    "LOGISTIC",
    "AddLogistic",
    function_of,
    wide_value=lambda reader, x, y: wide_sigmoid(reader, x, y, "logistic16", (0,)),
)
