"""The first layer of a grey picture: 3x3 convolutions of a single channel, stride 1, by Winograd's F(2x2).

Sixteen products serve four sums of nine taps, and with one channel there is nothing to add up between the two
transforms (winograd.py): the products go through the second one in registers. Everything fits 32 bits: the sums are
4 Y, at most 4 * 9 * 128 * 255.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from edgekit.compile.codegen import Constant, Kernel, Site, indent
from edgekit.compile.convolutions.fast_requant import FastRequant, of_byte_sums
from edgekit.compile.convolutions.protocol import CODE_BYTES, Cost
from edgekit.compile.convolutions.window import Window, window_of
from edgekit.compile.ir import Convolution
from edgekit.compile.options import CompileOptions

_FILTER = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]])


@dataclass(frozen=True, slots=True)
class OneChannel:
    """A row of tiles: two rows of sums, or one row of a pool's windows."""

    c_prefix: ClassVar[str] = "onechannel"

    @staticmethod
    def fits(op: Convolution) -> bool:
        """3x3 over one channel, with no pool or one of 2x2."""
        shape = op.image[2] == 1 and op.weights.shape[1:3] == (3, 3) and op.stride == op.dilation == (1, 1)
        return shape and op.pool in ((1, 1), (2, 2))

    @classmethod
    def candidates(cls, op: Convolution, options: CompileOptions) -> Sequence[Self]:
        """Itself, where it fits."""
        return [cls()] if cls.fits(op) else []

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """Fitted to measurements on the emulated lx106; transformed weights are 16 int16 a channel."""
        tiles = self.geometry(op).steps * _tiles(op)
        return Cost(tiles * (120 + 86 * op.result[2]) + 24 * op.output.size, 32 * op.result[2] + CODE_BYTES)

    def describe(self, op: Convolution) -> str:
        """The kernel, in words."""
        return "Winograd F(2x2), one channel"

    def geometry(self, op: Convolution) -> Window:
        """The window of a row of tiles."""
        return window_of(op, 2 // op.pool[0], 2, 2 * _tiles(op), extra_bytes=0)

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """A function for the output channels of one tile, and the row's."""
        row, made = self.geometry(op).row, self.geometry(op).made
        down = "\n".join(
            f"const int32_t p{j} = x[{j}], q{j} = x[{row + j}], r{j} = x[{2 * row + j}];\n"
            f"c[{j}] = p{j} - r{j}; c[{4 + j}] = q{j} + r{j}; c[{8 + j}] = r{j} - q{j}; "
            f"c[{12 + j}] = q{j} - x[{3 * row + j}];"
            for j in range(4)
        )
        across = "\n".join(
            f"v[{i}] = c[{i}] - c[{i + 2}]; v[{i + 1}] = c[{i + 1}] + c[{i + 2}]; "
            f"v[{i + 2}] = c[{i + 2}] - c[{i + 1}]; v[{i + 3}] = c[{i + 1}] - c[{i + 3}];"
            for i in range(0, 16, 4)
        )
        inside = f", made, 2 * n < {op.result[1] - 1} ? 2 : 1" if made > 1 else ""
        rows = f"""{site.signature(", int32_t made" if made > 1 else "")} {{
  for (int32_t n = 0; n < {_tiles(op)}; ++n) {{
    const uint8_t *x = rows + 2 * n;
    int32_t c[16], v[16];
    {{
{indent(down, 6)}
    }}
    {{
{indent(across, 6)}
    }}
    {site.name}_tile(v, output + n * {op.result[2] * 2 // op.pool[1]}{inside});
  }}
}}
"""
        requant = of_byte_sums(op)
        weights = np.einsum("ai,oij,bj->oab", _FILTER, op.weights[..., 0].astype(np.int64), _FILTER)
        constants = (
            Constant("int16_t", f"{site.name}_weights", weights.ravel().tolist()),
            requant.table(f"{site.name}_channels"),
        )
        helpers = ("channel",) if op.pool == (1, 1) else ("channel", "greater")
        return Kernel(helpers, constants, f"{_tile(op, site, requant)}\n{rows}")


def _tile(op: Convolution, site: Site, requant: FastRequant) -> str:
    """C of `{name}_tile`: all output channels of one transformed tile, cut to `made` rows and `columns` columns."""
    out = op.result[2]
    products = "\n".join(
        f"const int32_t a{j} = v[{j}] * w[{j}], b{j} = v[{4 + j}] * w[{4 + j}], c{j} = v[{8 + j}] * w[{8 + j}];\n"
        f"const int32_t s{j} = a{j} + b{j} + c{j}, t{j} = b{j} - c{j} - v[{12 + j}] * w[{12 + j}];\n"
        "EDGEKIT_IN_ORDER"
        for j in range(4)
    )
    sums = [(f"{x}0 + {x}1 + {x}2", f"{x}1 - {x}2 - {x}3") for x in "st"]
    if op.pool == (1, 1):
        inside = (("", "if (columns > 1) "), ("if (made > 1) ", "if (columns + made > 3) "))
        store = [
            inside[r][q]
            + site.write(
                f"out[{r * site.output_row + q * out}]", requant.finish(f"(uint32_t)(({sums[r][q]}) >> 2)", "to")
            )
            for r in range(2)
            for q in range(2)
        ]
        store.append("++out;")
    else:
        first, *others = sums[0] + sums[1]
        store = [
            f"int32_t best = {first};",
            *(f"best = greater(best, (uint32_t)({other}));" for other in others),
            site.write("*out++", requant.finish("(uint32_t)(best >> 2)", "to")),
        ]
    sizes = ", int32_t made, int32_t columns" if op.pool == (1, 1) else ""
    return f"""static EDGEKIT_APART void {site.name}_tile(const int32_t *v, uint8_t *out{sizes}) {{
  const int16_t *w = {site.name}_weights;
  for (const channel *to = {site.name}_channels; to != {site.name}_channels + {out}; ++to, w += 16) {{
{indent(products, 4)}
{indent(chr(10).join(store), 4)}
  }}
}}
"""


def _tiles(op: Convolution) -> int:
    return -(-op.used_columns // 2)
