"""Pointwise convolutions with MAC16, one output channel after the other over a block of positions.

So are others of few taps: what lies under each position is copied out, and is then as good as its channels. The block's
bytes are widened once for all channels, a channel's weights once for all positions; then they are
multiplied (c/run_dots.h) and the sums made bytes (c/staircase.h). As the whole block is read before a result is
written, the output may lie where the input does, and nothing is copied.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Helper, Kernel, Site, rendered, round_up
from edgekit.compile.convolutions.by_part import parts_for
from edgekit.compile.convolutions.mac16_weights import packed
from edgekit.compile.convolutions.protocol import Convolution, window_of
from edgekit.compile.convolutions.staircase import CHANNEL_BYTES, CODE_BYTES, LAYER_BYTES, staircase
from edgekit.compile.convolutions.window import Window
from edgekit.compile.cost import Cost
from edgekit.compile.options import CompileOptions

_ENOUGH = {"size": 24, "speed": 48}  # positions, for which widening a channel's weights is of little account
_MOST_BUFFER = 16 * 1024  # bytes of widened positions, where weights would otherwise be read from flash again and again
_MOST_UNROLLED = 18  # quads of taps in a hardware loop of at most 256 bytes
_KEPT = 8 * 1024  # bytes of weights that the flash cache keeps from one block to the next


@dataclass(frozen=True, slots=True)
class Mac16Pointwise:
    """Blocks of rows.

    Attributes:
        parts: shares of the output channels that may be worked out side by side, 1 or 2.
        enough: positions that a block has at least, if there are as many.
    """

    c_prefix: ClassVar[str] = "convolution"
    parts: int = 1
    enough: int = _ENOUGH["size"]

    @staticmethod
    def fits(op: Convolution) -> bool:
        """One tap a channel, or few in all; one group, no pool behind, and more than one position."""
        pointwise = op.weights.shape[1:3] == (1, 1)
        few = op.dilation == (1, 1) and op.weights[0].size <= 4 * _MOST_UNROLLED
        return (pointwise or few) and op.groups == 1 and op.pool == (1, 1) and _positions(op) > 1

    @classmethod
    def candidates(cls, op: Convolution, options: CompileOptions) -> Sequence[Self]:
        return (
            [cls(parts_for(op, options), _ENOUGH[options.optimize])]
            if options.target == "esp32" and cls.fits(op)
            else []
        )

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """Fitted to what was counted on QEMU's dc233c."""
        channels, depth, steps = op.result[2], _depth(op), self.geometry(op).steps
        a_result = depth + (18 if depth <= 4 * _MOST_UNROLLED else 23)
        a_position = 2.9 * depth + (18 * op.weights.shape[1] if op.weights.shape[1:3] != (1, 1) else 0)
        cycles = a_result * op.output.size + a_position * _positions(op) + steps * channels * (2.6 * depth + 145)
        return Cost(cycles, channels * (depth + CHANNEL_BYTES) + LAYER_BYTES, steps, CODE_BYTES)

    def describe(self, op: Convolution) -> str:
        kind = "pointwise" if op.weights.shape[1:3] == (1, 1) else "by patch"
        return f"{kind}, MAC16" + (", two parts" if self.parts > 1 else "")

    def geometry(self, op: Convolution) -> Window:
        """The window of a block of rows; besides, its positions widened, and each part's weights and sums."""
        made, columns = self._rows(op), op.result[1]
        extra = self._wide_bytes(op) + self.parts * self._part_bytes(op)
        return window_of(op, made, made, columns, extra, reads_first=True)

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """A function for a share of the channels, and the block's."""
        quads = _depth(op) // 4
        unrolled = Helper("run_dots_unrolled", (("NAME", f"run_dots_{quads}"), ("MORE", str(quads - 1))))
        dots = unrolled if quads <= _MOST_UNROLLED else "run_dots"
        weights, widen = packed(_pairs(op), f"{site.name}_weights")
        function = rendered(
            "mac16_pointwise.c.jinja",
            op=op,
            site=site,
            name=site.name,
            out=op.result[2],
            both=self.parts > 1,
            widen=widen.name,
            unrolled="" if isinstance(dots, str) else dots.name,
            depth=_depth(op),
            window=self.geometry(op),
            wide_bytes=self._wide_bytes(op),
            part_bytes=self._part_bytes(op),
        )
        constants = (*staircase(op).constants(site.name, site.output_flip), weights)
        both = ("both",) if self.parts > 1 else ()
        return Kernel(("work", *both, "widen_bytes", widen, dots, "staircase"), constants, function)

    def _rows(self, op: Convolution) -> int:
        """Rows of results in a block."""
        height, width, channels = op.result
        rows = -(-self.enough // width)
        if channels * _depth(op) > _KEPT:
            rows = max(rows, _MOST_BUFFER // (2 * _depth(op) * width))
        return -(-height // -(-height // min(rows, height)))  # blocks of like size

    def _wide_bytes(self, op: Convolution) -> int:
        return self._rows(op) * op.result[1] * 2 * _depth(op) + 8  # two words beyond the last are read

    def _part_bytes(self, op: Convolution) -> int:
        """A channel's weights and sums, and one sum beyond the last."""
        return 2 * _depth(op) + 4 * (self._rows(op) * op.result[1] + 1)


def _positions(op: Convolution) -> int:
    return op.result[0] * op.result[1]


def _depth(op: Convolution) -> int:
    """Taps of a channel, with those that fill the last four."""
    return round_up(op.weights[0].size, 4)


def _pairs(op: Convolution) -> NDArray[np.int64]:
    """[O, n, 2] each channel's weights in the order of c/run_dots.h."""
    taps = np.zeros((op.result[2], _depth(op)), np.int64)
    taps[:, : op.weights[0].size] = op.weights.reshape(len(taps), -1)
    return np.roll(taps, 1, axis=1).reshape(len(taps), -1, 2)
