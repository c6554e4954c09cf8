"""LEAKY_RELU: what is below zero times alpha, which may be negative, or greater than one."""

import math
from collections.abc import Callable

from edgekit.compile.fixed_point import quantize_multiplier, scaled
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.byte_table import table_operator
from edgekit.values.model import Quantization


def function_of(reader: OpReader, x: Quantization, y: Quantization) -> Callable[[int], int]:
    """The scales as LeakyReluPrepare computes them; in TFLM's wheel with the precision of a double."""
    above, below, sign = _slopes(reader, x, y)
    reader.check_sum(127 - x.zero_point, above[1])
    reader.check_sum(128 + x.zero_point, below[1])

    def leaky_relu(q: int) -> int:
        value = q - x.zero_point
        result = scaled(value, *above) if value >= 0 else sign * scaled(value, *below)
        return result + y.zero_point

    return leaky_relu


def wide_value(reader: OpReader, x: Quantization, y: Quantization) -> tuple[str, tuple[str, ...]]:
    """The same of INT16."""
    above, below, sign = _slopes(reader, x, y)
    reader.check_sum(32768, max(above[1], below[1]))
    up, down = (f"requantize(x, {multiplier}, {shift})" for multiplier, shift in (above, below))
    value = f"clamped16(x >= 0 ? {up} : {'-' if sign < 0 else ''}{down}, -32768, 32767)"
    return value, ("requantize", "clamped16")


def _slopes(reader: OpReader, x: Quantization, y: Quantization) -> tuple[tuple[int, int], tuple[int, int], int]:
    """(multiplier, shift) above zero and below, and the sign of that."""
    alpha = float(reader.option("Alpha"))
    if not math.isfinite(alpha):
        raise reader.error(f"its alpha is {alpha:g}")
    slope = x.scale * alpha / y.scale
    return quantize_multiplier(x.scale / y.scale), quantize_multiplier(abs(slope)), -1 if slope < 0 else 1


OPERATOR = table_operator("LEAKY_RELU", "AddLeakyRelu", function_of, "LeakyReluOptions", wide_value)
