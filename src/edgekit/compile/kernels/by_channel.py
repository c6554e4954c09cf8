"""Convolutions computed one output channel at a time over a row of results: for weights that are compressed, for MAC16,
and for both cores of an ESP32.

The window's rows are widened to int16 distances from the zero point, so that padding is 0 and no correction is due.
Then, channel by channel: its weights are widened into a row of RAM, multiplied with every position of the row, and the
sums pooled, scaled and written. Flash is read once a row of results, not once a position.

Laid out as columns [x][ky][c], what lies under a position is one run of int16 that MAC16 takes in a single hardware
loop. Laid out as planes [c][y][x], neighbouring positions are neighbours: a list of the weights that are not zero walks
over several of them at once, and the others cost neither flash nor time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.graph import Convolution
from edgekit.compile.kernels.rounding import FastRequant
from edgekit.compile.kernels.text import (
    Constant,
    Rows,
    Site,
    indent,
)
from edgekit.compile.kernels.window import Window, window_of
from edgekit.compile.weights import Coding, encode, widener

_MOST_ABREAST = 8  # positions that a list walks over at once: 8 sums and 5 other values fill the registers
_MOST_ADVANCE = 255  # of an entry of the list, in 8 bits
_MOST_ENTRY = 2**15 - 1  # int16: only a channel's count of entries can be more


@dataclass(frozen=True, slots=True, eq=False)
class ByChannel(Convolution):
    """A convolution of one group in this form.

    Attributes:
        coding: of its weights; None for a list of those that are not zero.
        parts: shares of the output channels that may be worked out side by side, 1 or 2.
    """

    coding: Coding | None = None
    parts: int = 1


@dataclass(frozen=True, slots=True)
class _Layout:
    """The window's rows as int16, and what each part needs besides. Counted in elements.

    Attributes:
        columns: of image, padding included.
        sums: computed in a row, of which the first `used` are of use.
        row, step: from one row of positions to the next, and from one position to the next.
        column, plane: from one column of image to the next, and from one channel to the next.
        size: of all of it.
        weights: of one channel, widened.
    """

    columns: int
    used: int
    sums: int
    row: int
    step: int
    column: int
    plane: int
    size: int
    weights: int

    @property
    def size_bytes(self) -> int:
        return -(-2 * self.size // 4) * 4


def possible(op: ByChannel) -> bool:
    """True where this form serves the convolution."""
    if op.groups != 1:
        return False
    if op.coding is None:
        return int(lists(op)[0].max()) <= _MOST_ENTRY
    return op.dilation[1] == 1 and encode(runs(op), op.coding) is not None


def described(op: ByChannel) -> str:
    """The kernel chosen, in words."""
    stored = "nonzero weights listed" if op.coding is None else f"weights as {op.coding.title}"
    return f"by channel, {stored}" + (", two parts" if op.parts > 1 else "")


def widened(op: ByChannel) -> int:
    """How many bytes are widened to int16 for one row of results."""
    return _layout(op).size


def geometry(op: ByChannel) -> tuple[Window, int]:
    """The window, and the bytes of its widened rows and of each part's weights and sums."""
    layout = _layout(op)
    return window_of(op, 1, op.pool[0], layout.sums), layout.size_bytes + op.parts * _part_bytes(op, layout)


