"""RELU by itself, which may change the scale."""

from collections.abc import Callable

from edgekit.compile.fixed_point import activation_range, quantize_multiplier, scaled
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.byte_table import table_operator
from edgekit.values.model import Quantization


def function_of(reader: OpReader, x: Quantization, y: Quantization) -> Callable[[int], int]:
    """The scale as CalculateReluOpData computes it."""
    multiplier, shift = quantize_multiplier(x.scale / y.scale)
    reader.check_sum(128 + abs(x.zero_point), shift)
    try:
        low, high = activation_range("RELU", y.scale, y.zero_point)
    except OverflowError as error:
        raise reader.error(f"its output scale {y.scale:g} is out of range") from error
    return lambda q: min(high, max(low, scaled(q - x.zero_point, multiplier, shift) + y.zero_point))


def wide_value(reader: OpReader, x: Quantization, y: Quantization) -> tuple[str, tuple[str, ...]]:
    """The same of INT16."""
    multiplier, shift = quantize_multiplier(x.scale / y.scale)
    reader.check_sum(32768, shift)
    return f"clamped16(requantize(x, {multiplier}, {shift}), 0, 32767)", ("requantize", "clamped16")


OPERATOR = table_operator("RELU", "AddRelu", function_of, wide_value=wide_value)
