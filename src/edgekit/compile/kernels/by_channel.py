"""Convolutions computed one output channel at a time over a row of results: for weights that are compressed, for MAC16,
and for both cores of an ESP32.

The image rows under a row of results are gathered once as int16 distances from the zero point, so that padding is 0 and
no correction is due. Then, channel by channel: its weights are widened into a row of RAM, multiplied with every window
of the row, and the sums pooled, scaled and written. Flash is read once a row of results, not once a position.

Gathered as columns [x][ky][c], a window is one run of int16 that MAC16 takes in a single hardware loop. Gathered as
planes [c][y][x], neighbouring windows are neighbours: a list of the weights that are not zero walks over several of
them at once, and the others cost neither flash nor time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.graph import Convolution
from edgekit.compile.kernels.text import Kernel, Site, array, byte_range, indent
from edgekit.compile.weights import Coding, encode, widener

_MOST_ABREAST = 8  # windows that a list walks over at once: 8 sums and 5 other values fill the registers
_MOST_ADVANCE = 255  # of an entry of the list, in 8 bits


@dataclass(frozen=True, slots=True, eq=False)
class ByChannel(Convolution):
    """A convolution of one group in this form.

    Attributes:
        coding: of its weights; None for a list of those that are not zero.
        parts: shares of the output channels that may be worked out side by side, 1 or 2.
    """

    coding: Coding | None = None
    parts: int = 1


def possible(op: ByChannel) -> bool:
    """True where this form serves the convolution."""
    if op.groups != 1 or op.coding is None:
        return op.groups == 1
    return op.dilation[1] == 1 and encode(runs(op), op.coding) is not None


def described(op: ByChannel) -> str:
    """The kernel chosen, in words."""
    stored = "nonzero weights listed" if op.coding is None else f"weights as {op.coding.title}"
    return f"by channel, {stored}" + (", two parts" if op.parts > 1 else "")


def gathered_elements(op: ByChannel) -> int:
    """What is gathered for one row of results."""
    return _room(op).gathered


@dataclass(frozen=True, slots=True)
class _Room:
    """Sizes in elements. One window lies `step` behind the other; each conv row of a band is `row` behind the last."""

    used: int  # columns of sums that a (pooled) row of results needs
    sums: int  # columns of sums that are computed
    columns: int  # image columns gathered, padding included
    row: int
    step: int
    gathered: int
    weights: int

    @property
    def gathered_bytes(self) -> int:
        return -(-2 * self.gathered // 4) * 4


def abreast(op: Convolution) -> int:
    """Windows that a list walks over at once: as many as waste least of a row."""
    used = _used(op)
    return min(range(1, _MOST_ABREAST + 1), key=lambda n: -(-used // n) * (4 + 3 * n))


def _used(op: Convolution) -> int:
    return op.result[1] // op.pool[1] * op.pool[1]


def _room(op: ByChannel) -> _Room:
    used = _used(op)
    _, height, width, depth = op.weights.shape
    if op.coding is None:
        sums = -(-used // abreast(op)) * abreast(op)
        rows = (op.pool[0] - 1) * op.stride[0] + op.reach[0]
        columns = (sums - 1) * op.stride[1] + op.reach[1]
        return _Room(used, sums, columns, op.stride[0] * columns, op.stride[1], depth * rows * columns, 0)
    column = _even(height * depth)
    columns = (used - 1) * op.stride[1] + width
    # the last quad of the last window may reach beyond the last column
    gathered = op.pool[0] * columns * column + 4
    return _Room(used, used, columns, columns * column, op.stride[1] * column, gathered, -(-width * column // 8) * 8)


def scratch_bytes(op: ByChannel) -> int:
    """Room for the gathered rows, and for each part's row of weights and its sums."""
    room = _room(op)
    return room.gathered_bytes + op.parts * _part_bytes(op, room)


def _part_bytes(op: ByChannel, room: _Room) -> int:
    return 2 * room.weights + 4 * op.pool[0] * room.sums


def _even(count: int) -> int:
    return count + count % 2


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
    room = _room(op)
    rows = (op.pool[0] - 1) * op.stride[0] + op.reach[0]
    weights = op.weights.transpose(0, 3, 1, 2)  # [O, c, ky, kx]: ascending in memory
    out, c, ky, kx = np.nonzero(weights)
    taps = (c * rows + ky * op.dilation[0]) * room.columns + kx * op.dilation[1]
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


