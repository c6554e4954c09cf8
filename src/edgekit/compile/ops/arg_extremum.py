"""What ARG_MAX and ARG_MIN share: the index of the first greatest or least element along an axis, as INT32."""

import math
from dataclasses import dataclass

from edgekit.compile.codegen import Kernel, Site
from edgekit.compile.cost import Rates
from edgekit.compile.ir import Op
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator


@dataclass(frozen=True, slots=True, eq=False)
class ArgExtremum(Op):
    """Of `count` elements, `inner` bytes from one to the next, `outer` times. `takes`: how C compares to take one."""

    outer: int
    count: int
    inner: int
    takes: str


def arg_extremum_operator(code: str, resolver_method: str, takes: str) -> Operator[ArgExtremum]:
    """The entry of either. TFLM reads the axis as INT32 and gives INT32."""

    def lower(reader: OpReader) -> ArgExtremum:
        x, y = reader.operand(0), reader.index_result()
        axis = reader.single_axis(1, len(x.shape))
        reader.expect(y, x.shape[:axis] + x.shape[axis + 1 :])
        outer, inner = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
        return ArgExtremum(reader.origins, (x,), y, outer, x.shape[axis], inner, takes)

    return Operator(
        code,
        resolver_method,
        ArgExtremum,
        lower,
        emit,
        f"Arg{code[4:].capitalize()}Options",
        c_prefix=lambda op: op.origins[0].code.lower(),
        rates=lambda _: Rates(output=0, input=45),
    )


def emit(op: ArgExtremum, site: Site) -> Kernel:
    """Indices are copied byte by byte: an output of the caller's need not be aligned."""
    values = [site.read(f"input[{place} + i]") for place in (f"index * {op.inner}", f"best * {op.inner}")]
    function = f"""static void {site.name}(const uint8_t *input, uint8_t *output) {{
  for (int32_t o = 0; o < {op.outer}; ++o, input += {op.count * op.inner}) {{
    for (int32_t i = 0; i < {op.inner}; ++i, output += 4) {{
      int32_t best = 0;
      for (int32_t index = 1; index < {op.count}; ++index) {{
        if ({values[0]} {op.takes} {values[1]}) best = index;
      }}
      memcpy(output, &best, 4);
    }}
  }}
}}
"""
    return Kernel((), (), function)
