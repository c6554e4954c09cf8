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

from edgekit.compile.codegen import Helper, Kernel, Site, largest_divisor, round_up
from edgekit.compile.convolutions.by_part import by_part, parts_for
from edgekit.compile.convolutions.mac16_dots import Dots, dots_of
from edgekit.compile.convolutions.protocol import Convolution, window_of
from edgekit.compile.convolutions.staircase import CHANNEL_BYTES, LAYER_BYTES, staircase
from edgekit.compile.convolutions.weight_coding import CODINGS, DECODER_BYTES, UNCOMPRESSED, Coding, encode
from edgekit.compile.convolutions.weight_list import WeightList, list_weights, positions_abreast
from edgekit.compile.convolutions.window import Window
from edgekit.compile.cost import Cost
from edgekit.compile.options import CompileOptions

_AN_INSTRUCTION = 1.6  # cycles
_MOST_BYTES = 32768  # of widened windows in a step
_CODE_BYTES = 900  # without what decodes


@dataclass(frozen=True, slots=True)
class ByChannel:
    """Rows of (pooled) results, channel by channel, of a convolution of one group.

    Attributes:
        coding: of its weights in flash; None for a list of those that are not zero.
        parts: shares of the output channels that may be worked out side by side, 1 or 2.
        deep: rows of results in a step, for which a channel's weights are widened once.
    """

    c_prefix: ClassVar[str] = "bychannel"
    coding: Coding | None
    parts: int = 1
    deep: int = 1

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
        deep = _deep(op) if options.target == "esp32" and options.optimize == "speed" else 1
        parts = parts_for(op, options)
        kernels = [cls(coding, parts, 1 if coding is None else deep) for coding in (*uncompressed, *compressed)]
        return [kernel for kernel in kernels if kernel.fits(op)]

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """Fitted to measurements on the emulated lx106 and QEMU's dc233c."""
        mac16 = options.target == "esp32"
        results, rows = op.result[0] * op.result[1] * op.result[2], op.pooled[0]
        windows = op.pool[0] * op.pool[1]
        an_end = 9 / windows + (2.5 if windows > 1 else 0) if mac16 else 11 + 12 / windows  # of a sum, and of a byte
        if not mac16 and self.coding is not None:
            an_end += 12  # the portable fallback's loops around few taps
        channels = CHANNEL_BYTES * op.result[2] + LAYER_BYTES
        widening = (2.0 if mac16 else 5.0) * rows * _layout(op, self.coding).size
        if self.coding is None:
            size_bytes = _listed(op).size_bytes
            instructions = widening + results * (an_end + 1.9 * size_bytes / op.result[2])
            return Cost(_AN_INSTRUCTION * instructions, size_bytes + channels, rows, _CODE_BYTES + DECODER_BYTES)
        coded = encode(_runs(op), self.coding)
        assert coded is not None, "chosen for weights that it cannot hold"
        decoder = DECODER_BYTES if self.coding != UNCOMPRESSED else 0
        instructions = widening + results * an_end + rows / self.deep * coded.instructions
        dots = _layout(op, self.coding).dots
        assert dots is not None
        if mac16:
            a_dot, a_row = dots.cycles
            products = results * a_dot + op.result[0] * op.result[2] * a_row
        else:
            products = _AN_INSTRUCTION * results * 3.9 * coded.count
        return Cost(
            _AN_INSTRUCTION * instructions + products,
            coded.size_bytes + channels,
            rows / self.deep,
            _CODE_BYTES + decoder,
        )

    def describe(self, op: Convolution) -> str:
        stored = "nonzero weights listed" if self.coding is None else f"weights as {self.coding.title}"
        return f"by channel, {stored}" + (", two parts" if self.parts > 1 else "")

    def geometry(self, op: Convolution) -> Window:
        """The window of one row; besides, its rows widened to int16, and each part's weights and sums."""
        layout = _layout(op, self.coding, self.deep)
        extra = layout.size_bytes + self.parts * layout.part_bytes
        return window_of(op, self.deep, self.deep * op.pool[0], layout.sums, extra)

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """Functions that multiply a channel's weights, widen a row, work out a share of the channels, and the row's."""
        layout = _layout(op, self.coding, self.deep)
        if self.coding is None:
            listed = _listed(op)
            starts, weights, taps = listed.starts, listed.emit(site.name, op, layout.step, layout.sums), 0
            products: list[Helper] = []
        else:
            coded = encode(_runs(op), self.coding)
            assert coded is not None, "chosen for weights that it cannot hold"
            starts, weights, taps = coded.starts, coded.emit(site.name), coded.count
            assert layout.dots is not None
            products = [layout.dots.helper]
        return by_part(
            "by_channel.c.jinja",
            op,
            site,
            self.parts,
            staircase(op, centred=True),
            weights,
            starts,
            [*(["greater_mac16"] if op.pool != (1, 1) else []), *products],
            weight_type="uint8_t" if taps else "int16_t",
            part_bytes=layout.part_bytes,
            layout=layout,
            window=self.geometry(op),
            taps=taps,
            deep=self.deep,
            dots=products[0].name if products else "",
            dots_taps=layout.dots.taps if layout.dots else 0,
            at_once=(at_once := largest_divisor(op.image[2], 8)),
            abreast=largest_divisor(layout.columns, 8 // at_once),
            zero=op.input.quantization.zero_point + 128,
        )


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
    dots: Dots | None = None

    @property
    def size_bytes(self) -> int:
        return round_up(2 * self.size, 4)

    @property
    def part_bytes(self) -> int:
        """A channel's weights and sums, behind which MAC16 reads one more."""
        return 2 * self.weights + 4 * self.pool_rows * self.sums + 4


def _layout(op: Convolution, coding: Coding | None, deep: int = 1) -> _Layout:
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
    holes = frozenset(tap for tap in range(width * column) if tap % column >= height * depth)
    dots = dots_of(width * column, op.stride[1] * column, begun=True, holes=holes)
    return _Layout(
        columns, used, used, row=columns * column, step=op.stride[1] * column, column=column, plane=1,
        size=deep * op.pool[0] * columns * column + 4,  # taps are taken by fours, perhaps beyond the last column
        weights=round_up(dots.taps, 8), pool_rows=op.pool[0], dots=dots,
    )  # fmt: skip


def _deep(op: Convolution) -> int:
    """Rows of results whose widened windows fit."""
    if op.groups != 1 or op.dilation[1] != 1:
        return 1
    a_row = _layout(op, UNCOMPRESSED).size_bytes
    return max((n for n in range(1, op.pooled[0] + 1) if op.pooled[0] % n == 0 and n * a_row <= _MOST_BYTES), default=1)


def _runs(op: Convolution) -> NDArray[np.int8]:
    """[O, n]: each channel's weights in the order of a gathered window, [kx][ky][c], columns padded to an even size;
    then in that of the dot products, up to the last that is of use; an even number, as codebooks widen two at once."""
    out, _, width, _ = op.weights.shape
    columns = op.weights.transpose(0, 2, 1, 3).reshape(out, width, -1)
    runs = np.pad(columns, ((0, 0), (0, 0), (0, columns.shape[2] % 2))).reshape(out, -1)
    dots = _layout(op, UNCOMPRESSED).dots
    assert dots is not None
    taps = runs.shape[1]
    padded = np.pad(runs, ((0, 0), (0, dots.taps - taps)))[:, dots.order]
    return padded[:, : round_up(1 + max(at for at, tap in enumerate(dots.order) if tap < taps), 2)]


def _listed(op: Convolution) -> WeightList:
    layout = _layout(op, None)
    return list_weights(op, layout.plane, layout.columns)
