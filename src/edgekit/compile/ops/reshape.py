"""RESHAPE, and what it shares with the other operators that give the same bytes another shape."""

from dataclasses import dataclass

from edgekit.compile.codegen import Kernel, Site
from edgekit.compile.cost import Rates
from edgekit.compile.ir import Op
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator


@dataclass(frozen=True, slots=True, eq=False)
class Reshape(Op):
    """The same bytes under another shape."""


def lower(reader: OpReader) -> Reshape:
    """The output's own shape counts, as it does for TFLM."""
    x, y = reader.operand(0), reader.result()
    if x.size != y.size:
        raise reader.error(f"it turns {list(x.shape)} into {list(y.shape)}, which has another size")
    return Reshape(reader.origins, (x,), y)


def emit(op: Op, site: Site) -> Kernel:
    """A copy; where both ends share their place, the emitter leaves it out."""
    if site.input_flips[0] == site.output_flip:
        body = f"memcpy(output, input, {op.input.size_bytes});"
    else:
        body = f"for (int32_t i = 0; i < {op.input.size}; ++i) output[i] = (uint8_t)(input[i] ^ 0x80);"
    return Kernel((), (), f"static void {site.name}(const uint8_t *input, uint8_t *output) {{\n  {body}\n}}\n")


def view_operator(code: str, resolver_method: str) -> Operator[Reshape]:
    """The entry of an operator that leaves the bytes as they are."""
    return Operator(
        code,
        resolver_method,
        Reshape,
        lower,
        emit,
        view_offset=lambda _: 0,
        rates=lambda _: Rates(output=1.2),
        takes_16x8=True,
    )


OPERATOR = view_operator("RESHAPE", "AddReshape")
