"""SOFTMAX over the last dimension, from int8 to int8 or int16; from int16 see wide_softmax.py."""

import math
from dataclasses import dataclass
from typing import Any

from edgekit.compile import fixed_point
from edgekit.compile.codegen import Constant, Kernel, Site
from edgekit.compile.cost import Rates
from edgekit.compile.ir import Op
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator, elementwise_offset
from edgekit.compile.ops.wide_softmax import WideSoftmax, read_wide_softmax
from edgekit.values.model import Quantization

_OUTPUTS = {"INT8": Quantization(1 / 256, -128), "INT16": Quantization(1 / 65536, -32768)}


@dataclass(frozen=True, slots=True, eq=False)
class Softmax(Op):
    """Softmax over the last dimension. `table`: exp by distance from the row's maximum, Q0.31."""

    rows: int
    depth: int
    table: tuple[int, ...]


def lower(reader: OpReader) -> Softmax | WideSoftmax:
    """SOFTMAX over the last dimension.

    From 512 values on, TFLM stops the program where all of them are nearly equal; the compiled code then answers the
    least value.
    """
    if reader.wide:
        return read_wide_softmax(reader)
    x, y = reader.operand(0), reader.result(tuple(_OUTPUTS))
    reader.expect(y, x.shape)
    wanted = _OUTPUTS[y.type]
    near = 0.0 if y.type == "INT8" else 0.001 * wanted.scale  # that TFLM allows
    off = abs(y.quantization.scale - wanted.scale)
    if off > near or y.quantization.zero_point != wanted.zero_point or not x.shape:
        raise reader.error(f"its output must have scale 1/{1 / wanted.scale:.0f} and zero point {wanted.zero_point}")
    depth = x.shape[-1]
    if depth > 4095:  # the sum of exponentials has 12 integer bits
        raise reader.error(f"it runs over {depth} values; TFLM's kernel holds 4095", "Use fewer classes.")
    beta = float(reader.option("Beta"))
    try:
        if not (math.isfinite(beta) and beta > 0):
            raise OverflowError
        table = fixed_point.softmax_table(beta, x.quantization.scale)
    except OverflowError as error:
        raise reader.error(f"beta {beta:g} with input scale {x.quantization.scale:g} is out of range") from error
    return Softmax(reader.origins, (x,), y, x.size // depth, depth, table)


def emit(op: Softmax, site: Site) -> Kernel:
    """exp by table (inputs have 256 values), the sum in Q12.19, its reciprocal by Newton's method."""
    table, wide = f"{site.name}_exp", op.output.type == "INT16"
    most = 65535 if wide else 255
    clamped = f"(value > {most} ? {most} : value)"
    store = site.write("output[c]", f"(uint8_t){clamped}")
    if wide:
        store = f"((int16_t *)(void *)output)[c] = (int16_t)({clamped} - 32768);"
    function = f"""static void {site.name}(const uint8_t *input, uint8_t *output) {{
  for (int32_t row = 0; row < {op.rows}; ++row, input += {op.depth}, output += {op.depth * (2 if wide else 1)}) {{
    int32_t best = 0;
    for (int32_t c = 0; c < {op.depth}; ++c) {{
      const int32_t value = {site.read("input[c]")};
      if (value > best) best = value;
    }}
    int32_t sum = 0;
    for (int32_t c = 0; c < {op.depth}; ++c) {{
      const int32_t below = best - {site.read("input[c]")};
      if (below < {len(op.table)}) sum += rounding_shift({table}[below], 12);
    }}
    int32_t headroom = 0;
    for (uint32_t bits = (uint32_t)sum; bits < 0x80000000u; bits <<= 1) ++headroom;
    const int32_t scale = reciprocal(((uint32_t)sum << headroom) - 0x80000000u);
    const int32_t exponent = 12 - headroom + 31 - {16 if wide else 8};
    for (int32_t c = 0; c < {op.depth}; ++c) {{
      const int32_t below = best - {site.read("input[c]")};
      int32_t value = 0;
      if (below < {len(op.table)} && exponent < 32) {{
        value = rounding_shift(high_multiply(scale, {table}[below]), exponent);
      }}
      {store}
    }}
  }}
}}
"""
    return Kernel(("rounding_shift", "reciprocal"), (Constant("int32_t", table, op.table),), function)


OPERATOR: Operator[Any] = Operator(
    "SOFTMAX",
    "AddSoftmax",
    Softmax,
    lower,
    emit,
    options_kind="SoftmaxOptions",
    rates=lambda op: Rates(output=240 + 600 / op.output.shape[-1]),
    inplace_offset=lambda op, tensor: elementwise_offset(op, tensor) if op.output.type == "INT8" else None,
    takes_16x8=True,
)
