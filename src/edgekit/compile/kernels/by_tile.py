"""3x3 convolutions on MAC16 by Winograd's filtering F(4x4), one output channel at a time, for both cores of an ESP32.

The arithmetic is winograd.py's. Its transformed weights would take eight times the flash; here a channel's weights are
widened from flash (weights.py) and transformed when their turn comes, once for a whole row of tiles.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.graph import Convolution
from edgekit.compile.kernels import winograd
from edgekit.compile.kernels.rounding import FastRequant
from edgekit.compile.kernels.text import (
    Constant,
    Rows,
    Site,
    indent,
)
from edgekit.compile.kernels.window import Window, window_of
from edgekit.compile.weights import (
    PLAIN,
    Coded,
    Coding,
    encode,
    widener,
)

_TILE, _ELEMENTS = 4, 36
_MOST_AT_ONCE, _MOST_BUFFER = 8, 12288  # tiles, and bytes of them, between one transform of the weights and the next
_ORDER = (0, 2, 1, 3)  # of the channels in each four, as winograd.py's input has them


@dataclass(frozen=True, slots=True, eq=False)
class ByTile(Convolution):
    """A convolution in this form. `parts`: shares of the output channels that may be worked out side by side."""

    coding: Coding = PLAIN
    parts: int = 1


def forms(op: Convolution, codings: tuple[Coding, ...], parts: int) -> list[ByTile]:
    """The convolution in this form, with every coding that can hold its weights."""
    values = {field.name: getattr(op, field.name) for field in fields(Convolution)}
    if all(form.tile != _TILE for form in winograd.forms(op)):
        return []
    made = [ByTile(**values, coding=coding, parts=parts) for coding in codings]
    return [form for form in made if encode(_pairs(form), form.coding) is not None]


def described(op: ByTile) -> str:
    """The kernel, in words."""
    return f"Winograd F(4x4) by channel, weights as {op.coding.title}" + (", two parts" if op.parts > 1 else "")


def instructions(op: ByTile) -> float:
    """An estimate for one run, fitted to measurements on QEMU's dc233c."""
    window, _ = geometry(op)
    depth, tiles, at_once = _depth(op), _tiles(op), _at_once(op)
    of_a_channel = at_once * (_ELEMENTS * (depth + 11) + 240) + 100 * depth + 150
    of_tiles = at_once * 150 * depth + op.result[2] * of_a_channel + coded(op).instructions
    return window.steps * tiles // at_once * of_tiles + 20 * op.output.size


def coded(op: ByTile) -> Coded:
    """The weights in their coding."""
    found = encode(_pairs(op), op.coding)
    assert found is not None, "chosen for weights that it cannot hold"
    return found


