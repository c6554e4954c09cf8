"""ADD where its operands have different shapes: the smaller one is read again and again."""

from pathlib import Path

import pytest

from edgekit.testing.exactness import cases, differing_in_any_mode
from edgekit.testing.random_operators import Random


@pytest.mark.parametrize("maker", ["conv", "mean", "add", "dense"])
@pytest.mark.parametrize("behind", ["nothing", "conv", "mean", "add", "dense"])
def test_an_addend_that_is_broadcast_is_never_overwritten_while_it_is_read(
    maker: str, behind: str, tmp_path: Path
) -> None:
    # The image dies before the sum is written, or is the model's input: then the arena has room where the addend lies.
    def network(seed: int) -> bytes:
        r = Random(seed)
        channels = int(r.pick(2, 3, 8))
        x = r.activation((1, int(r.pick(2, 5)), int(r.pick(3, 4)), channels))
        row = r.mean(x, keep=True)
        small = {
            "conv": lambda: r.conv(row, out=channels, three=True),
            "mean": lambda: row,
            "add": lambda: r.add(row),
            "dense": lambda: r.dense(r.reshape(row, (1, channels)), channels),
        }[maker]()
        y = r.add(x, small)
        end = {
            "nothing": lambda: y,
            "conv": lambda: r.conv(y),
            "mean": lambda: r.mean(y),
            "add": lambda: r.add(y),
            "dense": lambda: r.dense(y),
        }[behind]()
        return r.b.finish([x], [end])

    assert differing_in_any_mode(cases(network, range(4)), tmp_path) == []
