"""The short product beside the two roundings for which it stands, in the same integers as the C."""

import numpy as np
import pytest

from edgekit.compile import fixed_point
from edgekit.compile.convolutions.fast_requant import FastRequant, fast_requant
from edgekit.compile.ir import Requantization


def exact(value: int, scaling: Requantization, channel: int) -> int:
    """TFLM's byte, plus 128."""
    shift = scaling.shifts[channel]
    scaled = fixed_point.high_multiply(value << max(shift, 0), scaling.multipliers[channel])
    result = fixed_point.rounding_shift(scaled, max(-shift, 0)) + scaling.zero_point
    return min(max(result, scaling.low), scaling.high) + 128


def fast(value: int, requant: FastRequant, channel: int) -> int | None:
    """What `finish` of compile/codegen.py answers; None where it works the value out in full."""
    start, end = int(requant.start[channel]), int(requant.end[channel])
    if value <= start:
        return requant.requantization.low + 128
    if value >= end:
        return requant.requantization.high + 128
    scaled = ((value - start) >> requant.drop) * int(requant.scale[channel]) + requant.offset
    assert 0 <= scaled < 2**32
    return None if (scaled & 0xFFFFFF) >> requant.zone == 0 else scaled >> 24


def drawn(rng: np.random.Generator, channels: int) -> Requantization:
    zero_point = int(rng.choice([-128, 127, 0, rng.integers(-128, 128)]))
    low = int(rng.choice([-128, zero_point]))
    high = int(rng.choice([127, rng.integers(low, 128)]))
    shifts = rng.integers(-12, -3, channels) if rng.random() < 0.7 else rng.integers(-31, 8, channels)
    multipliers = rng.integers(2**30, 2**31, channels)
    multipliers[rng.random(channels) < 0.05] = 0
    return Requantization(tuple(map(int, multipliers)), tuple(map(int, shifts)), zero_point, low, high)


@pytest.mark.parametrize("seed", range(40))
def test_every_step_begins_where_tflms_rounding_begins_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scaling = drawn(rng, 4)
    requant = fast_requant(scaling, np.zeros(4, np.int64))
    for channel in range(4):
        limit = (2**31 - 2**8) >> max(scaling.shifts[channel], 0)  # the reader refuses sums beyond
        start, end = int(requant.start[channel]), int(requant.end[channel])
        near = np.concatenate([start + np.arange(-3, 4), end + np.arange(-3, 4), np.arange(-300, 300)])
        across = np.linspace(max(start - 9, -limit), min(end + 9, limit), 3000).astype(np.int64)
        for value in {int(v) for v in (*near, *across, *rng.integers(-limit, limit, 200)) if abs(v) <= limit}:
            found = fast(value, requant, channel)
            assert found is None or found == exact(value, scaling, channel), (channel, value)


def test_ordinary_layers_work_out_few_values_in_full() -> None:
    rng = np.random.default_rng(1)
    slow = total = 0
    for _ in range(20):
        shifts = tuple(int(s) for s in rng.integers(-9, -6, 8))
        scaling = Requantization(tuple(int(m) for m in rng.integers(2**30, 2**31, 8)), shifts, -128, -128, 127)
        requant = fast_requant(scaling, np.zeros(8, np.int64))
        for channel in range(8):
            for value in rng.integers(int(requant.start[channel]) + 1, int(requant.end[channel]), 200):
                slow += fast(int(value), requant, channel) is None
                total += 1
    assert slow < 0.03 * total
