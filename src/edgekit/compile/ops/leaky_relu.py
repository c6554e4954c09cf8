"""LEAKY_RELU: what is below zero times alpha, which may be negative, or greater than one."""

import math
from collections.abc import Callable

from edgekit.compile.fixed_point import high_multiply, quantize_multiplier, rounding_shift
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.byte_table import table_operator
from edgekit.values.model import Quantization


def function_of(reader: OpReader, x: Quantization, y: Quantization) -> Callable[[int], int]:
    """The scales as LeakyReluPrepare computes them; in TFLM's wheel with the precision of a double."""
    alpha = float(reader.option("Alpha"))
    if not math.isfinite(alpha):
        raise reader.error(f"its alpha is {alpha:g}")
    identity, slope = x.scale / y.scale, x.scale * alpha / y.scale
    above, below = quantize_multiplier(identity), quantize_multiplier(abs(slope))
    reader.check_sum(127 - x.zero_point, above[1])
    reader.check_sum(128 + x.zero_point, below[1])
    sign = -1 if slope < 0 else 1

    def leaky_relu(q: int) -> int:
        value = q - x.zero_point
        scaled = _scaled(value, *above) if value >= 0 else sign * _scaled(value, *below)
        return scaled + y.zero_point

    return leaky_relu


def _scaled(value: int, multiplier: int, shift: int) -> int:
    return rounding_shift(high_multiply(value << max(shift, 0), multiplier), max(-shift, 0))


OPERATOR = table_operator("LEAKY_RELU", "AddLeakyRelu", function_of, "LeakyReluOptions")
