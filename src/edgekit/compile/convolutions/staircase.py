"""int32 sums -> bytes without a branch, for the ESP32's `min` and conditional moves: the constants of c/staircase.h.

The same staircase as in fast_requant.py. Sums are counted from the first that gives more than the lowest byte, so that
those below are the negative ones; those of the highest byte are cut to one that lies well within its step.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Constant
from edgekit.compile.convolutions.fast_requant import edges_of, fitted
from edgekit.compile.convolutions.protocol import Convolution

CHANNEL_BYTES, LAYER_BYTES = 24, 32  # of constants; of a channel's, half are seldom read
_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Staircase:
    """The constants of a layer: [channels] each, and those that all channels share.

    Attributes:
        first: what the sums of w * byte start with.
        start: what their end lacks of w * (byte - zero point) + bias.
    """

    first: NDArray[np.int64]
    span: NDArray[np.int64]
    scale: NDArray[np.int64]
    start: NDArray[np.int64]
    op: Convolution
    drop: int
    offset: int
    zone: int

    def constants(self, name: str, flip: int) -> tuple[Constant, ...]:
        """The arrays `{name}_slopes`, `{name}_exactly` and, of one element, `{name}_staircase`.

        `flip`: 0x80 where the output is the caller's memory, else 0.
        """
        scaling = self.op.requantization
        low, high = scaling.low + 128, scaling.high + 128
        offset, zone = self.offset ^ flip << 24, (1 << 24) - (1 << self.zone)
        lowest = (low ^ flip) << 24 | 1 << 23
        shared = (offset, zone, lowest, self.drop, low, high, scaling.zero_point + 128, flip)
        return (
            _table("channel_slope", f"{name}_slopes", self.first, self.span, self.scale),
            _table("exact_scale", f"{name}_exactly", self.start, scaling.multipliers, scaling.shifts),
            Constant("staircase", f"{name}_staircase", (shared,)),
        )


def staircase(op: Convolution) -> Staircase:
    """The constants for a convolution's sums of weight * byte."""
    weights = op.weights.reshape(len(op.weights), -1).astype(np.int64)
    bias, zero = op.bias.astype(np.int64), op.input.quantization.zero_point + 128
    highest = bias + np.maximum(weights * (255 - zero), weights * -zero).sum(axis=1)
    lowest = bias + np.minimum(weights * (255 - zero), weights * -zero).sum(axis=1)
    low, high = op.requantization.low, op.requantization.high
    first_edge = edges_of(op.requantization)[:, 0] if low < high else highest + 1
    start = np.minimum(first_edge, highest + 1)
    start = np.where(highest - start > _MOST, lowest, start)  # differences fit into 32 bits
    scale, span = np.zeros(len(bias), np.int64), np.full(len(bias), _MOST)
    drop, offset, zone = 0, 0, 8  # of a layer that gives one byte only: all sums are below the staircase
    if low < high:
        inner = edges_of(op.requantization) - start[:, None]
        usable = (inner[:, 0] == 0) & (inner[:, -1] < 2**31)
        drop, offset, zone, scale = fitted(inner, usable, low)
        span, scale = _spans(scale, offset, zone, drop, (high + 128) << 24)
    return Staircase(bias - zero * weights.sum(axis=1) - start, span, scale, start, op, drop, offset, zone)


def _spans(
    scale: NDArray[np.int64], offset: int, zone: int, drop: int, top: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Per channel: a sum in the middle of the highest byte's step, behind the zone; the scale, 0 where none is."""
    slope = np.maximum(scale, 1)
    least, most = -((offset - top - (1 << zone)) // slope), (top + 0xFFFFFF - offset) // slope
    span = (least + most) // 2 << drop
    fits = (scale > 0) & (least <= most) & (span <= _MOST)
    return np.where(fits, span, _MOST), np.where(fits, scale, 0)


def _table(kind: str, name: str, *columns: object) -> Constant:
    rows = np.array([np.asarray(column, np.int64) for column in columns]).T
    signed = (rows[:, :-1] + 2**31) % 2**32 - 2**31 if kind == "channel_slope" else rows[:, :-1]
    return Constant(kind, name, tuple(zip(*signed.T.tolist(), rows[:, -1].tolist(), strict=True)))
