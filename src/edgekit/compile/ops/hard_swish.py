"""HARD_SWISH: x * relu6(x + 3) / 6, in the 16-bit arithmetic of TFLM's kernel, step by step."""

from collections.abc import Callable

from edgekit.compile.fixed_point import quantize_multiplier
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.byte_table import table_operator
from edgekit.values.model import Quantization

_MIN, _MAX = -(2**15), 2**15 - 1


def function_of(reader: OpReader, x: Quantization, y: Quantization) -> Callable[[int], int]:
    """The scales as HardSwishPrepare computes them; in TFLM's wheel with the precision of a double.

    The real value 3 is 2^15 on the scale of `gate`.
    """
    multiplier, shift = _multiplier16(x.scale / 128 / y.scale)
    gate_multiplier, gate_shift = _multiplier16(x.scale / 128 / (3 / 2**15))
    if shift > 0 or gate_shift > 31:
        raise reader.error(f"its scales {x.scale:g} and {y.scale:g} are out of range for TFLM's kernel")

    def hard_swish(q: int) -> int:
        value = (q - x.zero_point) * 128
        gate = value
        if gate_shift > 0:
            gate = _saturated(gate << (gate_shift - 1))
        gate = _high_multiply16(gate, gate_multiplier)
        gate = _saturated(gate << 1) if gate_shift > 0 else _rounding_shift16(gate, -gate_shift)
        gate = (gate + 2**15) >> 1
        product = gate * _high_multiply16(value, multiplier)
        return _rounding_shift16(int(product / 2**15), -shift) + y.zero_point  # rounded towards zero

    return hard_swish


def _multiplier16(real: float) -> tuple[int, int]:
    """`quantize_multiplier` with a multiplier of 15 bits."""
    multiplier, shift = quantize_multiplier(real)
    return min((multiplier + 2**15) >> 16, _MAX), shift


def _saturated(value: int) -> int:
    return max(_MIN, min(_MAX, value))


def _high_multiply16(a: int, b: int) -> int:
    """a * b / 2^15, rounded to the nearest, ties upwards."""
    return (a * b + 2**14) >> 15


def _rounding_shift16(value: int, exponent: int) -> int:
    """value / 2^exponent, rounded to the nearest, ties away from zero. The mask has 16 bits, as in gemmlowp."""
    mask = (1 << exponent) - 1 if exponent < 16 else -1
    return (value >> exponent) + ((value & mask) > (mask >> 1) + (value < 0))


OPERATOR = table_operator("HARD_SWISH", "AddHardSwish", function_of)
