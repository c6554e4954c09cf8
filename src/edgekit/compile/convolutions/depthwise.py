"""Depthwise convolutions: a row of one channel after the other, its weights in registers.

The first pass leaves the row's sums in the arena, the second makes bytes of them: together they would need more
registers than an Xtensa has. u and z as in direct.py, but the weights keep their sign: they are loaded once a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from edgekit.compile.codegen import Constant, Kernel, Site, rendered
from edgekit.compile.convolutions.fast_requant import of_byte_sums
from edgekit.compile.convolutions.protocol import CHANNEL_BYTES, Convolution, window_of
from edgekit.compile.convolutions.window import Window
from edgekit.compile.cost import Cost
from edgekit.compile.options import CompileOptions

_MOST_WEIGHTS = 9  # held in registers by one pass over a row


@dataclass(frozen=True, slots=True)
class Depthwise:
    """One row of results, channel by channel."""

    c_prefix: ClassVar[str] = "convolution"

    @staticmethod
    def fits(op: Convolution) -> bool:
        """One output channel for every input channel, and no pool behind."""
        return op.groups == op.image[2] == op.result[2] and op.groups > 1 and op.pool == (1, 1)

    @classmethod
    def candidates(cls, op: Convolution, options: CompileOptions) -> Sequence[Self]:
        return [cls()] if cls.fits(op) else []

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """No other kernel competes, so that an estimate from the counts of multiplications and of results will do."""
        cycles = 4.5 * op.macs + 41 * op.output.size + 91 * op.result[0] * op.result[2]
        return Cost(cycles, op.weights.size + CHANNEL_BYTES * op.result[2], op.result[0])

    def describe(self, op: Convolution) -> str:
        return "depthwise"

    def geometry(self, op: Convolution) -> Window:
        """The window of one row; besides, a row's sums."""
        return window_of(op, 1, 1, op.result[1], extra_bytes=4 * op.result[1])

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """One pass after the other adds its taps to the sums of a row, which are then finished."""
        requant = of_byte_sums(op)
        kernel = op.weights.shape[1:3]
        rows_at_once = max(1, _MOST_WEIGHTS // kernel[1])
        by_rows = [
            [(ky + first, kx) for ky, kx in np.ndindex(min(rows_at_once, kernel[0] - first), kernel[1])]
            for first in range(0, kernel[0], rows_at_once)
        ]
        function = rendered(
            "depthwise.c.jinja",
            op=op,
            site=site,
            name=site.name,
            requant=requant,
            row=self.geometry(op).row,
            width=op.result[1],
            channels=op.result[2],
            passes=[part[i : i + _MOST_WEIGHTS] for part in by_rows for i in range(0, len(part), _MOST_WEIGHTS)],
        )
        weights = Constant("int8_t", f"{site.name}_weights", op.weights.ravel().tolist())
        return Kernel(("channel",), (weights, requant.table(f"{site.name}_channels")), function)
