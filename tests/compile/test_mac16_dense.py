"""Fully connected layers of --target esp32 in their portable fallback: TFLM's bytes."""

from pathlib import Path

from chosen_kernels import differing, with_kernels

from edgekit.compile.convolutions.mac16_dense import Mac16Dense
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.convolutions.staircase import is_shared
from edgekit.testing.random_operators import Random


def layers(seed: int) -> bytes:
    """Two to four fully connected layers of 1 to 150 outputs, and for some seeds a pointwise one of one position."""
    r = Random(seed)
    entry = x = r.activation((1, int(r.rng.integers(1, 150))))
    if seed % 3 == 0:
        entry = r.activation((1, 1, 1, int(r.rng.integers(1, 90))))
        x = r.reshape(r.conv(entry, out=int(r.rng.integers(1, 90)), pointwise=True))
    for _ in range(int(r.rng.integers(2, 5))):
        x = r.dense(x, out=int(r.rng.integers(1, 150)))
    return r.b.finish([entry], [x])


def test_random_layers_give_tflms_bytes_under_the_sanitizers(tmp_path: Path) -> None:
    drawn = [with_kernels(layers(seed), seed, Mac16Dense) for seed in range(90)]
    cases = [case for case in drawn if case]
    used = [op for _, _, graph in cases for op in graph.ops if isinstance(op, Convolution) and op.kernel]
    assert sum(is_shared(op) for op in used) >= 60
    assert sum(not is_shared(op) for op in used) >= 10
    assert sum(op.result[2] > 128 for op in used) >= 10  # more than two blocks of sums
    assert differing(cases, tmp_path) == []
