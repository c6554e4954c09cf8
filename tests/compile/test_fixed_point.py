"""Build-time arithmetic at the points where roundings part ways. The rest is proved beside TFLM in test_exactness."""

import math

import numpy as np
import pytest

from edgekit.compile import fixed_point


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, (0, 0)),
        (0.5, (1 << 30, 0)),
        (1.0, (1 << 30, 1)),
        (1.0 - 2.0**-40, (1 << 30, 1)),  # rounds up to a power of two
        (0.75 + 2.0**-33, ((3 << 29) + 0, 0)),  # below one half of the last place
        (0.75 + 2.0**-32, ((3 << 29) + 1, 0)),  # a tie goes away from zero
        (2.0**-32, (1 << 30, -31)),
        (2.0**-33, (0, 0)),  # too small: flushed
    ],
)
def test_multipliers_are_normalised_and_rounded_away_from_zero(value: float, expected: tuple[int, int]) -> None:
    assert fixed_point.quantize_multiplier(value) == expected


@pytest.mark.parametrize(
    ("value", "exponent", "expected"), [(5, 1, 3), (-5, 1, -3), (6, 2, 2), (-6, 2, -2), (-7, 0, -7), (3, 3, 0)]
)
def test_rounding_shift_sends_ties_away_from_zero(value: int, exponent: int, expected: int) -> None:
    assert fixed_point.rounding_shift(value, exponent) == expected


def test_high_multiply_sends_ties_upwards() -> None:
    assert fixed_point.high_multiply(1, 1 << 30) == 1
    assert fixed_point.high_multiply(-1, 1 << 30) == 0
    assert fixed_point.high_multiply(fixed_point.INT32_MIN, fixed_point.INT32_MIN) == fixed_point.INT32_MAX


@pytest.mark.parametrize(("scale", "beta"), [(0.1, 1.0), (0.004, 1.0), (0.5, 3.0)])
def test_softmax_table_is_the_exponential(scale: float, beta: float) -> None:
    table = np.array(fixed_point.softmax_table(beta, float(np.float32(scale)))) / 2.0**31
    assert np.allclose(table, [math.exp(-d * scale * beta) for d in range(len(table))], atol=1e-5)


def test_relu6_ends_at_six() -> None:
    assert fixed_point.activation_range("RELU6", 6 / 255, -128) == (-128, 127)
    assert fixed_point.activation_range("RELU6", 0.1, 0) == (0, 60)
    assert fixed_point.activation_range("RELU_N1_TO_1", 0.125, 10) == (2, 18)
    assert fixed_point.activation_range("NONE", 0.1, 0) == (-128, 127)
