"""Convolutions tap by tap: dense, grouped, fully connected, with or without a max-pool behind. Any shape.

Sum of a window, with weights w and input bytes u = q + 128, z = zero point + 128:

    bias + sum w * (u - z)  =  [sum (w + 128) * u]  -  128 * [sum u]  +  [bias - z * sum w]

so that the loop multiplies unsigned bytes only. `sum u` is worked out once a position for all output channels (column
by column where windows overlap), the last bracket at build time. Sums are uint32_t and may wrap on the way; the reader
has made sure that the end result fits into int32_t.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Constant, Kernel, Site, indent, largest_divisor
from edgekit.compile.convolutions.depthwise import Depthwise
from edgekit.compile.convolutions.fast_requant import FastRequant, of_byte_sums
from edgekit.compile.convolutions.protocol import CODE_BYTES, Cost
from edgekit.compile.convolutions.window import Window, window_of
from edgekit.compile.ir import Convolution
from edgekit.compile.options import CompileOptions

_CHANNELS = 4  # output channels summed at once; with two positions they fill the 14 registers of an Xtensa
_UNROLL = 12  # taps written out: 2.88 instructions a MAC in the inner loop with 6, 2.83 with 12


@dataclass(frozen=True, slots=True)
class Direct:
    """Two positions and four output channels at once; with a pool, one of its windows at a time."""

    c_prefix: ClassVar[str] = "convolution"

    @classmethod
    def candidates(cls, op: Convolution, options: CompileOptions) -> Sequence[Self]:
        """Itself, whatever the shape, where depthwise.py does not do better."""
        return [] if Depthwise.fits(op) else [cls()]

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """Fitted to measurements on the emulated lx106."""
        results = op.result[0] * op.result[1] * op.result[2]
        instructions = 2.95 * op.macs + (20 + 16 / (op.pool[0] * op.pool[1])) * results
        return Cost(instructions, op.weights.size + CODE_BYTES)

    def describe(self, op: Convolution) -> str:
        """The kernel, in words."""
        return f"direct, {_positions_abreast(op)} x {min(_CHANNELS, len(op.weights) // op.groups)}"

    def geometry(self, op: Convolution) -> Window:
        """The window of one row of (pooled) results; besides, the columns' sums."""
        sums = 4 * op.pool[0] * (op.used_columns + op.weights.shape[2] - 1) if _by_columns(op) else 0
        return window_of(op, 1, op.pool[0], op.used_columns, sums)

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """Functions for the sums of a window or its columns, for the products of a block of channels, and the row's."""
        row = self.geometry(op).row
        requant = of_byte_sums(op)
        function = "".join(
            [
                _columns(op, site, row, op.used_columns) if _by_columns(op) else _window_sum(op, site, row),
                *(_dot(op, site, row, count) for count, _ in _blocks(op)),
                _row(op, site, requant, row),
            ]
        )
        weights = Constant("uint8_t", f"{site.name}_weights", (_weights(op) + 128).tolist())
        helpers = ("channel",) if op.pool == (1, 1) else ("channel", "greater")
        return Kernel(helpers, (weights, requant.table(f"{site.name}_channels")), function)


def _positions_abreast(op: Convolution) -> int:
    """Positions whose sums grow together."""
    if op.pool == (1, 1):
        return min(2, op.result[1])
    return 2 if op.pool[1] % 2 == 0 else 1


def _by_columns(op: Convolution) -> bool:
    """Neighbouring windows share columns, whose sums are then kept."""
    return op.stride[1] == op.dilation[1] == 1 and op.weights.shape[2] > 1 and op.groups == 1


def _blocks(op: Convolution) -> list[tuple[int, str]]:
    """(channels at once, C of the loop) for the whole blocks of a group and for the rest."""
    per_group = len(op.weights) // op.groups
    whole, rest = per_group // _CHANNELS * _CHANNELS, per_group % _CHANNELS
    blocks = [(_CHANNELS, f"for (int32_t c = 0; c < {whole}; c += {_CHANNELS}) {{")] if whole else []
    return [*blocks, (rest, "{")] if rest else blocks


