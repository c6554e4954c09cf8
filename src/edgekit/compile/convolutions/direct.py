"""Convolutions tap by tap: dense, grouped, fully connected, with or without a max-pool behind. Any shape.

Sum of a window, with weights w and input bytes u = q + 128, z = zero point + 128:

    bias + sum w * (u - z)  =  [sum (w + 128) * u]  -  128 * [sum u]  +  [bias - z * sum w]

so that the loop multiplies unsigned bytes only. `sum u` is worked out once a position for all output channels (column
by column where windows overlap), the last bracket at build time. Sums are uint32_t and may wrap on the way; the reader
has made sure that the end result fits into int32_t.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Constant, Kernel, Site, largest_divisor, rendered
from edgekit.compile.convolutions.depthwise import Depthwise
from edgekit.compile.convolutions.fast_requant import of_byte_sums
from edgekit.compile.convolutions.protocol import CHANNEL_BYTES, Convolution, window_of
from edgekit.compile.convolutions.window import Window
from edgekit.compile.cost import Cost
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
        passes = op.pooled[0] * -(-op.pooled[1] // (_positions_abreast(op) if op.pool == (1, 1) else 1))
        return Cost(1.73 * instructions, op.weights.size + CHANNEL_BYTES * op.result[2], passes)

    def describe(self, op: Convolution) -> str:
        return f"direct, {_positions_abreast(op)} x {min(_CHANNELS, len(op.weights) // op.groups)}"

    def geometry(self, op: Convolution) -> Window:
        """The window of one row of (pooled) results; besides, the columns' sums."""
        sums = 4 * op.pool[0] * (op.used_columns + op.weights.shape[2] - 1) if _by_columns(op) else 0
        return window_of(op, 1, op.pool[0], op.used_columns, sums)

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """Functions for the sums of a window or its columns, for the products of a block of channels, and the row's."""
        row, requant, abreast, pooled = (
            self.geometry(op).row,
            of_byte_sums(op),
            _positions_abreast(op),
            op.pool != (1, 1),
        )
        tile = list(np.ndindex(op.pool if pooled else (1, abreast)))
        function = rendered(
            "direct.c.jinja",
            op=op,
            site=site,
            name=site.name,
            requant=requant,
            row=row,
            pooled=pooled,
            abreast=abreast,
            by_columns=_by_columns(op),
            blocks=_blocks(op),
            columns=op.used_columns + op.weights.shape[2] - 1,
            tile=tile,
            offsets=[r * op.stride[0] * row + q * op.stride[1] * op.image[2] for r, q in tile],
            positions=1 if pooled else abreast,
            unroll=_UNROLL,
            largest_divisor=largest_divisor,
        )
        weights = Constant("uint8_t", f"{site.name}_weights", (_weights(op) + 128).tolist())
        helpers = ("finish", "greater") if pooled else ("finish",)
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
