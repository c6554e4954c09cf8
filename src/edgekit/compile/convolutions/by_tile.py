"""3x3 convolutions on MAC16 by Winograd's filtering F(4x4), one output channel at a time, for both cores of an ESP32.

The arithmetic is winograd.py's. Its transformed weights would take eight times the flash; here a channel's weights are
widened from flash (weight_coding.py) and transformed when their turn comes, once for a whole row of tiles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Helper, Kernel, Site, round_up
from edgekit.compile.convolutions.by_part import by_part, parts_for
from edgekit.compile.convolutions.mac16_dots import Dots, dots_of
from edgekit.compile.convolutions.protocol import Convolution, window_of
from edgekit.compile.convolutions.staircase import CHANNEL_BYTES, LAYER_BYTES, staircase
from edgekit.compile.convolutions.weight_coding import CODINGS, DECODER_BYTES, UNCOMPRESSED, Coded, Coding, encode
from edgekit.compile.convolutions.window import Window
from edgekit.compile.convolutions.winograd import CHANNEL_ORDER, Winograd, input_helper
from edgekit.compile.cost import CODE_BYTES, Cost
from edgekit.compile.options import CompileOptions

_TILE, _ELEMENTS = 4, 36
# Tiles between one transform of the weights and the next (all their sums are loaded from one address), and their bytes.
_MOST_AT_ONCE, _MOST_BYTES = 51, {"size": 12288, "speed": 40960}


@dataclass(frozen=True, slots=True)
class ByTile:
    """Rows of tiles: four rows of sums each, and what a pool leaves of them.

    Attributes:
        coding: of the weights in flash.
        parts: shares of the output channels that may be worked out side by side, 1 or 2.
        deep: rows of tiles in a step.
        across: tiles of a row between one transform of the weights and the next.
    """

    c_prefix: ClassVar[str] = "bytile"
    coding: Coding = UNCOMPRESSED
    parts: int = 1
    deep: int = 1
    across: int = 1

    def fits(self, op: Convolution) -> bool:
        """Where F(4x4) is exact and the coding holds the weights."""
        return Winograd(_TILE).fits(op) and encode(_pairs(op), self.coding) is not None

    @classmethod
    def candidates(cls, op: Convolution, options: CompileOptions) -> Sequence[Self]:
        """With every coding that can hold the weights; without MAC16 it never pays."""
        if options.target != "esp32" or not Winograd(_TILE).fits(op):
            return []
        codings, parts = CODINGS if options.compress == "auto" else (UNCOMPRESSED,), parts_for(op, options)
        deep, across = _at_once(op, parts, _MOST_BYTES[options.optimize])
        kernels = [cls(coding, parts, deep, across) for coding in codings]
        return [kernel for kernel in kernels if kernel.fits(op)]

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """Fitted to what was counted on QEMU's dc233c."""
        dots, at_once, coded = _dots(op), self.at_once, self._coded(op)
        a_dot, a_row = dots.cycles
        of_a_channel = _ELEMENTS * (at_once * a_dot + a_row) + 168 * dots.taps + 315 * at_once + 150
        of_tiles = at_once * 270 * _depth(op) + op.result[2] * of_a_channel + 1.6 * coded.instructions
        passes = self.geometry(op).steps * _tiles(op) // self.across
        cycles = passes * of_tiles + 16 * op.output.size
        constants = coded.size_bytes + CHANNEL_BYTES * op.result[2] + LAYER_BYTES
        return Cost(cycles, constants, passes, CODE_BYTES + DECODER_BYTES)

    def describe(self, op: Convolution) -> str:
        parts = ", two parts" if self.parts > 1 else ""
        return f"Winograd F(4x4) by channel, weights as {self.coding.title}{parts}"

    def geometry(self, op: Convolution) -> Window:
        """The window of a row of tiles; besides, the transformed tiles, and each part's weights and sums."""
        extra = self._tiles_bytes(op) + self.parts * self._part_bytes(op)
        overreads = op.image[2] % 4 != 0
        rows = self.deep * _TILE
        return window_of(op, rows // op.pool[0], rows, _tiles(op) * _TILE, extra, overreads)

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """Transforms as many tiles as the buffer holds, then has the channels worked out."""
        coded, input_, output = (
            self._coded(op),
            input_helper(op, _TILE, lanes=1),
            _results_helper(op, self.at_once),
        )
        dots = _dots(op)
        return by_part(
            "by_tile.c.jinja",
            op,
            site,
            self.parts,
            staircase(op),
            coded.emit(site.name),
            coded.starts,
            [dots.helper, input_, "winograd4_filter", output],
            weight_type="uint8_t",
            part_bytes=self._part_bytes(op),
            dots=dots.helper.name,
            filter_words=dots.taps // 2,
            filter_bytes=self._filter_bytes(op),
            load=input_.name,
            store=output.name,
            row=self.geometry(op).row,
            depth=_depth(op),
            tiles=_tiles(op),
            deep=self.deep,
            across=self.across,
            at_once=self.at_once,
            high=_TILE // op.pool[0],
            tiles_bytes=self._tiles_bytes(op),
            wide=_TILE // op.pool[1],
        )

    def _coded(self, op: Convolution) -> Coded:
        coded = encode(_pairs(op), self.coding)
        assert coded is not None, "chosen for weights that it cannot hold"
        return coded

    @property
    def at_once(self) -> int:
        """Tiles between one transform of a channel's weights and the next."""
        return self.deep * self.across

    def _tiles_bytes(self, op: Convolution) -> int:
        return 2 * _ELEMENTS * self.at_once * _depth(op)

    def _filter_bytes(self, op: Convolution) -> int:
        """A channel's transformed weights; its results take their place, and one word more is read."""
        results = self.at_once * _TILE**2 // (op.pool[0] * op.pool[1])
        return max(2 * _ELEMENTS * _dots(op).taps, 4 * results + 4)

    def _part_bytes(self, op: Convolution) -> int:
        """A channel's transformed weights, its sums and one word behind them, its taps; masks widen eight at once."""
        return self._filter_bytes(op) + 4 * _ELEMENTS * self.at_once + 4 + 2 * round_up(9 * _dots(op).taps, 8)


def _at_once(op: Convolution, parts: int, most_bytes: int) -> tuple[int, int]:
    """(rows of tiles, tiles of a row): as many as fit, whole rows first."""
    tiles, rows = _tiles(op), -(-op.pooled[0] * op.pool[0] // _TILE)
    most = min(_MOST_AT_ONCE, most_bytes // (2 * _ELEMENTS * _depth(op) + 4 * _ELEMENTS * parts))
    deep = max((n for n in range(1, rows + 1) if rows % n == 0 and n * tiles <= most), default=1)
    across = max((n for n in range(1, tiles + 1) if tiles % n == 0 and deep * n <= most), default=1)
    return deep, across


def _pairs(op: Convolution) -> NDArray[np.int8]:
    """[O, n]: for every two channels of the transformed input, their taps in turn, in the order of the dot products."""
    out, channels, dots = len(op.weights), op.image[2], _dots(op)
    taps = np.zeros((out, dots.taps, 9), np.int8)
    taps[:, :channels] = op.weights.transpose(0, 3, 1, 2).reshape(out, channels, 9)
    order = [four + i for four in range(0, dots.taps, 4) for i in CHANNEL_ORDER]
    return taps[:, order][:, dots.order].reshape(out, -1, 2, 9).transpose(0, 1, 3, 2).reshape(out, -1)


def _results_helper(op: Convolution, apart: int) -> Helper:
    """The transform of one tile's sums, whose results a pool may look at."""
    file = "winograd4_result" + ("" if op.pool == (1, 1) else "_pooled")
    return Helper(file, (("NAME", f"{file}{apart}"), ("APART", str(apart))))


def _dots(op: Convolution) -> Dots:
    """Over the channels of a tile's element; tiles lie one behind the other."""
    return dots_of(_depth(op), _depth(op))


def _depth(op: Convolution) -> int:
    return round_up(op.image[2], 4)


def _tiles(op: Convolution) -> int:
    """Tiles in a row of them."""
    return -(-op.used_columns // _TILE)