def _weights(op: Convolution) -> NDArray[np.int64]:
    """In the order in which the kernel reads them: block of output channels, tap, channel of the block."""
    per_group = len(op.weights) // op.groups
    taps = op.weights.reshape(op.groups, per_group, -1).astype(np.int64)
    blocks = [
        taps[group, first : first + _CHANNELS].T.ravel()
        for group in range(op.groups)
        for first in range(0, per_group, _CHANNELS)
    ]
    return np.concatenate(blocks)


def _row(op: Convolution, site: Site, requant: FastRequant, row: int) -> str:
    """C of `{name}_rows`: one row of (pooled) results from the window's rows."""
    pool_height, pool_width = op.pool
    width, out = op.pooled[1], op.result[2]
    abreast, by_columns = _positions_abreast(op), _by_columns(op)
    position = op.stride[1] * op.image[2]  # bytes from one position to the next
    if op.pool == (1, 1):
        tile = [(0, q) for q in range(abreast)]
        # an odd last position is computed together with its neighbour, once more
        loop = f"for (int32_t next = 0; next < {width}; next += {abreast}) {{"
        loop += f"\n  const int32_t column = next > {width - abreast} ? {width - abreast} : next;"
    else:
        tile = [(r, q) for r in range(pool_height) for q in range(pool_width)]
        loop = f"for (int32_t column = 0; column < {width}; ++column) {{"
    offsets = [r * op.stride[0] * row + q * position for r, q in tile]
    columns_of_row = op.used_columns + op.weights.shape[2] - 1
    prepare, sums = "", [f"{site.name}_sum(x + {offset})" for offset in offsets]
    if by_columns:
        taps = range(op.weights.shape[2])
        sums = ["(" + " + ".join(f"s[{r * columns_of_row + q + tap}]" for tap in taps) + ")" for r, q in tile]
        prepare = "".join(
            f"  {site.name}_columns(rows + {r * op.stride[0] * row}, columns + {r * columns_of_row});\n"
            for r in range(pool_height)
        )
    group = "\n".join(
        [
            *(f"windows[{i}] = 0u - 128u * {sum_};" for i, sum_ in enumerate(sums)),
            *(
                f"{opening}\n{indent(_block(op, site, requant, offsets, count), 2)}\n}}"
                for count, opening in _blocks(op)
            ),
        ]
    )
    if op.groups > 1:
        group = f"for (int32_t g = 0; g < {op.groups}; ++g, x += {op.weights.shape[3]}) {{\n{indent(group, 2)}\n}}"
    extra = ", uint32_t *columns" if by_columns else ""
    lines = [
        f"const uint8_t *x = rows + column * {pool_width * position};",
        *([f"const uint32_t *s = columns + column * {pool_width};"] if by_columns else []),
        f"const uint8_t *w = {site.name}_weights;",
        f"const channel *to = {site.name}_channels;",
        f"uint8_t *out = output + column * {out};",
        group,
    ]
    return f"""{site.signature(extra)} {{
  uint32_t windows[{len(tile)}];
  int32_t sums[{(abreast if op.pool == (1, 1) else 1) * max(count for count, _ in _blocks(op))}];
{prepare}  {loop}
{indent(chr(10).join(lines), 4)}
  }}
}}
"""


def _block(op: Convolution, site: Site, requant: FastRequant, offsets: list[int], channels: int) -> str:
    """The results of `channels` output channels at all positions of a tile."""
    dot, abreast = f"{site.name}_dot{channels}", _positions_abreast(op)
    positions = abreast if op.pool == (1, 1) else 1
    lines = []
    if op.pool == (1, 1):
        lines.append(f"{dot}(x, w, windows, sums);")
    else:
        lines.append(" = ".join(f"sums[{k}]" for k in range(channels)) + " = INT32_MIN;")
        lines += [
            f"{dot}(x + {offsets[first]}, w, windows + {first}, sums);" for first in range(0, len(offsets), abreast)
        ]
    lines += [
        site.write(f"out[{p * op.result[2] + k}]", requant.finish(f"(uint32_t)sums[{p * channels + k}]", f"to + {k}"))
        for p in range(positions)
        for k in range(channels)
    ]
    lines.append(f"w += {op.weights[0].size * channels}, to += {channels}, out += {channels};")
    return "\n".join(lines)


