"""3x3 filters of one channel of --target esp32 in their portable fallback: TFLM's bytes, streamed and not."""

from pathlib import Path

import pytest
from chosen_kernels import differing, with_kernels

from edgekit.compile.convolutions.mac16_depthwise import Mac16Depthwise
from edgekit.compile.convolutions.mac16_pointwise import Mac16Pointwise
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.testing.random_operators import Random


def mobile(seed: int) -> bytes:
    """A 3x3 convolution of one channel or three, then depthwise ones of stride 1 to 3 and pointwise ones in turn."""
    r = Random(seed)
    size = (int(r.rng.integers(5, 24)), int(r.rng.integers(5, 24)))
    entry = r.activation((1, *size, int(r.pick(1, 3))))
    x = r.conv(entry, out=int(r.rng.integers(2, 9)), three=True, stride=int(r.pick(1, 2)))
    for _ in range(int(r.rng.integers(1, 4))):
        height, width = r.b.shape(x)[1:3]
        if min(height, width) >= 3:
            x = r.conv(x, depthwise=True, three=True, stride=int(r.pick(1, 1, 2, 3)))
        x = r.conv(x, out=int(r.rng.integers(1, 40)), pointwise=True)
    return r.b.finish([entry], [x])


@pytest.mark.parametrize("streamed", [False, True])
def test_random_models_give_tflms_bytes_under_the_sanitizers(streamed: bool, tmp_path: Path) -> None:
    drawn = [with_kernels(mobile(seed), seed, Mac16Depthwise, Mac16Pointwise) for seed in range(80)]
    cases = [case for case in drawn if case]
    kernels = [(op, op.kernel) for _, _, graph in cases for op in graph.ops if isinstance(op, Convolution)]
    depthwise = [op for op, kernel in kernels if isinstance(kernel, Mac16Depthwise)]
    assert sum(op.stride == (1, 1) for op in depthwise) >= 40
    assert sum(op.stride != (1, 1) for op in depthwise) >= 40
    assert sum(op.groups < op.result[2] for op in depthwise) >= 20  # several filters a channel
    assert sum(isinstance(kernel, Mac16Pointwise) for _, kernel in kernels) >= 40
    assert differing(cases, tmp_path, streamed) == []
