"""Depthwise convolutions: a row of one channel after the other, its weights in registers.

The first pass leaves the row's sums in the arena, the second makes bytes of them: together they would need more
registers than an Xtensa has. u and z as in direct.py, but the weights keep their sign: they are loaded once a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from edgekit.compile.codegen import Constant, Kernel, Site, indent
from edgekit.compile.convolutions.fast_requant import of_byte_sums
from edgekit.compile.convolutions.protocol import CODE_BYTES, Cost
from edgekit.compile.convolutions.window import Window, window_of
from edgekit.compile.ir import Convolution
from edgekit.compile.options import CompileOptions

_MOST_WEIGHTS = 9  # held in registers by one pass over a row


@dataclass(frozen=True, slots=True)
class Depthwise:
    """One row of results, channel by channel."""

    c_prefix: ClassVar[str] = "convolution"

    @staticmethod
    def fits(op: Convolution) -> bool:
        """One output channel for every input channel, and no pool behind."""
        return op.groups == op.image[2] == op.result[2] and op.groups > 1 and op.pool == (1, 1)

    @classmethod
    def candidates(cls, op: Convolution, options: CompileOptions) -> Sequence[Self]:
        """Itself, where it fits."""
        return [cls()] if cls.fits(op) else []

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """No other kernel competes, so that an estimate from the counts of multiplications and of results will do."""
        return Cost(3.0 * op.macs + 36 * op.output.size, op.weights.size + CODE_BYTES)

    def describe(self, op: Convolution) -> str:
        """The kernel, in words."""
        return "depthwise"

    def geometry(self, op: Convolution) -> Window:
        """The window of one row; besides, a row's sums."""
        return window_of(op, 1, 1, op.result[1], extra_bytes=4 * op.result[1])

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """One pass after the other adds its taps to the sums of a row, which are then finished."""
        width, channels = op.result[1], op.result[2]
        _, kernel_height, kernel_width, _ = op.weights.shape
        row = self.geometry(op).row
        requant = of_byte_sums(op)
        taps = [(ky, kx) for ky in range(kernel_height) for kx in range(kernel_width)]
        rows_at_once = max(1, _MOST_WEIGHTS // kernel_width)
        by_rows = [
            [tap for tap in taps if tap[0] // rows_at_once == part] for part in range(-(-kernel_height // rows_at_once))
        ]
        passes = [part[i : i + _MOST_WEIGHTS] for part in by_rows for i in range(0, len(part), _MOST_WEIGHTS)]
        body = "\n".join(_pass(op, row, number, part, taps) for number, part in enumerate(passes))
        function = f"""static EDGEKIT_APART void {site.name}_sums(const uint8_t *x, const int8_t *w, uint32_t *sums) {{
{indent(body, 2)}
}}

{site.signature(", uint32_t *sums")} {{
  const int8_t *w = {site.name}_weights;
  for (int32_t c = 0; c < {channels}; ++c, w += {len(taps)}) {{
    {site.name}_sums(rows + c, w, sums);
    const channel *to = {site.name}_channels + c;
    uint8_t *out = output + c;
    for (int32_t column = 0; column < {width}; ++column, out += {channels}) {{
      {site.write("*out", requant.finish("sums[column]", "to"))}
    }}
  }}
}}
"""
        weights = Constant("int8_t", f"{site.name}_weights", op.weights.ravel().tolist())
        return Kernel(("channel",), (weights, requant.table(f"{site.name}_channels")), function)


def _pass(op: Convolution, row: int, number: int, part: list[tuple[int, int]], taps: list[tuple[int, int]]) -> str:
    """C that adds the taps of one pass to the sums of a row."""
    channels = op.result[2]
    lines = sorted({ky for ky, _ in part})
    weights = "\n".join(f"const int32_t w{i} = w[{taps.index(tap)}];" for i, tap in enumerate(part))
    rows = "\n".join(f"const uint8_t *x{ky} = x + {ky * op.dilation[0] * row};" for ky in lines)
    sums = [f"(uint32_t)(x{ky}[{kx * op.dilation[1] * channels}] * w{i})" for i, (ky, kx) in enumerate(part)]
    steps = "\n".join(f"sum += {product};" for product in sums[1:])
    start = f"sums[i] + {sums[0]}" if number else sums[0]
    advance = ", ".join(f"x{ky} += {op.stride[1] * channels}" for ky in lines)
    return f"""{{
{indent(weights, 2)}
{indent(rows, 2)}
  for (int32_t i = 0; i < {op.result[1]}; ++i) {{
    uint32_t sum = {start};
{indent(steps, 4)}
    sums[i] = sum;
    {advance};
  }}
}}"""
