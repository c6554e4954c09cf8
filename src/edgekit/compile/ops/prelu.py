"""PRELU: what is below zero times an alpha of its channel, a constant that broadcasts to the activation."""

from dataclasses import dataclass, replace

from edgekit.compile import fixed_point
from edgekit.compile.codegen import Kernel, Site, byte_range
from edgekit.compile.ir import Requantization
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.broadcast import Binary, binary_operator, emit_binary, read_operands


@dataclass(frozen=True, slots=True, eq=False)
class Prelu(Binary):
    """The first operand, or its product with the second where it is below zero. `above`, `below`: of its results."""

    above: Requantization
    below: Requantization


def lower(reader: OpReader) -> Prelu:
    """Scales as TFLM's CalculatePreluParams computes them."""
    operands, y = read_operands(reader, "multiply"), reader.result()
    x, alpha = operands.quantizations
    if operands.shapes[0] != operands.shapes[2]:
        raise reader.error(f"its alpha {list(operands.shapes[1])} does not broadcast to {list(operands.shapes[0])}")
    above = fixed_point.quantize_multiplier(x.scale / y.quantization.scale)
    below = fixed_point.quantize_multiplier(x.scale * alpha.scale / y.quantization.scale)
    reader.check_sum(127 - x.zero_point, above[1])
    reader.check_sum((128 + x.zero_point) * fixed_point.farthest(alpha.zero_point), below[1])
    requantizations = (
        Requantization((multiplier,), (shift,), y.quantization.zero_point, -128, 127)
        for multiplier, shift in (above, below)
    )
    return Prelu(reader.origins, operands.activations, y, operands, *requantizations)


def emit(op: Prelu, site: Site, elements: int) -> Kernel:
    """Either product, scaled."""
    zero, alpha_zero = (quantization.zero_point + 128 for quantization in op.operands.quantizations)
    above, below = (f"{scaling.multipliers[0]}, {scaling.shifts[0]}" for scaling in (op.above, op.below))
    body = f"""const int32_t value = a - {zero};
const int32_t scaled = value >= 0 ? requantize(value, {above}) : requantize(value * (b - {alpha_zero}), {below});
{site.write("*output++", f"to_byte(scaled, {byte_range(op.above)})")}"""
    return replace(emit_binary(op, site, body, elements), helpers=("requantize", "to_byte"))


OPERATOR = binary_operator("PRELU", "AddPrelu", "", Prelu, lower, emit, 84.0, takes_16x8=False)
