"""MUL of two activations, or of an activation and a constant, with broadcasting."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgekit.compile import fixed_point
from edgekit.compile.codegen import Kernel, Site, saturated, saturation
from edgekit.compile.ir import Requantization
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.broadcast import Binary, binary_operator, emit_binary, read_operands


@dataclass(frozen=True, slots=True, eq=False)
class Mul(Binary):
    """Element-wise product. `requantization`: of the products."""

    requantization: Requantization


def lower(reader: OpReader) -> Mul:
    """Scales as TFLM's CalculateOpDataMul computes them."""
    operands, y = read_operands(reader, "multiply"), reader.result()
    reader.symmetric(*operands.quantizations, y.quantization)
    one, two = operands.quantizations
    multiplier, shift = fixed_point.quantize_multiplier(one.scale * two.scale / y.quantization.scale)
    reader.check_sum(math.prod(fixed_point.farthest(q.zero_point, y.type) for q in (one, two)), shift)
    low, high = reader.activation_range(y)
    requantization = Requantization((multiplier,), (shift,), y.quantization.zero_point, low, high)
    return Mul(reader.origins, operands.activations, y, operands, requantization)


def evaluate(op: Mul, values: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The products of two activations."""
    scaling, (one, two) = op.requantization, op.operands.quantizations
    products = (values[0] - one.zero_point) * (values[1] - two.zero_point)
    scaled = fixed_point.requantized(products, scaling.multipliers[0], scaling.shifts[0])
    return np.clip(scaled + scaling.zero_point, scaling.low, scaling.high)


def emit(op: Mul, site: Site, elements: int) -> Kernel:
    """The product of what is above the zero points, scaled."""
    scaling = op.requantization
    offset = op.output.offset
    a, b = (f"({name} - {q.zero_point + offset})" for name, q in zip("ab", op.operands.quantizations, strict=True))
    scaled = f"requantize({a} * {b}, {scaling.multipliers[0]}, {scaling.shifts[0]})"
    body = site.write("*output++", saturated(op.output, scaled, scaling))
    return replace(emit_binary(op, site, body, elements), helpers=("requantize", saturation(op.output)))


OPERATOR = binary_operator("MUL", "AddMul", "MulOptions", Mul, lower, emit, 80.0, evaluate=evaluate)
