"""ADD of two activations, or of an activation and a constant, with broadcasting.

TFLM brings both operands onto one scale with 20 bits to spare, adds them, and scales the sum: three roundings in full.
But a result depends on two bytes only, and all 65,536 pairs can be looked at when the program is made. A sum of two
short products, total = a * slope_a + b * slope_b + base, is shifted so that it never lags behind the true result; how
far it runs ahead is measured, and whoever lies so close behind the edge between two bytes is worked out in full.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.compile import fixed_point
from edgekit.compile.codegen import Constant, Kernel, Site, byte_range, indent
from edgekit.compile.ir import Op, Requantization, Tensor
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator, elementwise_offset
from edgekit.compile.row_streaming import RowSchedule, StreamedOperator

_MOST_BITS = 22  # below the point; more would not help
_MOST_AHEAD = 1 / 8  # of a step


@dataclass(frozen=True, slots=True, eq=False)
class Add(Op):
    """Element-wise sum with broadcasting.

    Attributes:
        operands: two activations, or an activation and an int8 constant.
        shapes: both operands' shapes and the output's, all of the same length.
        zero_points: of the operands.
        scalings: (multiplier, shift) of the operands.
        requantization: of their sum.
    """

    operands: tuple[Tensor | NDArray[np.int8], Tensor | NDArray[np.int8]]
    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    zero_points: tuple[int, int]
    scalings: tuple[tuple[int, int], tuple[int, int]]
    requantization: Requantization


@dataclass(frozen=True, slots=True)
class _Line:
    """`total` >> bits is the byte, unless `total`'s lower bits are below 2^zone."""

    slopes: tuple[int, int]
    base: int
    bits: int
    zone: int


def lower(reader: OpReader) -> Add:
    """ADD of two activations, or of an activation and a constant, with broadcasting."""
    y = reader.result()
    if len(reader.op.inputs) != 2 or (reader.is_constant(0) and reader.is_constant(1)):
        raise reader.error("it does not add two things of which one is computed")
    (a, x1), (b, x2) = _operand(reader, 0), _operand(reader, 1)
    rank = max(len(x1.shape), len(x2.shape))
    first, second = ((1,) * (rank - len(x.shape)) + x.shape for x in (x1, x2))
    if rank > 4 or any(m != n and 1 not in (m, n) for m, n in zip(first, second, strict=True)):
        raise reader.error(f"it cannot add shapes {list(x1.shape)} and {list(x2.shape)}")
    total = tuple(max(m, n) for m, n in zip(first, second, strict=True))
    reader.expect(y, total)
    scales = (x1.quantization.scale, x2.quantization.scale)
    twice = 2 * max(scales)
    reals = (scales[0] / twice, scales[1] / twice, twice / (2**20 * y.quantization.scale))
    one, two, out = (fixed_point.quantize_multiplier(real) for real in reals)
    if not 0.0 < reals[2] < 1.0 or max(one[1], two[1], out[1]) > 0:
        raise reader.error("its scales are too far apart for TFLM's kernel")
    low, high = reader.activation_range(y)
    return Add(
        reader.origins,
        tuple(operand for operand in (a, b) if isinstance(operand, Tensor)),
        y,
        operands=(a, b),
        shapes=(first, second, total),
        zero_points=(x1.quantization.zero_point, x2.quantization.zero_point),
        scalings=(one, two),
        requantization=Requantization((out[0],), (out[1],), y.quantization.zero_point, low, high),
    )


def _operand(reader: OpReader, position: int) -> tuple[Tensor | NDArray[np.int8], Tensor]:
    """An operand of ADD, and its shape and quantisation as those of a tensor."""
    if not reader.is_constant(position):
        tensor = reader.operand(position)
        return tensor, tensor
    tensor = reader.source.activation(reader.op.inputs[position], f"input {position} of {reader.label}")
    return reader.constant(position, "INT8", np.int8)[1], tensor


