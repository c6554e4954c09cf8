"""What LOGISTIC and TANH share: gemmlowp's functions on inputs with four integer bits, and what lies beyond."""

import math
from collections.abc import Callable

from edgekit.compile.fixed_point import quantize_multiplier, rounding_shift, scaled
from edgekit.compile.op_reader import OpReader
from edgekit.values.model import Quantization


def sigmoid(
    reader: OpReader, x: Quantization, function: Callable[[int], int], fraction_bits: int, offset: int
) -> Callable[[int], int]:
    """The function from an int8 value to the output's.

    Args:
        function: from Q4.27 to Q0.31.
        fraction_bits: of the output; `offset`: what is added to it.
    """
    multiplier, shift = quantize_multiplier(x.scale * 2**27)
    if not 0 <= shift <= 62:
        raise reader.error(f"its input scale {x.scale:g} is out of range for TFLM's kernel")
    radius = math.floor(15 * 2**27 / 2**shift)

    def result(q: int) -> int:
        value = q - x.zero_point
        if abs(value) >= radius:
            return -128 if value <= -radius else 127
        return rounding_shift(function(scaled(value, multiplier, shift)), 31 - fraction_bits) + offset

    return result
