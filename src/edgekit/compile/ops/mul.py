"""MUL of two activations, or of an activation and a constant, with broadcasting."""

from dataclasses import dataclass, replace

from edgekit.compile import fixed_point
from edgekit.compile.codegen import Kernel, Site, byte_range
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
    one, two = operands.quantizations
    multiplier, shift = fixed_point.quantize_multiplier(one.scale * two.scale / y.quantization.scale)
    reader.check_sum(fixed_point.farthest(one.zero_point) * fixed_point.farthest(two.zero_point), shift)
    low, high = reader.activation_range(y)
    requantization = Requantization((multiplier,), (shift,), y.quantization.zero_point, low, high)
    return Mul(reader.origins, operands.activations, y, operands, requantization)


def emit(op: Mul, site: Site, elements: int) -> Kernel:
    """The product of what is above the zero points, scaled."""
    scaling = op.requantization
    a, b = (f"({name} - {q.zero_point + 128})" for name, q in zip("ab", op.operands.quantizations, strict=True))
    scaled = f"requantize({a} * {b}, {scaling.multipliers[0]}, {scaling.shifts[0]})"
    body = site.write("*output++", f"to_byte({scaled}, {byte_range(scaling)})")
    return replace(emit_binary(op, site, body, elements), helpers=("requantize", "to_byte"))


OPERATOR = binary_operator("MUL", "AddMul", "MulOptions", Mul, lower, emit, 80.0)
