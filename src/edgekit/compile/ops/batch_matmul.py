"""BATCH_MATMUL of two activations, or of an activation and a constant; either may be transposed, batches broadcast."""

import math
from dataclasses import dataclass

import numpy as np

from edgekit.compile import fixed_point
from edgekit.compile.codegen import Constant, Kernel, Site, byte_range, indent
from edgekit.compile.ir import Op, Requantization, Tensor
from edgekit.compile.op_reader import OpReader, Values
from edgekit.compile.operator import Operator
from edgekit.compile.ops.broadcast import read_operand
from edgekit.compile.ops.movement import steps_of
from edgekit.values.model import Quantization


@dataclass(frozen=True, slots=True, eq=False)
class BatchMatmul(Op):
    """Products of matrices.

    Attributes:
        operands: activations, or the int8 of a constant.
        loops: turns and the bytes that each moves on in both operands: over the batches, rows, columns; at last over
            the products of one sum.
    """

    operands: tuple[Tensor | Values, ...]
    quantizations: tuple[Quantization, Quantization]
    loops: tuple[tuple[int, int, int], ...]
    requantization: Requantization


def lower(reader: OpReader) -> BatchMatmul:
    """The scale as TFLM's GetQuantizedConvolutionMultipler computes it: a product in single precision."""
    (a, x1), (b, x2), y = read_operand(reader, 0), read_operand(reader, 1), reader.result()
    inputs = tuple(operand for operand in (a, b) if isinstance(operand, Tensor))
    if not inputs or not 2 <= min(len(x1.shape), len(x2.shape)) <= max(len(x1.shape), len(x2.shape)) <= 5:
        raise reader.error(f"it cannot multiply {list(x1.shape)} and {list(x2.shape)}")
    rank = max(len(x1.shape), len(x2.shape))
    first, second = ((1,) * (rank - len(x.shape)) + x.shape for x in (x1, x2))
    steps1, steps2 = steps_of(first), steps_of(second)
    row, depth = (rank - 1, rank - 2) if reader.option("AdjX") else (rank - 2, rank - 1)
    other_depth, column = (rank - 1, rank - 2) if reader.option("AdjY") else (rank - 2, rank - 1)
    batches = list(zip(first[:-2], second[:-2], strict=True))
    if first[depth] != second[other_depth] or any(m != n and 1 not in (m, n) for m, n in batches):
        raise reader.error(f"it cannot multiply {list(x1.shape)} and {list(x2.shape)}")
    reader.expect(y, (*(max(pair) for pair in batches), first[row], second[column]))
    loops = [
        (max(m, n), steps1[axis] if m > 1 else 0, steps2[axis] if n > 1 else 0) for axis, (m, n) in enumerate(batches)
    ]
    loops += [(first[row], steps1[row], 0), (second[column], 0, steps2[column])]
    loops.append((first[depth], steps1[depth], steps2[other_depth]))
    one, two = x1.quantization, x2.quantization
    with np.errstate(over="ignore"):
        product = float(np.float32(one.scale) * np.float32(two.scale))
    if not math.isfinite(product):
        raise reader.error("its scales are too large")
    multiplier, shift = fixed_point.quantize_multiplier(product / y.quantization.scale)
    farthest = fixed_point.farthest(one.zero_point) * fixed_point.farthest(two.zero_point)
    reader.check_sum(first[depth] * farthest, shift)
    scaling = Requantization((multiplier,), (shift,), y.quantization.zero_point, -128, 127)
    return BatchMatmul(reader.origins, inputs, y, (a, b), (one, two), tuple(loops), scaling)


def emit(op: BatchMatmul, site: Site) -> Kernel:
    """Sum after sum, in the order of the output."""
    constants, parameters, values, number = [], [], [], 0
    for which, (operand, quantization) in enumerate(zip(op.operands, op.quantizations, strict=True)):
        terms = [f"i{n} * {loop[1 + which]}" for n, loop in enumerate(op.loops) if loop[0] > 1 and loop[1 + which]]
        place = f"[{' + '.join(terms) or '0'}]"
        if isinstance(operand, Tensor):
            parameters.append(f"const uint8_t *input{number}")
            read = site.read(f"input{number}{place}", number)
            number += 1
        else:
            read = f"{site.name}_constant{place}"
            bytes_ = (operand.ravel() + np.int16(128)).tolist()
            constants.append(Constant("uint8_t", f"{site.name}_constant", bytes_))
        values.append(f"({read} - {quantization.zero_point + 128})")
    opening = [f"for (int32_t i{n} = 0; i{n} < {loop[0]}; ++i{n})" for n, loop in enumerate(op.loops)]
    scaling = op.requantization
    scaled = f"requantize(sum, {scaling.multipliers[0]}, {scaling.shifts[0]})"
    text = "\n".join(
        [
            *(f"{line} {{" for line in opening[:-1]),
            "  int32_t sum = 0;",
            f"  {opening[-1]} sum += {values[0]} * {values[1]};",
            "  " + site.write("*output++", f"to_byte({scaled}, {byte_range(scaling)})"),
            "}" * (len(opening) - 1),
        ]
    )
    function = f"static void {site.name}({', '.join(parameters)}, uint8_t *output) {{\n{indent(text, 2)}\n}}\n"
    return Kernel(("requantize", "to_byte"), tuple(constants), function)


OPERATOR = Operator(
    "BATCH_MATMUL",
    "AddBatchMatMul",
    BatchMatmul,
    lower,
    emit,
    options_kind="BatchMatMulOptions",
    c_prefix=lambda _: "batch_matmul",
    macs=lambda op: math.prod(loop[0] for loop in op.loops),
)
