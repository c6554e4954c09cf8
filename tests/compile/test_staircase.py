"""The staircase without branches beside the two roundings for which it stands, in the same integers as the C."""

from dataclasses import replace

import numpy as np
import pytest

from edgekit.compile import fixed_point
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.convolutions.staircase import Staircase, staircase
from edgekit.compile.ir import Requantization
from edgekit.compile.reader import read_graph
from edgekit.testing.random_operators import Random

CHANNELS = 4


def pointwise(rng: np.random.Generator) -> Convolution:
    """A pointwise convolution of 1 to 64 channels with any weights, bias and scales that the reader takes."""
    r = Random(int(rng.integers(1000)))
    x = r.activation((1, 4, 4, int(rng.integers(1, 65))))
    (op,) = read_graph(r.b.finish([x], [r.conv(x, out=CHANNELS, pointwise=True)])).ops
    assert isinstance(op, Convolution)
    zero_point = int(rng.choice([-128, 127, 0, rng.integers(-128, 128)]))
    low = int(rng.choice([-128, zero_point]))
    high = int(rng.choice([127, rng.integers(low, 128)]))
    shifts = rng.integers(-12, -3, CHANNELS) if rng.random() < 0.7 else rng.integers(-31, 5, CHANNELS)
    multipliers = rng.integers(2**30, 2**31, CHANNELS)
    multipliers[rng.random(CHANNELS) < 0.05] = 0
    scaling = Requantization(tuple(map(int, multipliers)), tuple(map(int, shifts)), zero_point, low, high)
    bias = rng.integers(-(2 ** rng.integers(1, 26)), 2 ** rng.integers(1, 26), CHANNELS).astype(np.int32)
    return replace(op, bias=bias, requantization=scaling)


def reach(op: Convolution, channel: int) -> tuple[int, int]:
    """The least and the greatest sum that any input gives."""
    weights = op.weights[channel].astype(int).ravel()
    zero = op.input.quantization.zero_point + 128
    ends = np.sort([weights * -zero, weights * (255 - zero)], axis=0).sum(axis=1)
    return int(ends[0]) + int(op.bias[channel]), int(ends[1]) + int(op.bias[channel])


def exact(value: int, scaling: Requantization, channel: int) -> int:
    """TFLM's byte, plus 128."""
    shift = scaling.shifts[channel]
    scaled = fixed_point.high_multiply(value << max(shift, 0), scaling.multipliers[channel])
    result = fixed_point.rounding_shift(scaled, max(-shift, 0)) + scaling.zero_point
    return min(max(result, scaling.low), scaling.high) + 128


def found(value: int, stairs: Staircase, channel: int, low: int) -> int | None:
    """What c/staircase.h answers; None where it works the value out in full."""
    ahead = value - int(stairs.start[channel])
    assert -(2**31) <= ahead < 2**31
    if ahead < 0 and stairs.zone < 24:
        return low + 128
    cut = min(ahead, int(stairs.span[channel]))
    scaled = (max(cut, 0) >> stairs.drop) * int(stairs.scale[channel]) + int(stairs.offset[channel])
    assert 0 <= scaled < 2**32
    return None if (scaled & 0xFFFFFF) >> stairs.zone == 0 else scaled >> 24


@pytest.mark.parametrize("seed", range(60))
def test_every_step_begins_where_tflms_rounding_begins_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    op = pointwise(rng)
    scaling, stairs = op.requantization, staircase(op)
    for channel in range(CHANNELS):
        least, most = reach(op, channel)
        start, span = int(stairs.start[channel]), int(stairs.span[channel])
        near = [at + np.arange(-300, 301) for at in (0, start, start + span, least, most)]
        across = np.linspace(least, most, 3000).astype(np.int64)
        for value in {int(v) for v in (*np.concatenate(near), *across) if least <= v <= most}:
            byte = found(value, stairs, channel, scaling.low)
            assert byte is None or byte == exact(value, scaling, channel), (channel, value)


def test_ordinary_layers_work_out_few_sums_in_full_and_none_beyond_the_staircase() -> None:
    rng = np.random.default_rng(1)
    slow = total = 0
    for _ in range(20):
        op = replace(pointwise(rng), bias=np.zeros(CHANNELS, np.int32))
        shifts = tuple(int(s) for s in rng.integers(-9, -6, CHANNELS))
        multipliers = tuple(int(m) for m in rng.integers(2**30, 2**31, CHANNELS))
        stairs = staircase(replace(op, requantization=Requantization(multipliers, shifts, -128, -128, 127)))
        for channel in range(CHANNELS):
            start, span = int(stairs.start[channel]), int(stairs.span[channel])
            if start > reach(op, channel)[1]:
                continue  # none of its sums gives more than the lowest byte
            for value in rng.integers(start, start + span, 200):
                slow += found(int(value), stairs, channel, -128) is None
                total += 1
            assert found(start - 1, stairs, channel, -128) == 0
            assert found(start + span, stairs, channel, -128) == 255
    assert total > 8000
    assert slow < 0.006 * total
