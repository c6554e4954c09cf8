"""Convolutions computed one output channel at a time over a row of results: for weights that are compressed, for MAC16,
and for both cores of an ESP32.

The window's rows are widened to int16 distances from the zero point, so that padding is 0 and no correction is due.
Then, channel by channel: its weights are widened into a row of RAM, multiplied with every position of the row, and the
sums pooled, scaled and written. Flash is read once a row of results, not once a position.

Laid out as columns [x][ky][c], what lies under a position is one run of int16 that MAC16 takes in a single hardware
loop. Laid out as planes [c][y][x], neighbouring positions are neighbours: a list of the weights that are not zero walks
over several of them at once, and the others cost neither flash nor time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Kernel, Site, indent, largest_divisor, round_up
from edgekit.compile.convolutions.by_part import helpers_for, part_function, parts_for, run_parts
from edgekit.compile.convolutions.fast_requant import FastRequant, fast_requant
from edgekit.compile.convolutions.protocol import CODE_BYTES, Cost
from edgekit.compile.convolutions.weight_coding import (
    CODINGS,
    DECODER_BYTES,
    UNCOMPRESSED,
    Coding,
    encode,
)
from edgekit.compile.convolutions.weight_list import WeightList, list_weights, positions_abreast
from edgekit.compile.convolutions.window import Window, window_of
from edgekit.compile.ir import Convolution
from edgekit.compile.options import CompileOptions


@dataclass(frozen=True, slots=True)
class ByChannel:
    """One row of (pooled) results, channel by channel, of a convolution of one group.

    Attributes:
        coding: of its weights in flash; None for a list of those that are not zero.
        parts: shares of the output channels that may be worked out side by side, 1 or 2.
    """

    c_prefix: ClassVar[str] = "bychannel"
    coding: Coding | None
    parts: int = 1

    def fits(self, op: Convolution) -> bool:
        """Where the list or the coding holds the weights."""
        if op.groups != 1:
            return False
        if self.coding is None:
            return _listed(op).fits
        return op.dilation[1] == 1 and encode(_runs(op), self.coding) is not None

    @classmethod
    def candidates(cls, op: Convolution, options: CompileOptions) -> Sequence[Self]:
        """Uncompressed weights for the sake of MAC16; the list and the codings for the sake of flash."""
        uncompressed = (UNCOMPRESSED,) if options.target == "esp32" else ()
        compressed = (*CODINGS[1:], None) if options.compress == "auto" else ()
        kernels = [cls(coding, parts_for(op, options)) for coding in (*uncompressed, *compressed)]
        return [kernel for kernel in kernels if kernel.fits(op)]

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """Fitted to measurements on the emulated lx106 and QEMU's dc233c."""
        mac16 = options.target == "esp32"
        results, rows = op.result[0] * op.result[1] * op.result[2], op.pooled[0]
        an_end = 11 + 12 / (op.pool[0] * op.pool[1])  # of a sum, and of a byte
        if not mac16 and self.coding is not None:
            an_end += 12  # the portable fallback's loops around few taps
        widening = 5.0 * rows * _layout(op, self.coding).size
        if self.coding is None:
            size_bytes = _listed(op).size_bytes
            instructions = widening + results * (an_end + 1.9 * size_bytes / op.result[2])
            return Cost(instructions, size_bytes + CODE_BYTES + DECODER_BYTES)
        coded = encode(_runs(op), self.coding)
        assert coded is not None, "chosen for weights that it cannot hold"
        a_tap = 1.0 if mac16 else 3.9
        decoder = DECODER_BYTES if self.coding != UNCOMPRESSED else 0
        instructions = widening + results * (an_end + a_tap * coded.count) + rows * coded.instructions
        return Cost(instructions, coded.size_bytes + CODE_BYTES + decoder)

    def describe(self, op: Convolution) -> str:
        """The kernel, in words."""
        stored = "nonzero weights listed" if self.coding is None else f"weights as {self.coding.title}"
        return f"by channel, {stored}" + (", two parts" if self.parts > 1 else "")

    def geometry(self, op: Convolution) -> Window:
        """The window of one row; besides, its rows widened to int16, and each part's weights and sums."""
        layout = _layout(op, self.coding)
        extra = layout.size_bytes + self.parts * layout.part_bytes
        return window_of(op, 1, op.pool[0], layout.sums, extra)

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """Functions that multiply a channel's weights, widen a row, work out a share of the channels, and the row's."""
        layout, name = _layout(op, self.coding), site.name
        requant = fast_requant(op.requantization, op.bias.astype(np.int64))  # of the sums of w * (u - z)
        if self.coding is None:
            listed = _listed(op)
            starts, weights = listed.starts, listed.emit(name, op, layout.step, layout.sums)
        else:
            coded = encode(_runs(op), self.coding)
            assert coded is not None, "chosen for weights that it cannot hold"
            starts, weights = coded.starts, coded.emit(name)
            weights = Kernel(("dots", *weights.helpers), weights.constants, weights.function)
        pooled = ("greater",) if op.pool != (1, 1) else ()
        functions = [
            weights.function,
            _widen_row(op, name, layout),
            self._part(op, site, requant, layout, starts),
            self._rows(op, site, layout),
        ]
        return Kernel(
            (*helpers_for(self.parts), *pooled, *weights.helpers),
            (requant.table(f"{name}_channels"), *weights.constants),
            "\n".join(functions),
        )

    def _part(self, op: Convolution, site: Site, requant: FastRequant, layout: "_Layout", starts: Sequence[int]) -> str:
        """C that works out a share of the output channels of one row of results."""
        name, out = site.name, op.result[2]
        pool_height, pool_width = op.pool
        memory = [f"int32_t *const sums = (int32_t *)(void *)(room + {2 * layout.weights});"]
        if self.coding is None:
            c_type, widen, advance = "int16_t", [], ["from += 1 + *from;"]
            dot = f"{name}_walk(row, from, %s);"
        else:
            count = _runs(op).shape[1]
            quads = -(-count // 4)
            c_type, widen, advance = "uint8_t", [f"from += {name}_widen(weights, from);"], []
            memory.append("int16_t *const weights = (int16_t *)(void *)room;")
            memory += [f"weights[{i}] = 0;" for i in range(count, 4 * quads)]
            dot = f"dots(row, {layout.step}, weights, {quads}, %s, {layout.used}, 1, 1);"
        if pool_height > 1:
            multiply = [
                "int32_t *to_sums = sums;",
                f"for (int32_t r = 0; r < {pool_height}; ++r, row += {layout.row}, to_sums += {layout.sums}) {{",
                f"  {dot % 'to_sums'}",
                "}",
            ]
        else:
            multiply = [dot % "sums"]
        windows = [f"s[{r * layout.sums + x}]" for r in range(pool_height) for x in range(pool_width)]
        work = [
            *widen,
            "const int16_t *row = job->rows;",
            *multiply,
            *advance,
            "const int32_t *s = sums;",
            f"for (int32_t x = 0; x < {op.pooled[1]}; ++x, s += {pool_width}) {{",
            f"  {'const ' if len(windows) == 1 else ''}int32_t best = {windows[0]};",
            *(f"  best = greater(best, (uint32_t){window});" for window in windows[1:]),
            f"  {site.write(f'to_channel[x * {out}]', requant.finish('(uint32_t)best', 'to'))}",
            "}",
        ]
        return part_function(op, site, self.parts, layout.part_bytes, (c_type, starts), memory, work)

    def _rows(self, op: Convolution, site: Site, layout: "_Layout") -> str:
        """C of `{name}_rows`: widens the window, then has the channels worked out."""
        window = self.geometry(op)
        widen = f"{site.name}_widen_row"
        if self.coding is None:
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
        return f"""{site.signature(", uint32_t *room")} {{
  int16_t *const wide = (int16_t *)(void *)room;
{indent(loop, 2)}
  const work job = {{wide, output, (uint8_t *)room + {layout.size_bytes}, 1, 0}};
  {run_parts(site, self.parts)}
}}
"""


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
        pool_rows: rows of sums that a pool looks at.
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
    pool_rows: int

    @property
    def size_bytes(self) -> int:
        return round_up(2 * self.size, 4)

    @property
    def part_bytes(self) -> int:
        """A channel's weights and sums."""
        return 2 * self.weights + 4 * self.pool_rows * self.sums


def _layout(op: Convolution, coding: Coding | None) -> _Layout:
    used = op.used_columns
    _, height, width, depth = op.weights.shape
    if coding is None:
        sums = round_up(used, positions_abreast(op))
        rows = (op.pool[0] - 1) * op.stride[0] + op.reach[0]
        columns = (sums - 1) * op.stride[1] + op.reach[1]
        return _Layout(
            columns, used, sums, row=op.stride[0] * columns, step=op.stride[1], column=1, plane=rows * columns,
            size=depth * rows * columns, weights=0, pool_rows=op.pool[0],
        )  # fmt: skip
    column = round_up(height * depth, 2)  # MAC16 loads two at once
    columns = (used - 1) * op.stride[1] + width
    return _Layout(
        columns, used, used, row=columns * column, step=op.stride[1] * column, column=column, plane=1,
        size=op.pool[0] * columns * column + 4,  # taps are taken by fours, perhaps beyond the last column
        weights=round_up(width * column, 8), pool_rows=op.pool[0],
    )  # fmt: skip


def _runs(op: Convolution) -> NDArray[np.int8]:
    """[O, n]: each channel's weights in the order of a gathered window, [kx][ky][c], columns padded to an even size."""
    out, _, width, _ = op.weights.shape
    columns = op.weights.transpose(0, 2, 1, 3).reshape(out, width, -1)
    return np.pad(columns, ((0, 0), (0, 0), (0, columns.shape[2] % 2))).reshape(out, -1)


def _listed(op: Convolution) -> WeightList:
    layout = _layout(op, None)
    return list_weights(op, layout.plane, layout.columns)


def _widen_row(op: Convolution, name: str, layout: _Layout) -> str:
    """C that widens one row of the window."""
    channels = op.image[2]
    at_once = largest_divisor(channels, 8)
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
