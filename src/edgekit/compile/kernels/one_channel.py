"""The first layer of a grey picture: 3x3 convolutions of a single channel, stride 1, by Winograd's F(2x2).

Sixteen products serve four sums of nine taps, and with one channel there is nothing to add up between the two
transforms (winograd.py): the products go through the second one in registers. Everything fits 32 bits: the sums are
4 Y, at most 4 * 9 * 128 * 255.
"""

from dataclasses import dataclass, fields

import numpy as np

from edgekit.compile.graph import Convolution
from edgekit.compile.kernels.rounding import FastRequant
from edgekit.compile.kernels.text import Constant, Rows, Site
from edgekit.compile.kernels.window import Window, window_of

_FILTER = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]])


@dataclass(frozen=True, slots=True, eq=False)
class OneChannel(Convolution):
    """A convolution in this form."""


def forms(op: Convolution) -> list[OneChannel]:
    """The convolution in this form, if it has one."""
    shape = op.image[2] == 1 and op.weights.shape[1:3] == (3, 3) and op.stride == op.dilation == (1, 1)
    if not shape or op.pool not in ((1, 1), (2, 2)):
        return []
    return [OneChannel(**{field.name: getattr(op, field.name) for field in fields(Convolution)})]


def geometry(op: OneChannel) -> tuple[Window, int]:
    """The window of a row of tiles, and no bytes besides."""
    return window_of(op, 2 // op.pool[0], 2, 2 * _tiles(op)), 0


def weight_bytes(op: OneChannel) -> int:
    """Bytes of the transformed weights."""
    return 32 * op.result[2]


def instructions(op: OneChannel) -> float:
    """An estimate for one run on the emulated lx106."""
    return geometry(op)[0].steps * _tiles(op) * (120 + 86 * op.result[2]) + 24 * op.output.size


def one_channel(op: OneChannel, site: Site, stairs: FastRequant) -> Rows:
    """A row of tiles: two rows of sums, or one row of windows."""
    window, _ = geometry(op)
    out = op.result[2]
    pooled = op.pool != (1, 1)
    columns = "\n".join(
        f"""    const int32_t a{j} = v[{j}] * w[{j}], b{j} = v[{4 + j}] * w[{4 + j}], c{j} = v[{8 + j}] * w[{8 + j}];
    const int32_t s{j} = a{j} + b{j} + c{j}, t{j} = b{j} - c{j} - v[{12 + j}] * w[{12 + j}];
    EDGEKIT_IN_ORDER"""
        for j in range(4)
    )
    sums = {
        (r, q): f"{x}{q} + {x}1 + {x}2" if q == 0 else f"{x}1 - {x}2 - {x}3" for r, x in enumerate("st") for q in (0, 1)
    }
    if pooled:
        best = "\n".join(f"    best = greater(best, (uint32_t)({sum_}));" for at, sum_ in sums.items() if at != (0, 0))
        store = f"    int32_t best = {sums[0, 0]};\n{best}\n    " + site.write(
            "*out++", stairs.finish("(uint32_t)(best >> 2)", "to")
        )
        sizes, given = "", ""
    else:
        needed = {(0, 0): "", (0, 1): "if (columns > 1) ", (1, 0): "if (made > 1) ", (1, 1): "if (columns + made > 3) "}
        store = "\n".join(
            "    "
            + condition
            + site.write(
                f"out[{r * site.output_row + q * out}]", stairs.finish(f"(uint32_t)(({sums[r, q]}) >> 2)", "to")
            )
            for (r, q), condition in needed.items()
        )
        store += "\n    ++out;"
        sizes, given = ", int32_t made, int32_t columns", f", made, 2 * n < {op.result[1] - 1} ? 2 : 1"
    down = "\n".join(
        f"      const int32_t p{j} = x[{j}], q{j} = x[{window.row + j}], r{j} = x[{2 * window.row + j}];\n"
        f"      c[{j}] = p{j} - r{j}; c[{4 + j}] = q{j} + r{j}; c[{8 + j}] = r{j} - q{j}; "
        f"c[{12 + j}] = q{j} - x[{3 * window.row + j}];"
        for j in range(4)
    )
    across = "\n".join(
        f"      v[{i}] = c[{i}] - c[{i + 2}]; v[{i + 1}] = c[{i + 1}] + c[{i + 2}]; "
        f"v[{i + 2}] = c[{i + 2}] - c[{i + 1}]; v[{i + 3}] = c[{i + 1}] - c[{i + 3}];"
        for i in range(0, 16, 4)
    )
    made = ", int32_t made" if window.made > 1 else ""
    functions = f"""static EDGEKIT_APART void {site.name}_tile(const int32_t *v, uint8_t *out{sizes}) {{
  const int16_t *w = {site.name}_weights;
  for (const channel *to = {site.name}_channels; to != {site.name}_channels + {out}; ++to, w += 16) {{
{columns}
{store}
  }}
}}

{site.signature(made)} {{
  for (int32_t n = 0; n < {_tiles(op)}; ++n) {{
    const uint8_t *x = rows + 2 * n;
    int32_t c[16], v[16];
    {{
{down}
    }}
    {{
{across}
    }}
    {site.name}_tile(v, output + n * {out * 2 // op.pool[1]}{given});
  }}
}}
"""
    weights = np.einsum("ai,oij,bj->oab", _FILTER, op.weights[..., 0].astype(np.int64), _FILTER)
    constants = (
        Constant("int16_t", f"{site.name}_weights", weights.ravel().tolist()),
        stairs.table(f"{site.name}_channels"),
    )
    return Rows(("channel", *(("greater",) if pooled else ())), constants, functions)


def _tiles(op: Convolution) -> int:
    return -(-(op.result[1] // op.pool[1] * op.pool[1]) // 2)