def geometry(op: ByTile) -> tuple[Window, int]:
    """The window of a row of tiles; the bytes of the transformed tiles and of each part's weights and sums."""
    window = window_of(op, _TILE // op.pool[0], _TILE, _tiles(op) * _TILE)
    return window, _tiles_bytes(op) + op.parts * _part_bytes(op)


def by_tile(op: ByTile, site: Site, stairs: FastRequant) -> Rows:
    """A row of tiles: four rows of sums, and what a pool leaves of them."""
    weights, name = coded(op), site.name
    window, _ = geometry(op)
    channels, depth, tiles, at_once = op.image[2], _depth(op), _tiles(op), _at_once(op)
    ahead = _TILE // op.pool[1] * op.result[2]
    input_ = "winograd4x1_input" + ("" if channels % 4 == 0 else "_bytes")
    constants = [stairs.table(f"{name}_channels"), Constant("uint8_t", f"{name}_weights", weights.content)]
    if weights.book:
        constants.append(Constant("int8_t", f"{name}_widen_book", weights.book))
    run = f"both({name}_part, &job);" if op.parts > 1 else f"{name}_part(&job, 0);"
    rows = f"""{site.signature(", uint32_t *room, int32_t made")} {{
  edgekit_word *const tiles = (edgekit_word *)room;
  for (int32_t first = 0; first < {tiles}; first += {at_once}) {{
    for (int32_t n = 0; n < {at_once}; ++n) {{
      {input_}(rows + (first + n) * {_TILE * channels}, {window.row}, {channels}, tiles + n * {depth // 2},
          {at_once * depth // 2}, {depth // 4});
    }}
    const work job = {{(const int16_t *)(void *)room, output + first * {ahead},
        (uint8_t *)room + {_tiles_bytes(op)}, made, first}};
    {run}
  }}
}}
"""
    output = "winograd4_output" + ("" if op.pool == (1, 1) else "_pooled")
    helpers = ["channel", "work", "dots", input_, "winograd4_filter", output]
    if op.coding == Coding(True, True):
        helpers.append("next_code")
    functions = [widener(f"{name}_widen", weights, 9 * depth), _part(op, site, stairs, weights.starts, output), rows]
    return Rows(tuple(helpers), tuple(constants), "\n".join(functions))


def _part(op: ByTile, site: Site, stairs: FastRequant, starts: tuple[int, ...], output: str) -> str:
    """C that works out a share of the output channels of one row of tiles."""
    name, out, depth, at_once = site.name, op.result[2], _depth(op), _at_once(op)
    half, both = -(-out // op.parts), op.parts > 1
    wide, width = _TILE // op.pool[1], op.result[1] // op.pool[1]
    first = f"part * {half}" if both else "0"
    last = f"{out} - (1 - part) * {out - half}" if both else str(out)
    sum_ = f"(uint32_t)((int32_t)sum[row * {wide} + column] >> 6)"
    filter_bytes = 2 * _ELEMENTS * depth
    lines = [
        "const work *const job = (const work *)what;",
        "" if both else "(void)part;",
        f"uint8_t *const room = job->room{f' + part * {_part_bytes(op)}' if both else ''};",
        "edgekit_word *const filter = (edgekit_word *)(void *)room;",
        f"uint32_t *const sums = (uint32_t *)(void *)(room + {filter_bytes});",
        f"int16_t *const taps = (int16_t *)(void *)(room + {filter_bytes + 4 * _ELEMENTS * at_once});",
        f"const uint8_t *from = {name}_weights{f' + part * {starts[half]}' if both else ''};",
        f"const channel *to = {name}_channels + {first};",
        f"uint8_t *to_channel = job->output + {first};",
        f"for (int32_t c = {first}; c < {last}; ++c, ++to, ++to_channel) {{",
        f"  from += {name}_widen(taps, from);",
        f"  winograd4_filter((const edgekit_word *)(const void *)taps, filter, {depth // 2});",
        f"  dots(job->rows, {depth}, (const int16_t *)(const void *)filter, {depth // 4}, (int32_t *)(void *)sums,",
        f"       {at_once}, {_ELEMENTS}, {_ELEMENTS});",
        f"  {output}(sums, {at_once});",
        "  const uint32_t *sum = sums;",
        f"  for (int32_t n = 0; n < {at_once}; ++n, sum += {_ELEMENTS}) {{",
        "    for (int32_t row = 0; row < job->made; ++row) {",
        f"      uint8_t *const out = to_channel + row * {site.output_row} + n * {wide * out};",
        f"      for (int32_t column = 0; {_inside(wide, width)}; ++column) {{",
        indent(site.write(f"out[column * {out}]", stairs.finish(sum_, "to")), 8),
        "      }",
        "    }",
        "  }",
        "}",
    ]
    return f"""static EDGEKIT_APART void {name}_part(const void *what, int32_t part) {{
{indent(chr(10).join(filter(None, lines)), 2)}
}}
"""


def _inside(wide: int, width: int) -> str:
    return f"column < {wide}" + (f" && (job->first + n) * {wide} + column < {width}" if width % wide else "")


def _pairs(op: ByTile) -> NDArray[np.int8]:
    """[O, n]: for every two channels of the transformed input, their taps in turn."""
    out, channels = len(op.weights), op.image[2]
    taps = np.zeros((out, _depth(op), 9), np.int8)
    taps[:, :channels] = op.weights.transpose(0, 3, 1, 2).reshape(out, channels, 9)
    order = [four + i for four in range(0, _depth(op), 4) for i in _ORDER]
    return taps[:, order].reshape(out, -1, 2, 9).transpose(0, 1, 3, 2).reshape(out, -1)


def _depth(op: ByTile) -> int:
    return -(-op.image[2] // 4) * 4


def _tiles(op: ByTile) -> int:
    """Tiles in a row of them."""
    return -(-(op.result[1] // op.pool[1] * op.pool[1]) // _TILE)


def _at_once(op: ByTile) -> int:
    """Tiles between one transform of a channel's weights and the next."""
    tiles = _tiles(op)
    a_tile = 2 * _ELEMENTS * _depth(op) + 4 * _ELEMENTS * op.parts
    fitting = [n for n in range(1, _MOST_AT_ONCE + 1) if tiles % n == 0 and n * a_tile <= _MOST_BUFFER]
    return max(fitting, default=1)


def _tiles_bytes(op: ByTile) -> int:
    return 2 * _ELEMENTS * _at_once(op) * _depth(op)


def _part_bytes(op: ByTile) -> int:
    """A channel's transformed weights, its sums, its taps; masks widen eight at once."""
    return 2 * _ELEMENTS * _depth(op) + 4 * _ELEMENTS * _at_once(op) + 2 * (-(-9 * _depth(op) // 8) * 8)
