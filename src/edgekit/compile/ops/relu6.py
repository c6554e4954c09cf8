"""RELU6 by itself: a clamp."""

from collections.abc import Callable

from edgekit.compile.fixed_point import activation_range
from edgekit.compile.ir import RANGES
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


def wide_value(reader: OpReader, x: Quantization, _: Quantization) -> tuple[str, tuple[str, ...]]:
    """The same of INT16."""
    try:
        low, high = activation_range("RELU6", x.scale, 0, RANGES["INT16"])
    except OverflowError as error:
        raise reader.error(f"its input scale {x.scale:g} is out of range") from error
    return f"clamped16(x, {low}, {high})", ("clamped16",)


OPERATOR = table_operator("RELU6", "AddRelu6", function_of, wide_value=wide_value)