def by_channel(op: ByChannel, site: Site) -> Kernel:
    """The kernel of one convolution."""
    room, name, scaling = _room(op), site.name, op.requantization
    channels = [
        f"{{{bias}, {multiplier}, {shift}}}"
        for bias, multiplier, shift in zip(op.bias, scaling.multipliers, scaling.shifts, strict=True)
    ]
    constants = array("channel", f"{name}_channels", channels)
    helpers = ["channel", "work", *(("greater",) if op.pool != (1, 1) else ())]
    if op.coding is None:
        entries, begins = lists(op)
        starts = begins.tolist()
        constants += array("int16_t", f"{name}_weights", entries.tolist())
        before = _walk(op, name, room)
    else:
        coded = encode(runs(op), op.coding)
        assert coded is not None, "chosen for weights that it cannot hold"
        starts = list(coded.starts)
        constants += array("uint8_t", f"{name}_weights", coded.content)
        if coded.book:
            constants += array("int8_t", f"{name}_widen_book", coded.book)
        helpers += ["dots", *(("next_code",) if op.coding.masked and op.coding.book else ())]
        before = widener(f"{name}_widen", coded, runs(op).shape[1])
    function = before + _gather(op, site, room) + _part(op, site, room, starts) + _whole(op, name, room)
    return Kernel(tuple(helpers), constants, function)