def _abreast(op: Convolution) -> int:
    """Positions that a list walks over at once: as many as cost least, given what is wasted at a row's end."""
    used = _used(op)
    return min(range(1, _MOST_ABREAST + 1), key=lambda n: -(-used // n) * (4 + 3 * n))


def _used(op: Convolution) -> int:
    return op.result[1] // op.pool[1] * op.pool[1]


def _layout(op: ByChannel) -> _Layout:
    used = _used(op)
    _, height, width, depth = op.weights.shape
    if op.coding is None:
        sums = -(-used // _abreast(op)) * _abreast(op)
        rows = (op.pool[0] - 1) * op.stride[0] + op.reach[0]
        columns = (sums - 1) * op.stride[1] + op.reach[1]
        return _Layout(
            columns, used, sums, row=op.stride[0] * columns, step=op.stride[1], column=1, plane=rows * columns,
            size=depth * rows * columns, weights=0,
        )  # fmt: skip
    column = height * depth + height * depth % 2  # MAC16 loads two at once
    columns = (used - 1) * op.stride[1] + width
    return _Layout(
        columns, used, used, row=columns * column, step=op.stride[1] * column, column=column, plane=1,
        size=op.pool[0] * columns * column + 4,  # taps are taken by fours, perhaps beyond the last column
        weights=-(-width * column // 8) * 8,
    )  # fmt: skip


def _part_bytes(op: ByChannel, layout: _Layout) -> int:
    return 2 * layout.weights + 4 * op.pool[0] * layout.sums


def runs(op: Convolution) -> NDArray[np.int8]:
    """[O, n]: each channel's weights in the order of a gathered window, [kx][ky][c], columns padded to an even size."""
    out, _, width, _ = op.weights.shape
    columns = op.weights.transpose(0, 2, 1, 3).reshape(out, width, -1)
    return np.pad(columns, ((0, 0), (0, 0), (0, columns.shape[2] % 2))).reshape(out, -1)


def lists(op: ByChannel) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Entries of int16, weight * 256 + advance, behind each channel's count of them; and where each channel begins.

    The advance leads from the tap before (or the window's first element) to this one; long ways take entries of weight
    0 in between.
    """
    layout = _layout(op)
    weights = op.weights.transpose(0, 3, 1, 2)  # [O, c, ky, kx]: ascending in memory
    out, c, ky, kx = np.nonzero(weights)
    taps = c * layout.plane + ky * op.dilation[0] * layout.columns + kx * op.dilation[1]
    first = np.diff(out, prepend=-1) != 0
    ways = taps - np.where(first, 0, np.roll(taps, 1))
    far = np.maximum(ways - 1, 0) // _MOST_ADVANCE  # entries of weight 0 in front of each
    own = np.cumsum(far + 1) - 1
    entries = np.full(int((far + 1).sum()), _MOST_ADVANCE)
    entries[own] = weights[out, c, ky, kx].astype(np.int64) * 256 + ways - far * _MOST_ADVANCE
    counts = np.bincount(out, far + 1, len(weights)).astype(np.int64)
    ends = np.cumsum(counts)
    starts = ends - counts
    return np.insert(entries, starts, counts), starts + np.arange(len(weights))


def by_channel(op: ByChannel, site: Site, stairs: FastRequant) -> Rows:
    """One row of (pooled) results, channel by channel. `stairs`: of the sums of w * (u - z), which lack the bias."""
    layout, name = _layout(op), site.name
    constants = [stairs.table(f"{name}_channels")]
    helpers = ["channel", "work", *(("greater",) if op.pool != (1, 1) else ())]
    if op.coding is None:
        entries, begins = lists(op)
        starts = begins.tolist()
        constants.append(Constant("int16_t", f"{name}_weights", entries.tolist()))
        multiply = _walk(op, name, layout)
    else:
        coded = encode(runs(op), op.coding)
        assert coded is not None, "chosen for weights that it cannot hold"
        starts = list(coded.starts)
        constants.append(Constant("uint8_t", f"{name}_weights", coded.content))
        if coded.book:
            constants.append(Constant("int8_t", f"{name}_widen_book", coded.book))
        helpers += ["dots", *(("next_code",) if op.coding.masked and op.coding.book else ())]
        multiply = widener(f"{name}_widen", coded, runs(op).shape[1])
    functions = [
        multiply,
        _widen_row(op, name, layout),
        _part(op, site, stairs, layout, starts),
        _rows(op, site, layout),
    ]
    return Rows(tuple(helpers), tuple(constants), "\n".join(functions))


def _walk(op: ByChannel, name: str, layout: _Layout) -> str:
    """C that sums a channel's listed weights at all positions of a row."""
    count = _abreast(op)
    names = [f"s{i}" for i in range(count)]
    taps = "\n".join(f"{s} += (uint32_t)(v[{i * layout.step}] * w);" for i, s in enumerate(names))
    ends = "\n".join(f"sums[{i}] = (int32_t){s};" for i, s in enumerate(names))
    return f"""static EDGEKIT_APART void {name}_walk(const int16_t *x, const int16_t *list, int32_t *sums) {{
  const int16_t *const end = list + *list;
  for (int32_t tile = 0; tile < {layout.sums // count}; ++tile, x += {count * layout.step}, sums += {count}) {{
    const int16_t *v = x;
    uint32_t {", ".join(f"{s} = 0" for s in names)};
    for (const int16_t *entry = list; entry != end;) {{
      const int32_t both = *++entry, w = both >> 8;
      v += both & 255;
{indent(taps, 6)}
    }}
{indent(ends, 4)}
  }}
}}
"""


def _widen_row(op: ByChannel, name: str, layout: _Layout) -> str:
    """C that widens one row of the window."""
    channels = op.image[2]
    at_once = max(n for n in range(1, 9) if channels % n == 0)
    zero = op.input.quantization.zero_point + 128
    cells = "\n".join(f"to[{i * layout.plane}] = (int16_t)(from[{i}] - {zero});" for i in range(at_once))
    return f"""static EDGEKIT_APART void {name}_widen_row(int16_t *to, const uint8_t *from) {{
  for (int32_t x = 0; x < {layout.columns}; ++x, to += {layout.column - channels * layout.plane}) {{
    for (int32_t c = 0; c < {channels}; c += {at_once}, to += {at_once * layout.plane}, from += {at_once}) {{
{indent(cells, 6)}
    }}
  }}
}}
"""


def _part(op: ByChannel, site: Site, stairs: FastRequant, layout: _Layout, starts: list[int]) -> str:
    """C that works out a share of the output channels of one row of results."""
    name, out = site.name, op.result[2]
    half = -(-out // op.parts)
    pool_height, pool_width = op.pool
    if op.coding is None:
        pointer, prepare = "int16_t", ""
        dot, widen, advance = f"{name}_walk(row, from, to_sums);", "", "from += 1 + *from;"
    else:
        count = runs(op).shape[1]
        quads = -(-count // 4)
        pointer, prepare = "uint8_t", "int16_t *const weights = (int16_t *)(void *)room;"
        prepare += "".join(f"\nweights[{i}] = 0;" for i in range(count, 4 * quads))
        dot = f"dots(row, {layout.step}, weights, {quads}, to_sums, {layout.used}, 1, 1);"
        widen, advance = f"from += {name}_widen(weights, from);", ""
    if pool_height > 1:
        dot = (
            f"int32_t *to_sums = sums;\nfor (int32_t r = 0; r < {pool_height}; ++r, row += {layout.row}, "
            f"to_sums += {layout.sums}) {{\n  {dot}\n}}"
        )
    else:
        dot = dot.replace("to_sums", "sums")
    windows = [f"s[{r * layout.sums + x}]" for r in range(pool_height) for x in range(pool_width)]
    best = [f"{'const ' if len(windows) == 1 else ''}int32_t best = {windows[0]};"]
    best += [f"best = greater(best, (uint32_t){window});" for window in windows[1:]]
    both = op.parts > 1
    first = f"part * {half}" if both else "0"
    last = f"{out} - (1 - part) * {out - half}" if both else str(out)
    channel = [
        widen,
        "const int16_t *row = job->rows;",
        dot,
        advance,
        "const int32_t *s = sums;",
        f"for (int32_t x = 0; x < {layout.used // pool_width}; ++x, s += {pool_width}) {{",
        *(f"  {line}" for line in best),
        f"  {site.write(f'out[x * {out}]', stairs.finish('(uint32_t)best', 'to'))}",
        "}",
    ]
    lines = [
        "const work *const job = (const work *)what;",
        "" if both else "(void)part;",
        f"uint8_t *const room = job->room{f' + part * {_part_bytes(op, layout)}' if both else ''};",
        f"int32_t *const sums = (int32_t *)(void *)(room + {2 * layout.weights});",
        prepare,
        f"const {pointer} *from = {name}_weights{f' + part * {starts[half]}' if both else ''};",
        f"const channel *to = {name}_channels + {first};",
        f"uint8_t *out = job->output + {first};",
        f"for (int32_t c = {first}; c < {last}; ++c, ++to, ++out) {{",
        indent("\n".join(filter(None, channel)), 2),
        "}",
    ]
    return f"""static EDGEKIT_APART void {name}_part(const void *what, int32_t part) {{
{indent(chr(10).join(filter(None, lines)), 2)}
}}
"""


def _rows(op: ByChannel, site: Site, layout: _Layout) -> str:
    """C of `{name}_rows`: widens the window, then has the channels worked out."""
    window, _ = geometry(op)
    widen = f"{site.name}_widen_row"
    if op.coding is None:
        loop = f"""for (int32_t y = 0; y < {window.rows}; ++y) {{
  {widen}(wide + y * {layout.columns}, rows + y * {window.row});
}}"""
    else:
        _, height, _, depth = op.weights.shape
        loop = f"""for (int32_t r = 0; r < {op.pool[0]}; ++r) {{
  for (int32_t ky = 0; ky < {height}; ++ky) {{
    const uint8_t *const row = rows + (r * {op.stride[0]} + ky * {op.dilation[0]}) * {window.row};
    {widen}(wide + r * {layout.row} + ky * {depth}, row);
  }}
}}"""
    run = f"both({site.name}_part, &job);" if op.parts > 1 else f"{site.name}_part(&job, 0);"
    return f"""{site.signature(", uint32_t *room")} {{
  int16_t *const wide = (int16_t *)(void *)room;
{indent(loop, 2)}
  const work job = {{wide, output, (uint8_t *)room + {layout.size_bytes}, 1, 0}};
  {run}
}}
"""