def emit(op: Add, site: Site, elements: int = 0) -> Kernel:
    """The sum of two tensors; of their first `elements` where those are given (operands of one shape only)."""
    constants: list[Constant] = []
    parameters, names = [], []
    for position, operand in enumerate(op.operands):
        if isinstance(operand, Tensor):
            names.append(f"input{position}")
            parameters.append(f"const uint8_t *input{position}")
        else:
            names.append(f"{site.name}_constant")
            constants.append(Constant("uint8_t", names[-1], (operand.ravel() + np.int16(128)).tolist()))
    indices, opening = _broadcast(op, elements)
    flips = iter(range(len(op.inputs)))
    cells = [f"{name}[{index}]" for name, index in zip(names, indices, strict=True)]
    a, b = (
        site.read(cell, next(flips)) if isinstance(operand, Tensor) else cell
        for cell, operand in zip(cells, op.operands, strict=True)
    )
    line = _line(op)
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
    terms = [
        f"requantize(({name} - {zero + 128}) * (1 << 20), {multiplier}, {shift})"
        for name, zero, (multiplier, shift) in zip("ab", op.zero_points, op.scalings, strict=True)
    ]
    function = f"""static EDGEKIT_APART uint8_t {site.name}_in_full(int32_t a, int32_t b) {{
  const int32_t sum = {terms[0]} +
                      {terms[1]};
  return to_byte(requantize(sum, {scaling.multipliers[0]}, {scaling.shifts[0]}), {byte_range(scaling)});
}}

static void {site.name}({", ".join(parameters)}, uint8_t *output) {{
{indent(opening, 2)}
    const int32_t a = {a}, b = {b};
{indent(body, 4)}
  {"}" * opening.count("{")}
}}
"""
    return Kernel(("requantize", "to_byte"), tuple(constants), function)


def _line(op: Add) -> _Line | None:
    """The line beside the true results of all pairs of bytes; None where 32 bits do not hold a close one."""
    scaling = op.requantization
    u = np.arange(256, dtype=np.int64)
    grids = (u[:, None], u[None, :])
    sums = np.zeros((256, 256), np.int64)
    slopes = []
    whole = scaling.multipliers[0] * 2.0 ** (scaling.shifts[0] - 31)
    for grid, zero, (multiplier, shift) in zip(grids, op.zero_points, op.scalings, strict=True):
        sums = sums + _requantized((grid - (zero + 128)) << 20, multiplier, shift)
        slopes.append(multiplier * 2.0 ** (shift - 31 + 20) * whole)
    true = _requantized(sums, scaling.multipliers[0], scaling.shifts[0]) + scaling.zero_point
    true = np.clip(true, scaling.low, scaling.high) + 128
    low, high = scaling.low + 128, scaling.high + 128
    start = scaling.zero_point + 128.5 - sum(s * (z + 128) for s, z in zip(slopes, op.zero_points, strict=True))
    reach = max(abs(start), abs(start + 255 * sum(slopes)), 255.0 * max(slopes), 256.0)
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


def _requantized(values: NDArray[np.int64], multiplier: int, shift: int) -> NDArray[np.int64]:
    """`requantize` of codegen.py on arrays."""
    left, right = max(shift, 0), max(-shift, 0)
    scaled = (values * (1 << left) * multiplier + (1 << 30)) >> 31
    mask = (1 << right) - 1
    return (scaled >> right) + ((scaled & mask) > (mask >> 1) + (scaled < 0))


def _broadcast(op: Add, elements: int) -> tuple[tuple[str, str], str]:
    """C indices of both operands, and the loops around them."""
    first, second, total = op.shapes
    if first == second:
        return ("i", "i"), f"for (int32_t i = 0; i < {elements or math.prod(total)}; ++i) {{"
    loops = [f"for (int32_t i{axis} = 0; i{axis} < {size}; ++i{axis}) {{" for axis, size in enumerate(total)]

    def index(shape: tuple[int, ...]) -> str:
        terms = [f"i{axis} * {math.prod(shape[axis + 1 :])}" for axis, size in enumerate(shape) if size > 1]
        return " + ".join(terms) or "0"

    return (index(first), index(second)), "\n".join(loops)


def row_schedule(op: Add) -> RowSchedule | None:
    """Row by row, where both operands are images of the output's shape."""
    if len(op.inputs) != 2 or len(set(op.shapes)) != 1 or len(op.output.shape) != 4 or op.output.shape[0] != 1:
        return None
    rows = op.output.shape[1]
    return RowSchedule(1, 1, 0, rows, 1, rows)


def emit_step(op: Add, streamed: StreamedOperator, step: str) -> tuple[Kernel, str]:
    """The function for a row, and the C of one step."""
    pointers = ", ".join(rows.at(step) for rows in (*streamed.inputs, streamed.output))
    return emit(op, streamed.site, elements=streamed.output.row_bytes), f"{streamed.site.name}({pointers});"


OPERATOR = Operator(
    "ADD",
    "AddAdd",
    Add,
    lower,
    emit,
    options_kind="AddOptions",
    inplace_offset=elementwise_offset,
    row_schedule=row_schedule,
    emit_step=emit_step,
)
