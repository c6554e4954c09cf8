"""What operators share that turn one element of INT16 into another by arithmetic: the node, and its C."""

from dataclasses import dataclass

from edgekit.compile.codegen import Kernel, Site
from edgekit.compile.cost import Rates
from edgekit.compile.ir import Op
from edgekit.compile.operator import Operator, elementwise_offset


@dataclass(frozen=True, slots=True, eq=False)
class WideElements(Op):
    """Element by element. `value`: C of the int16 that `x`, an int32, becomes; `helpers`: what it calls."""

    value: str
    helpers: tuple[str, ...]


def emit(op: WideElements, site: Site) -> Kernel:
    """One after another."""
    function = f"""static void {site.name}(const uint8_t *input, uint8_t *output) {{
  const int16_t *from = (const int16_t *)(const void *)input;
  int16_t *to = (int16_t *)(void *)output;
  for (int32_t i = 0; i < {op.output.size}; ++i) {{
    const int32_t x = from[i];
    to[i] = {op.value};
  }}
}}
"""
    return Kernel(op.helpers, (), function)


BY_NODE = Operator(
    "",
    "",
    WideElements,
    lambda _: (),
    emit,
    c_prefix=lambda op: op.origins[0].code.lower(),
    rates=lambda _: Rates(output=50),
    inplace_offset=elementwise_offset,
)
"""For the registry: several operators become this node, and none of them is known by it."""
