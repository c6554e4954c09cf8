"""int32 sums -> bytes without a branch, for the ESP32's `min` and conditional moves: the constants of c/staircase.h.

The same staircase as in fast_requant.py, with a slope and an offset for each channel, so that hardly a sum lies where
they cannot tell. Sums are counted from the first that gives more than the lowest byte, so that those below are the
negative ones; those of the highest byte are cut to one that lies well within its step.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Constant
from edgekit.compile.convolutions.fast_requant import edges_of
from edgekit.compile.convolutions.protocol import Convolution

CHANNEL_BYTES, LAYER_BYTES = 28, 28  # of constants; of a channel's, 12 are seldom read
CODE_BYTES = 400  # of an operator, roughly, where the functions that do the work are those of every such operator
_MOST = 2**31 - 1
_MOST_AHEAD = 1 << 19  # 1/32 of a step: a channel beyond is worked out in full
_DROPS = 6  # how many values of `drop` are tried


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
    offset: NDArray[np.int64]
    start: NDArray[np.int64]
    op: Convolution
    drop: int
    zone: int

    def constants(self, name: str, flip: int, shared: bool = False) -> tuple[Constant, ...]:
        """The arrays `{name}_slopes`, `{name}_exactly` and, of one element, `{name}_staircase`.

        Args:
            flip: 0x80 where the output is the caller's memory, else 0.
            shared: of the first channel only.
        """
        scaling = self.op.requantization
        count = 1 if shared else len(self.first)
        low, high = scaling.low + 128, scaling.high + 128
        lowest, zone = (low ^ flip) << 24 | 1 << 23, (1 << 24) - (1 << self.zone)
        layer = (zone, lowest, self.drop, low, high, scaling.zero_point + 128, flip)
        first = (self.first + 2**31) % 2**32 - 2**31
        slopes = np.stack([first, self.span, self.scale, self.offset ^ flip << 24], axis=1)
        exactly = zip(self.start.tolist(), scaling.multipliers, scaling.shifts, strict=True)
        return (
            Constant("channel_slope", f"{name}_slopes", tuple(map(tuple, slopes[:count].tolist()))),
            Constant("exact_scale", f"{name}_exactly", tuple(exactly)[:count]),
            Constant("staircase", f"{name}_staircase", (layer,)),
        )


def is_shared(op: Convolution) -> bool:
    """Whether all channels have the same scale, as a fully connected layer's have: one staircase serves them."""
    return len({*zip(op.requantization.multipliers, op.requantization.shifts, strict=True)}) == 1


def staircase(op: Convolution, shared: bool = False, centred: bool = False) -> Staircase:
    """The constants for a convolution's sums of weight * byte, or of weight * (byte - zero point) if `centred`.

    `shared`: the same for all channels but `first`.
    """
    weights = op.weights.reshape(len(op.weights), -1).astype(np.int64)
    bias, zero = op.bias.astype(np.int64), op.input.quantization.zero_point + 128
    highest = bias + np.maximum(weights * (255 - zero), weights * -zero).sum(axis=1)
    lowest = bias + np.minimum(weights * (255 - zero), weights * -zero).sum(axis=1)
    if shared:
        highest, lowest = np.full_like(highest, highest.max()), np.full_like(lowest, lowest.min())
    low, high = op.requantization.low, op.requantization.high
    edges = edges_of(op.requantization) if low < high else highest[:, None] + 1
    start = np.minimum(edges[:, 0], highest + 1)
    start = np.where(highest - start > _MOST, lowest, start)  # differences fit into 32 bits
    inner = edges - start[:, None]
    usable = (inner[:, 0] == 0) & (inner[:, -1] < 2**31)
    drop, zone, scale, ahead = _fitted(op, inner, usable)
    offset = ((low + 129) % 256 << 24) + ahead  # the modulus for a layer that gives one byte: no sum gets there
    span, scale = _spans(scale, offset, zone, drop, high + 128 << 24)
    first = bias - (0 if centred else zero * weights.sum(axis=1)) - start
    return Staircase(first, span, scale, np.where(scale > 0, offset, offset - ahead), start, op, drop, zone)


def _fitted(
    op: Convolution, inner: NDArray[np.int64], usable: NDArray[np.bool_]
) -> tuple[int, int, NDArray[np.int64], NDArray[np.int64]]:
    """`drop`, `zone`, and each channel's scale (0: always worked out in full) and what is added to its products.

    Args:
        inner: [channels, steps] the edges, counted from the first.
    """
    scaling = op.requantization
    slope = np.ldexp(np.array(scaling.multipliers, float), np.array(scaling.shifts) - 31 + 24)
    nothing = np.zeros(len(inner), np.int64)
    best = (float("inf"), 0, 8, nothing, nothing)
    most = max(0, int(inner[usable, -1].max(initial=1)).bit_length() - 14)
    for drop in range(max(0, most - _DROPS), most + 1):
        scale, add, ahead = _slopes(np.where(usable[:, None], inner, 0), drop, np.rint(np.ldexp(slope, drop)))
        fits = usable & (scale > 0) & (add < 1 << 23) & (ahead < _MOST_AHEAD)
        if fits.any():
            zone = max(8, int(ahead[fits].max()).bit_length())
            cost = float((~fits).sum()) + float(fits.sum()) * 2.0 ** (zone - 24)
            if cost < best[0]:
                best = (cost, drop, zone, np.where(fits, scale, 0), np.where(fits, add, 0))
    return best[1:]


def _slopes(
    inner: NDArray[np.int64], drop: int, near: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Per channel: the best of the scales about `near`, what must be added so that no product lags behind an edge, and
    how far one runs ahead of an edge then, in 2^-24 of a step."""
    exact = np.arange(inner.shape[1], dtype=np.int64) << 24
    tried = []
    for more in (-1, 0, 1):
        scale = np.clip(near, 1, 2**32 - 2).astype(np.int64)[:, None] + more
        add = (exact - (inner >> drop) * scale).max(axis=1)
        ahead = (((inner[:, 1:] - 1) >> drop) * scale - exact[1:]).max(axis=1, initial=-(2**40)) + add
        tried.append((scale[:, 0], add, np.maximum(ahead, 0)))
    scales, adds, aheads = (np.stack(column) for column in zip(*tried, strict=True))
    choice = aheads.argmin(axis=0)[None]
    return tuple(np.take_along_axis(column, choice, axis=0)[0] for column in (scales, adds, aheads))


def _spans(
    scale: NDArray[np.int64], offset: NDArray[np.int64], zone: int, drop: int, top: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Per channel: a sum in the middle of the highest byte's step, behind the zone; the scale, 0 where none is."""
    slope = np.maximum(scale, 1)
    least, most = -((offset - top - (1 << zone)) // slope), (top + 0xFFFFFF - offset) // slope
    span = (least + most) // 2 << drop
    fits = (scale > 0) & (least <= most) & (span <= _MOST)
    return np.where(fits, span, _MOST), np.where(fits, scale, 0)