def _walk(op: ByChannel, name: str, room: _Room) -> str:
    """C that sums a channel's listed weights over all windows of one row."""
    count = abreast(op)
    names = [f"s{i}" for i in range(count)]
    taps = "\n".join(f"{s} += (uint32_t)(v[{i * room.step}] * w);" for i, s in enumerate(names))
    ends = "\n".join(f"sums[{i}] = (int32_t){s};" for i, s in enumerate(names))
    return f"""static EDGEKIT_APART void {name}_walk(const int16_t *x, const int16_t *list, int32_t *sums) {{
  const int16_t *const end = list + *list;
  for (int32_t tile = 0; tile < {room.sums // count}; ++tile, x += {count * room.step}, sums += {count}) {{
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


def _gather(op: ByChannel, site: Site, room: _Room) -> str:
    """C that gathers one image row, or blanks where the window leaves the image."""
    height, width, channels = op.image
    if op.coding is None:
        rows = (op.pool[0] - 1) * op.stride[0] + op.reach[0]
        column, plane = 1, rows * room.columns
    else:
        column, plane = room.step // op.stride[1], 1
    left = op.pad[1]
    used = min(width, room.columns - left)
    at_once = max(n for n in range(1, 9) if channels % n == 0)

    def cells(value: str) -> str:
        lines = "\n".join(f"to[{i * plane}] = {value.format(i=i)};" for i in range(at_once))
        lines += f"\nto += {at_once * plane};" + (f"\nfrom += {at_once};" if "from" in value else "")
        loop = f"for (int32_t c = 0; c < {channels}; c += {at_once}) {{\n{indent(lines, 2)}\n}}"
        return f"{loop}\nto += {column - channels * plane};"

    def columns(count: str, value: str) -> str:
        return f"for (int32_t x = 0; x < {count}; ++x) {{\n{indent(cells(value), 2)}\n}}"

    byte = f"({site.read('from[{i}]')} - {op.input.quantization.zero_point + 128})"
    parts = [columns(str(left), "0")] if left else []
    parts.append(columns(str(used), f"(int16_t){byte}"))
    parts += [columns(str(room.columns - left - used), "0")] if room.columns > left + used else []
    blank = (
        f"""if (row < 0 || row >= {height}) {{
{indent(columns(str(room.columns), "0"), 2)}
  return;
}}
"""
        if op.pad[0] or (op.result[0] - 1) * op.stride[0] + op.reach[0] > height
        else ""
    )
    body = f"{blank}const uint8_t *from = input + row * {width * channels};\n" + "\n".join(parts)
    return f"""static EDGEKIT_APART void {site.name}_gather(int16_t *to, const uint8_t *input, int32_t row) {{
{indent(body, 2)}
}}
"""


def _part(op: ByChannel, site: Site, room: _Room, starts: list[int]) -> str:
    """C that works out a share of the output channels of one row of results."""
    name, out = site.name, op.result[2]
    half = -(-out // op.parts)
    rows, pool_width = op.pool
    sums = f"(int32_t *)(void *)(room + {2 * room.weights})"
    prepare, dot = "", f"{name}_walk(row, from, to_sums);"
    advance = "from += 1 + *from;"
    if op.coding is not None:
        count = runs(op).shape[1]
        quads = -(-count // 4)
        prepare = "int16_t *const weights = (int16_t *)(void *)room;"
        prepare += "".join(f"\nweights[{i}] = 0;" for i in range(count, 4 * quads))
        dot = f"dots(row, {room.step}, weights, {quads}, to_sums, {room.used});"
        advance = ""
    pointer = "int16_t" if op.coding is None else "uint8_t"
    windows = [f"s[{r * room.sums + x}]" for r in range(rows) for x in range(pool_width)]
    best = "".join(f"\n      best = greater(best, (uint32_t){window});" for window in windows[1:])
    write = site.write(f"out[x * {out}]", f"finish((uint32_t)best, to, {byte_range(op.requantization)})")
    first = f"part * {half}" if op.parts > 1 else "0"
    last = f"{out} - (1 - part) * {out - half}" if op.parts > 1 else str(out)
    start = f" + part * {starts[half]}" if op.parts > 1 else ""
    used_part = "" if op.parts > 1 else "  (void)part;\n"
    return f"""static EDGEKIT_APART void {name}_part(const void *what, int32_t part) {{
  const work *const job = (const work *)what;
{used_part}  uint8_t *const room = job->room + part * {_part_bytes(op, room)};
  int32_t *const sums = {sums};
{indent(prepare, 2)}
  const {pointer} *from = {name}_weights{start};
  const channel *to = {name}_channels + {first};
  uint8_t *out = job->output + {first};
  for (int32_t c = {first}; c < {last}; ++c, ++to, ++out) {{
    {"" if op.coding is None else f"from += {name}_widen(weights, from);"}
    const int16_t *row = job->gathered;
    int32_t *to_sums = sums;
    for (int32_t r = 0; r < {rows}; ++r, row += {room.row}, to_sums += {room.sums}) {dot}
    {advance}
    const int32_t *s = sums;
    for (int32_t x = 0; x < {room.used // pool_width}; ++x, s += {pool_width}) {{
      {"const " if len(windows) == 1 else ""}int32_t best = {windows[0]};{best}
      {write}
    }}
  }}
}}
"""


def _whole(op: ByChannel, name: str, room: _Room) -> str:
    """C of the operator: gathers, then has the channels worked out, row of results after row of results."""
    step, top = op.pool[0] * op.stride[0], op.pad[0]
    if op.coding is None:
        rows = (op.pool[0] - 1) * op.stride[0] + op.reach[0]
        gather = f"""for (int32_t i = 0; i < {rows}; ++i) {{
  {name}_gather(gathered + i * {room.columns}, input, y * {step} - {top} + i);
}}"""
    else:
        height, depth = op.weights.shape[1], op.weights.shape[3]
        gather = f"""for (int32_t r = 0; r < {op.pool[0]}; ++r) {{
  for (int32_t ky = 0; ky < {height}; ++ky) {{
    const int32_t row = y * {step} - {top} + r * {op.stride[0]} + ky * {op.dilation[0]};
    {name}_gather(gathered + r * {room.row} + ky * {depth}, input, row);
  }}
}}"""
    rows = op.result[0] // op.pool[0]
    run = f"both({name}_part, &job);" if op.parts > 1 else f"{name}_part(&job, 0);"
    return f"""static EDGEKIT_APART void {name}(const uint8_t *input, uint8_t *output, uint8_t *scratch) {{
  int16_t *const gathered = (int16_t *)(void *)scratch;
  for (int32_t y = 0; y < {rows}; ++y) {{
{indent(gather, 4)}
    const work job = {{gathered, output + y * {op.output.size // rows}, scratch + {room.gathered_bytes}}};
    {run}
  }}
}}
"""
