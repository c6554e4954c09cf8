"""int32 sums -> bytes in about 15 instructions, exactly.

TFLM multiplies by a 31-bit number and rounds twice; without a high multiply that takes 40 instructions. But the result
is a staircase of at most 255 steps, and where each step begins is known at build time. A short product finds the step,
wrong at most close behind its edge:

    scaled = (value - start >> drop) * scale + offset,     result = scaled >> 24,     value = sum + bias

`start` is the last value of the lowest result, `end` the first of the highest. `offset` is such that `scaled` never
lags behind an edge; how far it may run ahead is measured at every edge of every channel, and whoever lies so close
behind one (the lower 24 bits of `scaled` below 2^zone) is worked out in full.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Constant
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.ir import Requantization

FINISHING_BYTES = 28  # of what a layer's channels share (c/finish_row.h)
_INT32_MIN, _INT32_MAX = -(2**31), 2**31 - 1
_MOST_AHEAD = 1 << 19  # 1/32 of a step on either side: a channel beyond is worked out in full
_DROPS = 6  # how many values of `drop` are tried


@dataclass(frozen=True, slots=True, eq=False)
class FastRequant:
    """The constants of a layer: [channels] each, and three that all channels share."""

    bias: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    scale: NDArray[np.int64]
    requantization: Requantization
    drop: int
    offset: int
    zone: int

    def table(self, name: str) -> Constant:
        """The array `{name}` of `channel`s."""
        scaling = self.requantization
        columns = (self.bias, self.start, self.end, self.scale, scaling.multipliers, scaling.shifts)
        return Constant("channel", name, tuple(zip(*(map(int, column) for column in columns), strict=True)))

    def shared(self, name: str, flip: int) -> Constant:
        """The array `{name}` of the one `finishing` that goes with the table; `flip` is 0x80 or 0 (Site)."""
        scaling = self.requantization
        low, high, zero = scaling.low + 128, scaling.high + 128, scaling.zero_point + 128
        offset, zone = (self.offset + (flip << 24)) % 2**32, 2**24 - 2**self.zone
        return Constant("finishing", name, ((low ^ flip, high ^ flip, self.drop, offset, zone, zero, flip),))

    def for_rows(self, most: NDArray[np.int64]) -> "FastRequant":
        """For c/finish_row.h, whose slope begins one behind `start`, and values up to `most` [channels].

        A channel whose `start` lies 2^31 or more below is worked out in full.
        """
        low, start, end = self.requantization.low, self.start, self.end
        if low == self.requantization.high:
            return self
        edges = edges_of(self.requantization)
        far = most - start >= 2**31
        usable = ~far & (edges[:, 0] == start + 1) & (edges[:, -1] == end) & (end - start < 2**31)
        drop, offset, zone, scale = fitted(edges - edges[:, :1], usable, low)
        start, end = np.where(far, _INT32_MIN, start), np.where(far, _INT32_MAX, end)
        return replace(self, start=start, end=end, scale=scale, drop=drop, offset=offset, zone=zone)

    def finish(self, total: str, channel: str) -> str:
        """C of the byte for a sum, given C of the sum (uint32_t) and of a pointer to its channel."""
        scaling = self.requantization
        low, high, zero = scaling.low + 128, scaling.high + 128, scaling.zero_point + 128
        return f"finish({total}, {channel}, {low}, {high}, {self.drop}, {self.offset}u, {self.zone}, {zero})"


def of_byte_sums(op: Convolution) -> FastRequant:
    """The constants for sums of weight * byte, which lack bias - (zero point + 128) * sum of the weights."""
    sums = op.weights.reshape(len(op.weights), -1).astype(np.int64).sum(axis=1)
    missing = op.bias.astype(np.int64) - (op.input.quantization.zero_point + 128) * sums
    return fast_requant(op.requantization, missing)


def fast_requant(requantization: Requantization, bias: NDArray[np.int64]) -> FastRequant:
    """The constants for sums that lack `bias` [channels]."""
    low, high = requantization.low, requantization.high
    channels = len(bias)
    scale = np.zeros(channels, np.int64)  # 0: always in the zone, worked out in full
    base = (low + 129) << 24
    if low == high:
        nowhere = np.full(channels, _INT32_MAX)
        return FastRequant(bias, nowhere, nowhere, scale, requantization, 0, base % 2**32, 24)
    edges = edges_of(requantization)  # [channels, high - low]
    start = np.clip(edges[:, 0] - 1, _INT32_MIN, _INT32_MAX)
    end = np.clip(edges[:, -1], _INT32_MIN, _INT32_MAX)
    usable = (edges[:, 0] > _INT32_MIN) & (edges[:, -1] < _INT32_MAX) & (edges[:, -1] - start < 2**31)
    drop, offset, zone, scale = fitted(edges - start[:, None], usable, low)
    return FastRequant(bias, start, end, scale, requantization, drop, offset, zone)


def fitted(inner: NDArray[np.int64], usable: NDArray[np.bool_], low: int) -> tuple[int, int, int, NDArray[np.int64]]:
    """`drop`, `offset`, `zone` and each channel's scale: 0 where it is always worked out in full.

    Args:
        inner: [channels, steps] the edges, counted from where `offset` stands.
        usable: [channels] false for those that no slope will serve.
    """
    base, nothing = (low + 129) << 24, np.zeros(len(inner), np.int64)
    best = (float("inf"), 0, base, 24, nothing)
    most = max(0, int(inner[usable, -1].max(initial=1)).bit_length() - 14)
    for drop in range(max(0, most - _DROPS), most + 1):
        tried, lag, ahead = _slopes(inner, drop, low)
        fits = usable & (lag < _MOST_AHEAD) & (ahead < _MOST_AHEAD) & (tried < 2**32)
        if fits.any():
            add = int(max(0, lag[fits].max()))
            zone = max(8, int(max(0, ahead[fits].max() + add)).bit_length())
            cost = float((~fits).sum()) + float(fits.sum()) * 2.0 ** (zone - 24)
            if cost < best[0]:
                best = (cost, drop, base + add, zone, np.where(fits, tried, 0))
    _, drop, offset, zone, scale = best
    # a channel without scale stays at `offset`, which must then lie in the zone
    if not scale.all() and offset & 0xFFFFFF >= 1 << zone:
        zone = (offset & 0xFFFFFF).bit_length()
    return drop, offset, zone, scale


def _slopes(
    inner: NDArray[np.int64], drop: int, low: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Per channel: scale, and how far the product lags behind an edge and runs ahead before one, in 2^-24 of a step.

    `inner` [channels, steps]: the edges counted from `start`.
    """
    steps = inner.shape[1] - 1
    width = np.maximum(inner[:, -1] - 1, 1)
    scale = np.rint(steps * 2.0 ** (24 + drop) / width).astype(np.int64)
    exact = np.arange(steps + 1, dtype=np.int64) << 24
    lag = exact[:-1] - (inner[:, :-1] >> drop) * scale[:, None]  # the last edge is `end` itself
    ahead = ((inner[:, 1:] - 1) >> drop) * scale[:, None] - exact[1:]
    return scale, lag.max(axis=1, initial=0), ahead.max(axis=1, initial=-(2**40))


def edges_of(requantization: Requantization) -> NDArray[np.int64]:
    """The least value whose result is at least low + 1, low + 2, ..., high: [channels, high - low]."""
    multipliers = np.array(requantization.multipliers, np.int64)[:, None]
    shifts = np.array(requantization.shifts, np.int64)[:, None]
    left, right = np.maximum(shifts, 0), np.maximum(-shifts, 0)
    results = np.arange(requantization.low + 1, requantization.high + 1, dtype=np.int64) - requantization.zero_point
    # The second rounding, ties away from zero: from which scaled value on?
    half = np.where(right > 0, np.int64(1) << np.maximum(right - 1, 0), 0)
    scaled = (results << right) - half + ((results <= 0) & (right > 0))
    scaled = np.clip(scaled, _INT32_MIN - 1, _INT32_MAX + 2)
    # The first rounding, upwards: value * 2^left * multiplier + 2^30 >= scaled * 2^31
    edges = -((2**30 - scaled * 2**31) // np.maximum(multipliers << left, 1))
    nothing = np.where(results <= 0, -(2**40), 2**40)  # a multiplier of 0 leaves the zero point
    return np.where(multipliers > 0, edges, nothing)
