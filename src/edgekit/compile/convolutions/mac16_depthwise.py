"""3x3 filters of one input channel each with MAC16: depthwise convolutions, and those of an image of one channel.

A channel's rows are widened into columns of four (c/gather_columns.h), which hold the rows under two rows of results,
or under one where the stride is greater than 1. So a column's taps lie together for MAC16 (c/column_dots.h).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Kernel, Site, rendered, round_up
from edgekit.compile.convolutions.by_part import parts_for
from edgekit.compile.convolutions.mac16_weights import packed
from edgekit.compile.convolutions.protocol import Convolution, window_of
from edgekit.compile.convolutions.staircase import CHANNEL_BYTES, CODE_BYTES, LAYER_BYTES, staircase
from edgekit.compile.convolutions.window import Window
from edgekit.compile.cost import Cost
from edgekit.compile.options import CompileOptions

_TAPS_BYTES = 24  # of a channel's nine taps in 16 bits, of which the last three are 0
_ENOUGH = {"size": 24, "speed": 36}  # results of a channel, for which a step's calls are of little account
_MOST_BYTES = 2048  # of rows under a step, their columns and sums, beyond the least


@dataclass(frozen=True, slots=True)
class Mac16Depthwise:
    """A few rows of results, channel by channel.

    Attributes:
        parts: shares of the output channels that may be worked out side by side, 1 or 2.
        enough: results of a channel that a step has at least, if there are as many.
    """

    c_prefix: ClassVar[str] = "depthwise"
    parts: int = 1
    enough: int = _ENOUGH["size"]

    @staticmethod
    def fits(op: Convolution) -> bool:
        """3x3 taps of one channel, next to each other, and no pool behind."""
        return op.weights.shape[1:] == (3, 3, 1) and op.dilation == (1, 1) and op.pool == (1, 1)

    @classmethod
    def candidates(cls, op: Convolution, options: CompileOptions) -> Sequence[Self]:
        serves = options.target == "esp32" and cls.fits(op)
        return [cls(parts_for(op, options), _ENOUGH[options.optimize])] if serves else []

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """Fitted to what was counted on QEMU's dc233c."""
        steps, channels = self.geometry(op).steps, op.result[2]
        columns = steps * self._sets(op) * _columns(op) * op.groups
        a_column = 14 if op.stride[0] == 1 else 11
        cycles = 28 * op.output.size + a_column * columns + 360 * steps * channels
        return Cost(cycles, channels * (12 + CHANNEL_BYTES) + LAYER_BYTES, steps, CODE_BYTES)

    def describe(self, op: Convolution) -> str:
        return "3x3 by column, MAC16" + (", two parts" if self.parts > 1 else "")

    def geometry(self, op: Convolution) -> Window:
        """The window of a few rows; besides, each part's columns, taps and sums."""
        made = self._rows(op)
        return window_of(op, made, self._sets(op) * _rows_at_once(op), op.result[1], self.parts * self._part_bytes(op))

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """A function for a share of the channels, and the one that has it done."""
        weights, widen = packed(_taps(op), f"{site.name}_weights")
        function = rendered(
            "mac16_depthwise.c.jinja",
            op=op,
            site=site,
            name=site.name,
            out=op.result[2],
            both=self.parts > 1,
            widen=widen.name,
            window=self.geometry(op),
            at_once=_rows_at_once(op),
            sets=self._sets(op),
            columns_of=_columns(op),
            columns_bytes=self._columns_bytes(op),
            part_bytes=self._part_bytes(op),
        )
        constants = (*staircase(op).constants(site.name, site.output_flip), weights)
        both = ("both",) if self.parts > 1 else ()
        return Kernel(("byte_work", *both, widen, "gather_columns", "column_dots", "staircase"), constants, function)

    def _rows(self, op: Convolution) -> int:
        """Rows of results in a step, a multiple of those at once where there are several steps."""
        height, unit = op.result[0], _rows_at_once(op)
        a_set = op.stride[0] * unit * _columns(op) * op.image[2] + _set_bytes(op)
        sets = min(max(_MOST_BYTES // a_set, -(-self.enough // (unit * op.result[1]))), -(-height // unit))
        steps = -(-height // (sets * unit))
        return height if steps == 1 else round_up(-(-height // steps), unit)

    def _sets(self, op: Convolution) -> int:
        """Sets of columns in a step."""
        return -(-self._rows(op) // _rows_at_once(op))

    def _columns_bytes(self, op: Convolution) -> int:
        """Of all sets, and of what is read behind the last."""
        return 8 * (self._sets(op) * _columns(op) + op.stride[1])

    def _part_bytes(self, op: Convolution) -> int:
        """Columns, taps, sums, and one sum beyond the last."""
        return self._sets(op) * _set_bytes(op) + 8 * op.stride[1] + _TAPS_BYTES + 4


def _rows_at_once(op: Convolution) -> int:
    """Rows of results that share a column of four rows."""
    return 2 if op.stride[0] == 1 else 1


def _columns(op: Convolution) -> int:
    return (op.result[1] - 1) * op.stride[1] + 3


def _set_bytes(op: Convolution) -> int:
    """Of columns, and of the sums that they give."""
    return 8 * _columns(op) + 4 * _rows_at_once(op) * op.result[1]


def _taps(op: Convolution) -> NDArray[np.int64]:
    """[O, 6, 2] in the order of c/column_dots.h."""
    taps = np.zeros((len(op.weights), 12), np.int64)
    taps[:, :9] = op.weights.reshape(-1, 9)[:, [0, 3, 1, 4, 2, 5, 6, 7, 8]]
    return taps.reshape(-1, 6, 2)
