"""LEAKY_RELU: what is below zero times alpha, which may be negative, or greater than one."""

import math
from collections.abc import Callable

from edgekit.compile.fixed_point import quantize_multiplier, scaled
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
        result = scaled(value, *above) if value >= 0 else sign * scaled(value, *below)
        return result + y.zero_point

    return leaky_relu


OPERATOR = table_operator("LEAKY_RELU", "AddLeakyRelu", function_of, "LeakyReluOptions")
