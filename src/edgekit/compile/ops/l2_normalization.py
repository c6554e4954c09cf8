"""L2_NORMALIZATION over the last dimension."""

from dataclasses import dataclass

from edgekit.compile.codegen import Kernel, Site
from edgekit.compile.cost import Rates
from edgekit.compile.ir import Op
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator, elementwise_offset
from edgekit.values.model import Quantization

_MOST_VALUES = 1 << 15  # whose squares' sum int32 holds


@dataclass(frozen=True, slots=True, eq=False)
class L2Normalization(Op):
    """Every row, whatever its scale, becomes one of length 1."""

    rows: int
    depth: int


def lower(reader: OpReader) -> L2Normalization:
    """Up to four dimensions; the output is in 128ths."""
    x, y = reader.operand(0), reader.result()
    reader.expect(y, x.shape)
    if reader.option("FusedActivationFunction") != "NONE":
        raise reader.error(f"the fused activation {reader.option('FusedActivationFunction')} is not supported")
    if y.quantization != Quantization(1 / 128, 0) or not 1 <= len(x.shape) <= 4:
        raise reader.error("its output must have scale 1/128 and zero point 0, and up to four dimensions")
    if x.shape[-1] > _MOST_VALUES:
        raise reader.error(f"it runs over {x.shape[-1]} values; their squares may not fit into 32 bits")
    return L2Normalization(reader.origins, (x,), y, x.size // x.shape[-1], x.shape[-1])


def emit(op: L2Normalization, site: Site) -> Kernel:
    """The sum of squares, its inverse root, and every value times that."""
    value = f"{site.read('input[c]')} - {op.input.quantization.zero_point + 128}"
    function = f"""static void {site.name}(const uint8_t *input, uint8_t *output) {{
  for (int32_t row = 0; row < {op.rows}; ++row, input += {op.depth}, output += {op.depth}) {{
    int32_t sum = 0, shift;
    for (int32_t c = 0; c < {op.depth}; ++c) {{
      const int32_t value = {value};
      sum += value * value;
    }}
    const int32_t root = inverse_root(sum, &shift);
    for (int32_t c = 0; c < {op.depth}; ++c) {{
      {site.write("output[c]", f"to_byte(requantize({value}, root, shift + 7), 128, 0, 255)")}
    }}
  }}
}}
"""
    return Kernel(("inverse_root", "requantize", "to_byte"), (), function)


OPERATOR = Operator(
    "L2_NORMALIZATION",
    "AddL2Normalization",
    L2Normalization,
    lower,
    emit,
    options_kind="L2NormOptions",
    c_prefix=lambda _: "l2_normalization",
    rates=lambda _: Rates(output=600),
    inplace_offset=elementwise_offset,
)
