"""Fully connected layers with MAC16: each weight is read from flash once, as a word of four, and widened in registers.

Weights are stored as bytes w + 128, of which two at a time lie in the halves of a register after one mask; the sum of
128 * x is the same for all outputs and taken off where each sum begins (c/word_dots.h). Where all outputs have one
scale, an output's bias is all that is read besides its weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from edgekit.compile.codegen import Constant, Kernel, Site, rendered
from edgekit.compile.convolutions.by_part import parts_for
from edgekit.compile.convolutions.protocol import Convolution, window_of
from edgekit.compile.convolutions.staircase import CHANNEL_BYTES, CODE_BYTES, LAYER_BYTES, is_shared, staircase
from edgekit.compile.convolutions.window import Window
from edgekit.compile.cost import Cost
from edgekit.compile.options import CompileOptions

_MOST_SUMS = 64


@dataclass(frozen=True, slots=True)
class Mac16Dense:
    """All outputs of a layer with one position.

    Attributes:
        parts: shares of the outputs that may be worked out side by side, 1 or 2.
    """

    c_prefix: ClassVar[str] = "dense"
    parts: int = 1

    @staticmethod
    def fits(op: Convolution) -> bool:
        """One tap, one group, one position; differences between sums of any two outputs fit into 32 bits."""
        one = op.weights.shape[1:3] == op.pool == (1, 1) and op.groups == 1 and op.result[:2] == (1, 1)
        return one and int(np.abs(op.bias.astype(np.int64)).max()) < 2**29 and op.image[2] < 2**13

    @classmethod
    def candidates(cls, op: Convolution, options: CompileOptions) -> Sequence[Self]:
        return [cls(parts_for(op, options))] if options.target == "esp32" and cls.fits(op) else []

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """Fitted to what was counted on QEMU's dc233c."""
        outputs, words = op.result[2], _words(op)
        cycles = outputs * (9.1 * words + (28 if is_shared(op) else 85)) + 24 * words + 200
        a_channel, all_channels = (0, CHANNEL_BYTES) if is_shared(op) else (CHANNEL_BYTES, 0)
        constants = outputs * (4 * words + 4 + a_channel) + 4 + all_channels + LAYER_BYTES
        return Cost(cycles, constants, code_bytes=CODE_BYTES)

    def describe(self, op: Convolution) -> str:
        return "fully connected, MAC16" + (", two parts" if self.parts > 1 else "")

    def geometry(self, op: Convolution) -> Window:
        """The window of the position; besides, its bytes widened, and each part's sums."""
        return window_of(op, 1, 1, 1, _wide_bytes(op) + self.parts * self._part_bytes(op))

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """A function for a share of the outputs, and the layer's."""
        shared, outputs = is_shared(op), op.result[2]
        stairs = staircase(op, shared)
        function = rendered(
            "mac16_dense.c.jinja",
            op=op,
            site=site,
            name=site.name,
            out=outputs,
            both=self.parts > 1,
            shared=shared,
            words=_words(op),
            wide_bytes=_wide_bytes(op),
            part_bytes=self._part_bytes(op),
            at_once=_at_once(op, self.parts),
        )
        bytes_ = np.full((outputs, 4 * _words(op)), 128, np.int64)
        bytes_[:, : op.image[2]] = op.weights[:, 0, 0].astype(np.int64) + 128
        words = bytes_.reshape(-1, 4) @ np.array([1, 1 << 8, 1 << 16, 1 << 24])
        first = (stairs.first + 2**31) % 2**32 - 2**31
        constants = (
            *stairs.constants(site.name, site.output_flip, shared),
            Constant("int32_t", f"{site.name}_first", first.tolist()),
            Constant("uint32_t", f"{site.name}_weights", [*words.tolist(), 0]),
        )
        both = ("both",) if self.parts > 1 else ()
        return Kernel(("work", "least", *both, "word_dots", "staircase"), constants, function)

    def _part_bytes(self, op: Convolution) -> int:
        """Sums, and one beyond the last."""
        return 4 * (_at_once(op, self.parts) + 1)


def _words(op: Convolution) -> int:
    return -(-op.image[2] // 4)


def _wide_bytes(op: Convolution) -> int:
    """Two words beyond the last are read."""
    return 8 * _words(op) + 8


def _at_once(op: Convolution, parts: int) -> int:
    """Outputs of a share whose sums are kept."""
    return min(_MOST_SUMS, -(-op.result[2] // parts))
