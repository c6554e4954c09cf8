"""What LOGISTIC and TANH share: gemmlowp's functions on inputs with four integer bits, and what lies beyond."""

import math
from collections.abc import Callable

import numpy as np

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


def wide_sigmoid(
    reader: OpReader, x: Quantization, y: Quantization, function: str, shifts: tuple[int, ...]
) -> tuple[str, tuple[str, ...]]:
    """C of an INT16 output, as LogisticPrepare and TanhPrepare scale what goes into TFLM's table.

    Args:
        function: its name, and that of its file under compile/c.
        shifts: by how much 2^-12 may be shifted to the input's scale, so that TFLM shifts where others multiply.
    """
    out, near = _log2(y.scale)
    if out != -15 or not near:
        raise reader.error(f"its output has scale {y.scale:g} instead of 1/32768")
    exponent, is_power = _log2(x.scale)
    multiplier, shift = 3 << max(exponent + 12, 0), 0
    if not is_power or exponent + 12 not in shifts:
        real = x.scale * 4096 * 3
        while real <= 32767 / 2 and shift <= 30:
            shift, real = shift + 1, real * 2
        multiplier = int(real)
    if multiplier > 32767:
        raise reader.error(f"its input scale {x.scale:g} is out of range for TFLM's kernel")
    scaled_x = f"(x * {multiplier} + {1 << (shift - 1)}) >> {shift}" if shift else f"x * {multiplier}"
    return f"(int16_t){function}({scaled_x})", (function,)


def _log2(scale: float) -> tuple[int, bool]:
    """The nearest power of two and whether it is near, as TFLM's CheckedLog2 finds it in float32."""
    exponent = float(np.log(np.float32(scale)) * (np.float32(1) / np.log(np.float32(2))))
    nearest = math.floor(abs(exponent) + 0.5) * (1 if exponent > 0 else -1)
    return nearest, abs(exponent - nearest) < 1e-3
