"""ADD of two activations, or of an activation and a constant, with broadcasting.

TFLM brings both operands onto one scale with 20 bits to spare, adds them, and scales the sum: three roundings in full.
But a result depends on two bytes only, and all 65,536 pairs can be looked at when the program is made. A sum of two
short products, total = a * slope_a + b * slope_b + base, is shifted so that it never lags behind the true result; how
far it runs ahead is measured, and what lies so close behind the edge between two bytes is worked out in full. Of INT16
all are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edgekit.compile import fixed_point
from edgekit.compile.codegen import Kernel, Site, saturated, saturation
from edgekit.compile.ir import Requantization
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.broadcast import Binary, Operands, binary_operator, emit_binary, read_operands

_SPARE_BITS = {"INT8": 20, "INT16": 15}
_MOST_BITS = 22  # below the point; more would not help
_MOST_AHEAD = 1 / 8  # of a step


@dataclass(frozen=True, slots=True, eq=False)
class Add(Binary):
    """Element-wise sum, or a difference.

    Attributes:
        requantization: of the sums.
        scalings: (multiplier, shift) of the operands.
        sign: of the second operand, 1 or -1.
    """

    requantization: Requantization
    scalings: tuple[tuple[int, int], tuple[int, int]]
    sign: int


AnyAdd = TypeVar("AnyAdd", bound=Add)


@dataclass(frozen=True, slots=True)
class _Line:
    """`total` >> bits is the byte, unless `total`'s lower bits are below 2^zone."""

    slopes: tuple[int, int]
    base: int
    bits: int
    zone: int


def lower(reader: OpReader) -> Add:
    """The sum of two operands."""
    return read_sum(reader, Add, 1, read_operands(reader, "add"))


def read_sum(reader: OpReader, node: type[AnyAdd], sign: int, operands: Operands) -> AnyAdd:
    """Scales as TFLM's AddPrepare and SubPrepare compute them."""
    y = reader.result()
    reader.symmetric(*operands.quantizations, y.quantization)
    scales = [quantization.scale for quantization in operands.quantizations]
    twice = 2 * max(scales)
    reals = (scales[0] / twice, scales[1] / twice, twice / (2 ** _SPARE_BITS[y.type] * y.quantization.scale))
    one, two, out = (fixed_point.quantize_multiplier(real) for real in reals)
    if not 0.0 < reals[2] < 1.0 or max(one[1], two[1], out[1]) > 0:
        raise reader.error("its scales are too far apart for TFLM's kernel")
    low, high = reader.activation_range(y)
    requantization = Requantization((out[0],), (out[1],), y.quantization.zero_point, low, high)
    return node(reader.origins, operands.activations, y, operands, requantization, (one, two), sign)


def evaluate(op: Add, values: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The sums or differences of two activations."""
    scaling = op.requantization
    one, two = (
        fixed_point.requantized((value - q.zero_point) << _SPARE_BITS[op.output.type], *by)
        for value, q, by in zip(values, op.operands.quantizations, op.scalings, strict=True)
    )
    total = fixed_point.requantized(one + op.sign * two, scaling.multipliers[0], scaling.shifts[0])
    return np.clip(total + scaling.zero_point, scaling.low, scaling.high)


def emit(op: Add, site: Site, elements: int) -> Kernel:
    """The sum or difference, by the line where there is one."""
    line = _line(op) if op.output.type == "INT8" else None
    scaling = op.requantization
    low, high = scaling.low + 128, scaling.high + 128
    body = site.write("*output++", f"{site.name}_in_full(a, b)")
    if line is not None:
        near = f"(((uint32_t)total >> {line.zone}) & {(1 << (line.bits - line.zone)) - 1}u) == 0"
        body = f"""const int32_t total = a * {line.slopes[0]} + b * {line.slopes[1]} + ({line.base});
uint8_t byte;
if (total < {(low + 1) << line.bits}) byte = {low};
else if ({near}) byte = {site.name}_in_full(a, b);
else byte = (uint8_t)(total >= {high << line.bits} ? {high} : total >> {line.bits});
{site.write("*output++", "byte")}"""
    kind, spare = "uint8_t" if op.output.type == "INT8" else "int16_t", _SPARE_BITS[op.output.type]
    terms = [
        f"requantize(({name} - {quantization.zero_point + op.output.offset}) * (1 << {spare}), {multiplier}, {shift})"
        for name, quantization, (multiplier, shift) in zip("ab", op.operands.quantizations, op.scalings, strict=True)
    ]
    in_full = f"""static EDGEKIT_APART {kind} {site.name}_in_full(int32_t a, int32_t b) {{
  const int32_t sum = {terms[0]} {"+" if op.sign > 0 else "-"}
                      {terms[1]};
  return {saturated(op.output, f"requantize(sum, {scaling.multipliers[0]}, {scaling.shifts[0]})", scaling)};
}}

"""
    walk = emit_binary(op, site, body, elements)
    return replace(walk, helpers=("requantize", saturation(op.output)), function=in_full + walk.function)


def _line(op: Add) -> _Line | None:
    """The line beside the true results of all pairs of bytes; None where 32 bits do not hold a close one."""
    scaling, zeros = op.requantization, [q.zero_point for q in op.operands.quantizations]
    u = np.arange(256, dtype=np.int64)
    grids = (u[:, None], u[None, :])
    true = evaluate(op, [grid - 128 for grid in grids]) + 128
    whole = scaling.multipliers[0] * 2.0 ** (scaling.shifts[0] - 31)
    slopes = [
        sign * multiplier * 2.0 ** (shift - 31 + 20) * whole
        for (multiplier, shift), sign in zip(op.scalings, (1, op.sign), strict=True)
    ]
    low, high = scaling.low + 128, scaling.high + 128
    start = scaling.zero_point + 128.5 - sum(s * (z + 128) for s, z in zip(slopes, zeros, strict=True))
    up, down = (255 * sum(pick(0.0, slope) for slope in slopes) for pick in (max, min))
    reach = max(abs(start), abs(start + up), abs(start + down), 255 * max(map(abs, slopes)), 256.0)
    bits = min(_MOST_BITS, 29 - math.ceil(math.log2(reach)))
    if bits < 8 or low == high:
        return None
    a, b = (round(slope * 2**bits) for slope in slopes)
    total = grids[0] * a + grids[1] * b + round(start * 2**bits)
    lag = int(np.max((true << bits) - total, where=true > low, initial=0))
    ahead = int(np.max(total - ((true + 1) << bits), where=true < high, initial=0))
    zone = max(0, ahead + lag + 1).bit_length()
    if 2.0**zone > _MOST_AHEAD * 2.0**bits:
        return None
    return _Line((a, b), round(start * 2**bits) + lag, bits, zone)


OPERATOR = binary_operator("ADD", "AddAdd", "AddOptions", Add, lower, emit, evaluate=evaluate)
