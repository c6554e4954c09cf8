"""RELU6 by itself: a clamp."""

from collections.abc import Callable

from edgekit.compile.fixed_point import activation_range
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.byte_table import table_operator
from edgekit.values.model import Quantization


def function_of(reader: OpReader, x: Quantization, _: Quantization) -> Callable[[int], int]:
    """TFLM reads the input's quantisation only, and copies what is let through."""
    try:
        low, high = activation_range("RELU6", x.scale, x.zero_point)
    except OverflowError as error:
        raise reader.error(f"its input scale {x.scale:g} is out of range") from error
    return lambda q: min(high, max(low, q))


OPERATOR = table_operator("RELU6", "AddRelu6", function_of)
