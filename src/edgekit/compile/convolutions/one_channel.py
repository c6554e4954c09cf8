"""The first layer of a grey picture: 3x3 convolutions of a single channel, stride 1, by Winograd's F(2x2).

Sixteen products serve four sums of nine taps, and with one channel there is nothing to add up between the two
transforms (winograd.py): the products go through the second one in registers. Everything fits 32 bits: the sums are
4 Y, at most 4 * 9 * 128 * 255.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from edgekit.compile.codegen import Constant, Kernel, Site, rendered
from edgekit.compile.convolutions.fast_requant import of_byte_sums
from edgekit.compile.convolutions.protocol import CHANNEL_BYTES, Convolution, window_of
from edgekit.compile.convolutions.window import Window
from edgekit.compile.convolutions.winograd import FILTERS
from edgekit.compile.cost import Cost
from edgekit.compile.options import CompileOptions


@dataclass(frozen=True, slots=True)
class OneChannel:
    """A row of tiles: two rows of sums, or one row of a pool's windows."""

    c_prefix: ClassVar[str] = "onechannel"

    @staticmethod
    def fits(op: Convolution) -> bool:
        """3x3 over one channel, with no pool or one of 2x2."""
        shape = op.image[2] == 1 and op.weights.shape[1:3] == (3, 3) and op.stride == op.dilation == (1, 1)
        return shape and op.pool in ((1, 1), (2, 2))

    @classmethod
    def candidates(cls, op: Convolution, options: CompileOptions) -> Sequence[Self]:
        return [cls()] if cls.fits(op) else []

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """Fitted to measurements on the emulated lx106; transformed weights are 16 int16 a channel."""
        tiles = self.geometry(op).steps * _tiles(op)
        cycles = 1.47 * (tiles * (120 + 86 * op.result[2]) + 24 * op.output.size)
        return Cost(cycles, (32 + CHANNEL_BYTES) * op.result[2], tiles)

    def describe(self, op: Convolution) -> str:
        return "Winograd F(2x2), one channel"

    def geometry(self, op: Convolution) -> Window:
        """The window of a row of tiles."""
        return window_of(op, 2 // op.pool[0], 2, 2 * _tiles(op), extra_bytes=0)

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """A function for the output channels of one tile, and the row's."""
        requant, whole = of_byte_sums(op), op.pool == (1, 1)
        function = rendered(
            "one_channel.c.jinja",
            op=op,
            site=site,
            name=site.name,
            requant=requant,
            whole=whole,
            row=self.geometry(op).row,
            out=op.result[2],
            tiles=_tiles(op),
        )
        weights = np.einsum("ai,oij,bj->oab", FILTERS[2], op.weights[..., 0].astype(np.int64), FILTERS[2])
        constants = (
            Constant("int16_t", f"{site.name}_weights", weights.ravel().tolist()),
            requant.table(f"{site.name}_channels"),
        )
        return Kernel(("finish",) if whole else ("finish", "greater"), constants, function)


def _tiles(op: Convolution) -> int:
    return -(-op.used_columns // 2)
