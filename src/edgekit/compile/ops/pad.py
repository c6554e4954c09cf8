"""PAD with the zero point, of up to four dimensions."""

from dataclasses import dataclass

from edgekit.compile.codegen import Kernel, Site, indent, parameter
from edgekit.compile.cost import Rates
from edgekit.compile.ir import Op, Tensor
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator


@dataclass(frozen=True, slots=True, eq=False)
class Pad(Op):
    """Constant padding. `before`: elements in front of each dimension, of the output's rank; `value`: of its type."""

    before: tuple[int, ...]
    value: int


def lower(reader: OpReader) -> Pad:
    """PAD with the zero point; of INT16 with 0, whatever it is."""
    if len(reader.op.inputs) != 2:
        raise reader.error(f"it has {len(reader.op.inputs)} inputs instead of two", "Pad with zero only.")
    y = reader.result()
    return read_pad(reader, y, 0 if reader.wide else y.quantization.zero_point)


def read_pad(reader: OpReader, y: Tensor, value: int) -> Pad:
    """The node that pads with that value."""
    x = reader.operand(0)
    amounts = reader.paddings(1, x)
    reader.expect(y, tuple(size + before + after for size, (before, after) in zip(x.shape, amounts, strict=True)))
    return Pad(reader.origins, (x,), y, tuple(before for before, _ in amounts), value)


def emit(op: Pad, site: Site) -> Kernel:
    """Element after element of up to four dimensions."""
    ones = (1,) * (4 - len(op.output.shape))
    sizes, before = ones + op.input.shape, (0,) * len(ones) + op.before
    loops = "\n".join(f"for (int32_t i{a} = 0; i{a} < {n}; ++i{a}) {{" for a, n in enumerate(ones + op.output.shape))
    inside = " && ".join(f"i{a} >= {b} && i{a} < {b + n}" for a, (b, n) in enumerate(zip(before, sizes, strict=True)))
    read, written = parameter(op.input, "input"), parameter(op.output, "output", written=True)
    kind = "uint8_t" if op.input.type == "INT8" else "int16_t"
    function = f"""static void {site.name}({read[0]}, {written[0]}) {{
{indent(read[1] + written[1] + loops, 2)}
    const {kind} value = ({inside}) ? ({kind}){site.read("*input++")} : {op.value + op.output.offset};
    {site.write("*output++", "value")}
  }}}}}}}}
}}
"""
    return Kernel((), (), function)


OPERATOR = Operator("PAD", "AddPad", Pad, lower, emit, rates=lambda _: Rates(output=12), takes_16x8=True)