def _dot(op: Convolution, site: Site, row: int, channels: int) -> str:
    """C of a function that sums w * u over a window, at `abreast` positions for `channels` channels each.

    With a pool it leaves the greatest of these sums and of those that are there already. A function of its own, so that
    its loop has all the registers.
    """
    position, abreast = op.stride[1] * op.image[2], _positions_abreast(op)

    def taps(count: int) -> str:
        lines: list[str] = []
        for n in range(count):
            loads = ", ".join(f"u{p} = v[{n + p * position}]" for p in range(abreast))
            lines.append(f"{{\n  const uint32_t {loads};")
            for k in range(channels):
                products = " ".join(f"a{p}{k} += u{p} * w[{n * channels + k}];" for p in range(abreast))
                lines.append(f"  {products}")
            lines.append("}\nEDGEKIT_IN_ORDER")
        return "\n".join([*lines, f"v += {count};", f"w += {count * channels};"])

    starts = ", ".join(f"a{p}{k} = windows[{p}]" for p in range(abreast) for k in range(channels))
    if op.pool == (1, 1):
        ends = [f"sums[{p * channels + k}] = (int32_t)a{p}{k};" for p in range(abreast) for k in range(channels)]
    else:
        ends = [f"sums[{k}] = greater(sums[{k}], a{p}{k});" for k in range(channels) for p in range(abreast)]
    return f"""static EDGEKIT_APART void {site.name}_dot{channels}(const uint8_t *v, const uint8_t *w,
    const uint32_t *windows, int32_t *sums) {{
  uint32_t {starts};
{indent(_walk(op, row, taps), 2)}
{indent(chr(10).join(ends), 2)}
}}
"""


def _window_sum(op: Convolution, site: Site, row: int) -> str:
    """C of a function that sums the bytes of one window."""

    def taps(count: int) -> str:
        return "\n".join([*(f"sum += v[{tap}];" for tap in range(count)), f"v += {count};"])

    return f"""static EDGEKIT_APART uint32_t {site.name}_sum(const uint8_t *v) {{
  uint32_t sum = 0;
{indent(_walk(op, row, taps), 2)}
  return sum;
}}
"""


def _columns(op: Convolution, site: Site, row: int, width: int) -> str:
    """C of a function that sums the bytes of every column, as high as a window."""
    _, kernel_height, kernel_width, depth = op.weights.shape
    at_once = largest_divisor(depth, 8)
    line = "\n".join(f"sum += v[{n}];" for n in range(at_once))
    if at_once < depth:
        line = f"for (int32_t n = 0; n < {depth // at_once}; ++n, v += {at_once}) {{\n{indent(line, 2)}\n}}"
        down = op.dilation[0] * row - depth
    else:
        down = op.dilation[0] * row
    back = kernel_height * op.dilation[0] * row - depth
    return f"""static EDGEKIT_APART void {site.name}_columns(const uint8_t *v, uint32_t *columns) {{
  for (int32_t x = 0; x < {width + kernel_width - 1}; ++x) {{
    uint32_t sum = 0;
    for (int32_t ky = 0; ky < {kernel_height}; ++ky) {{
{indent(line, 6)}
      v += {down};
    }}
    *columns++ = sum;
    v -= {back};
  }}
}}
"""


def _walk(op: Convolution, row: int, taps: Callable[[int], str]) -> str:
    """C that leads `v` over a window; `taps(n)` gives the C for the next n bytes, and leaves `v` behind them."""
    _, kernel_height, kernel_width, depth = op.weights.shape
    channels = op.image[2]
    if depth == channels and op.dilation[1] == 1:  # the bytes of a window's row lie side by side
        line = _run(kernel_width * depth, taps)
        line_bytes = kernel_width * depth
    else:
        step = op.dilation[1] * channels - depth
        line = f"for (int32_t kx = 0; kx < {kernel_width}; ++kx) {{\n{indent(_run(depth, taps), 2)}\n  v += {step};\n}}"
        line_bytes = kernel_width * op.dilation[1] * channels
    if kernel_height == 1:
        return line
    step = op.dilation[0] * row - line_bytes
    return f"for (int32_t ky = 0; ky < {kernel_height}; ++ky) {{\n{indent(line, 2)}\n  v += {step};\n}}"


def _run(count: int, taps: Callable[[int], str]) -> str:
    at_once = largest_divisor(count, _UNROLL)
    if at_once == count:
        return taps(count)
    return f"for (const uint8_t *end = v + {count}; v != end;) {{\n{indent(taps(at_once), 2)}\n}}"
