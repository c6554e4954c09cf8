"""The fixed-point arithmetic of TFLite's reference kernels, at build time. In: floats and options. Out: integers.

TFLite Micro's wheel rounds twice (`TFLITE_SINGLE_ROUNDING` is off): a rounding doubling high multiply, then a rounding
shift. Whatever these functions return is what TFLM computes when it prepares a model, bit for bit.
Sources: tflite-micro, kernels/internal (quantization_util.cc, common.cc, reference/softmax.h); gemmlowp, fixedpoint.h.
"""

import math

import numpy as np
from numpy.typing import NDArray

INT32_MAX = 2**31 - 1
INT32_MIN = -(2**31)


def quantize_multiplier(value: float) -> tuple[int, int]:
    """`value` >= 0 as (multiplier, shift): value = multiplier / 2^31 * 2^shift, multiplier 0 or in [2^30, 2^31).

    TFLM's `QuantizeMultiplier`: rounded half away from zero; below 2^-32 it becomes (0, 0).
    """
    if value == 0.0:
        return 0, 0
    fraction, shift = math.frexp(value)
    scaled = fraction * 2.0**31  # exact: a power of two
    multiplier = int(scaled)
    if scaled - multiplier >= 0.5:
        multiplier += 1
    if multiplier == 2**31:
        multiplier //= 2
        shift += 1
    return (0, 0) if shift < -31 else (multiplier, shift)


def high_multiply(a: int, b: int) -> int:
    """gemmlowp's `SaturatingRoundingDoublingHighMul`: a * b / 2^31, rounded to the nearest, ties upwards."""
    if a == b == INT32_MIN:
        return INT32_MAX
    return (a * b + (1 << 30)) >> 31


def rounding_shift(value: int, exponent: int) -> int:
    """gemmlowp's `RoundingDivideByPOT`: value / 2^exponent, rounded to the nearest, ties away from zero."""
    mask = (1 << exponent) - 1
    return (value >> exponent) + ((value & mask) > (mask >> 1) + (value < 0))


def scaled(value: int, multiplier: int, shift: int) -> int:
    """TFLM's `MultiplyByQuantizedMultiplier` with two roundings."""
    return rounding_shift(high_multiply(value << max(shift, 0), multiplier), max(-shift, 0))


def requantized(values: NDArray[np.int64], multiplier: int, shift: int) -> NDArray[np.int64]:
    """`scaled` of each value."""
    left, right = max(shift, 0), max(-shift, 0)
    product = (values * (1 << left) * multiplier + (1 << 30)) >> 31
    mask = (1 << right) - 1
    return (product >> right) + ((product & mask) > (mask >> 1) + (product < 0))


def farthest(zero_point: int, kind: str = "INT8") -> int:
    """The greatest distance of a value of this type from the zero point."""
    limits = np.iinfo(kind.lower())
    return max(int(limits.max) - zero_point, zero_point - int(limits.min))


def mean_multiplier(input_scale: float, output_scale: float, count: int) -> tuple[int, int]:
    """(multiplier, shift) with which TFLM's MEAN turns a sum of `count` values into an output value."""
    multiplier, shift = quantize_multiplier(input_scale / output_scale)
    extra = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << extra) // count, shift - extra


def activation_range(
    activation: str, scale: float, zero_point: int, limits: tuple[int, int] = (-128, 127)
) -> tuple[int, int]:
    """The least and the greatest value that a fused activation lets through.

    Args:
        activation: NONE, RELU, RELU_N1_TO_1 or RELU6.
        scale, zero_point: quantisation of the output; `scale` is a float32 value.
        limits: of its type.

    Raises:
        OverflowError: the scale is so small that TFLM refuses the model.
    """

    def quantize(value: float) -> int:
        # float32 division and roundf, which rounds ties away from zero
        quotient = float(np.float32(value) / np.float32(scale))
        if abs(quotient) >= 2**30:
            raise OverflowError
        return zero_point + int(math.copysign(math.floor(abs(quotient) + 0.5), quotient))

    low, high = limits
    if activation in ("RELU", "RELU6"):
        low = max(low, quantize(0.0))
    if activation == "RELU6":
        high = min(high, quantize(6.0))
    if activation == "RELU_N1_TO_1":
        low, high = max(low, quantize(-1.0)), min(high, quantize(1.0))
    return low, high


def softmax_table(beta: float, input_scale: float) -> tuple[int, ...]:
    """exp(-d * scale * beta) as Q0.31 for d = 0, 1, ... below the row's maximum; 0 beyond the table's end.

    The index of the table is at most 255, because inputs are int8.

    Raises:
        OverflowError: scale * beta is too small for TFLM's kernel, which then stops the program.
    """
    real = min(beta * input_scale * (1 << 26), 2.0**31 - 1.0)
    if not real > 1.0:
        raise OverflowError
    multiplier, left = quantize_multiplier(real)
    radius = math.floor(31.0 * (1 << 26) / (1 << left))
    return tuple(_exp_of_negative(5, high_multiply(-d * (1 << left), multiplier)) for d in range(min(radius, 255) + 1))


def logistic_q31(a: int) -> int:
    """gemmlowp's `logistic`: a is Q4.27, the result Q0.31."""
    if a == 0:
        return 1 << 30
    exponential = _exp_of_negative(4, -abs(a))
    positive = saturated_shift(_reciprocal_of_half_sum(exponential), 1)
    return positive if a > 0 else INT32_MAX - positive


def tanh_q31(a: int) -> int:
    """gemmlowp's `tanh`: a is Q4.27, the result Q0.31."""
    if a == 0:
        return 0
    exponential = _exp_of_negative(5, -abs(a))  # of twice a
    positive = saturated_shift(_reciprocal_of_half_sum(exponential) - (1 << 29), 2)
    return positive if a > 0 else -positive


def saturated_shift(value: int, exponent: int) -> int:
    """gemmlowp's `SaturatingRoundingMultiplyByPOT`: value * 2^exponent within int32."""
    return max(INT32_MIN, min(INT32_MAX, value << exponent))


def _reciprocal_of_half_sum(a: int) -> int:
    """2 / (1 + a) for a in [0, 1], Q0.31, by three steps of Newton's method; the result is Q2.29."""
    half = (a + INT32_MAX + 1) >> 1
    x = 1515870810 + high_multiply(half, -1010580540)  # 48/17 - 32/17 * half
    for _ in range(3):
        x += saturated_shift(high_multiply(x, (1 << 29) - high_multiply(half, x)), 2)
    return x


def _exp_of_negative(integer_bits: int, a: int) -> int:
    """gemmlowp's `exp_on_negative_values`: a is <= 0 with 4 or 5 integer bits, the result Q0.31."""
    if a == 0:
        return INT32_MAX
    quarter = 1 << (29 - integer_bits)
    fraction = (a & (quarter - 1)) - quarter
    result = _exp_of_last_quarter(fraction << integer_bits)
    remainder = fraction - a
    factors = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
    for exponent, factor in enumerate(factors[: integer_bits + 2]):
        if remainder & (quarter << exponent):
            result = high_multiply(result, factor)
    return result


def _exp_of_last_quarter(a: int) -> int:
    """exp for a in [-1/4, 0), Q0.31, by a Taylor series around -1/8."""
    x = a + (1 << 28)
    x2 = high_multiply(x, x)
    x3 = high_multiply(x2, x)
    x4 = high_multiply(x2, x2)
    tail = rounding_shift(high_multiply(rounding_shift(x4, 2) + x3, 715827883) + x2, 1)
    return 1895147668 + high_multiply(1895147668, x + tail)
