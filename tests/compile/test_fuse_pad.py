"""PAD into the convolution behind it: exact for every padding, and no padded image in memory."""

from pathlib import Path

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile import compile_model
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.ops.max_pool_2d import MaxPool
from edgekit.compile.ops.pad import Pad
from edgekit.runtimes.tflm import arena_bytes_apart
from edgekit.testing import exactness
from edgekit.testing.networks import fomo
from edgekit.testing.random_operators import Random


def padded(r: Random, x: int, *amounts: int, value: int | None = None) -> int:
    """Rows above and below, columns left and right; of the zero point, or of another value."""
    top, bottom, left, right = amounts
    table = np.array([[0, 0], [top, bottom], [left, right], [0, 0]], np.int32)
    y = r.activation((np.array(r.b.shape(x)) + table.sum(1)).tolist(), *r.b.quantization(x))
    inputs = [x, r.b.tensor((4, 2), "INT32", table)]
    if value is None:
        r.b.op("PAD", inputs, y, schema.PadOptionsT())
    else:
        scale, zero_point = r.b.quantization(x)
        constant = r.b.tensor((1,), data=np.array([value], np.int8), scales=[scale], zero_points=[zero_point])
        r.b.op("PADV2", [*inputs, constant], y, schema.PadV2OptionsT())
    return y


def network(seed: int) -> bytes:
    """Pads of up to three on every side before convolutions of every kind, in turn, read twice, and at the ends."""
    r = Random(seed)
    entry = x = r.activation((1, *(int(n) for n in r.rng.integers(2, 12, 2)), int(r.pick(1, 2, 3, 4, 8))))
    if r.rng.random() < 0.5:
        x = r.conv(x)
    for _ in range(int(r.pick(1, 2, 3))):
        pads = r.pick((1, 1, 1, 1), (0, 1, 0, 1), tuple(int(n) for n in r.rng.integers(0, 4, 4)))
        wide = padded(r, x, *pads)
        x = r.conv(wide, depthwise=r.rng.random() < 0.4, three=r.rng.random() < 0.4)
        if r.rng.random() < 0.2 and min(r.b.shape(x)[1:3]) > 1:
            x = r.halved(x)
        if r.rng.random() < 0.15:
            x = r.conv(padded(r, wide, 1, 1, 1, 1))  # the first pad is read twice, or a pad pads a pad
    return r.b.finish([entry], [x if r.rng.random() < 0.8 else r.dense(x, 3)])


def test_pads_before_convolutions_give_the_bytes_of_tflm(tmp_path: Path) -> None:
    models = exactness.cases(network, range(70))
    before = sum(isinstance(op, Pad) for case in models for op in case.graph.ops)
    after = [op for case in models for op in compile_model(case.content).graph.ops]
    joined = sum(len(op.origins) > 1 and op.origins[0].code == "PAD" for op in after)
    left = sum(isinstance(op, Pad) for op in after)
    assert joined > 0.5 * before
    assert left > 5  # those that are too wide for a window, or read by others
    assert {op.pad[0] for op in after if isinstance(op, Convolution)} >= {0, 1, 2, 3}
    assert exactness.differing_in_any_mode(models, tmp_path) == []


def network_of_pools(seed: int) -> bytes:
    """Max-pools behind pads of any value: of the caller's image, of a convolution whose values end at zero, or not."""
    r = Random(seed)
    entry = x = r.activation((1, *(int(n) for n in r.rng.integers(3, 12, 2)), int(r.pick(1, 2, 4))))
    for _ in range(2):
        x = r.conv(x) if r.rng.random() < 0.7 else x
        value = r.pick(None, None, -128, -128, int(r.rng.integers(-128, 128)))
        amounts = r.pick((1, 1, 1, 1), (0, 1, 0, 1), tuple(int(n) for n in r.rng.integers(0, 3, 4)))
        x = r.pool(padded(r, x, *amounts, value=value), "MAX_POOL_2D")
    return r.b.finish([entry], [x])


def test_pads_before_max_pools_give_the_bytes_of_tflm(tmp_path: Path) -> None:
    models = exactness.cases(network_of_pools, range(60))
    after = [op for case in models for op in compile_model(case.content).graph.ops]
    joined = [op for op in after if isinstance(op, MaxPool) and len(op.origins) > 1]
    assert {op.origins[0].code for op in joined} == {"PAD", "PADV2"}
    assert len(joined) > 15
    assert sum(isinstance(op, Pad) for op in after) > 15  # above values of the image, or wider than the window
    assert exactness.differing_in_any_mode(models, tmp_path) == []


@pytest.mark.parametrize("what", ["another value", "channels", "a result that is read", "wider than the window"])
def test_a_pad_that_a_convolution_cannot_do_stays(what: str) -> None:
    r = Random(2)
    x = r.activation((1, 6, 6, 2), 0.1, 5)
    y = padded(r, x, *((3, 3, 3, 3) if what == "wider than the window" else (1, 1, 1, 1)))
    if what == "another value":  # the output's zero point, which pads, is not the input's
        r.b.tensors[y].quantization.zeroPoint = [7]
    elif what == "channels":
        table = r.b.buffers[r.b.tensors[r.b.ops[0].inputs[1]].buffer]
        table.data = np.array([[0, 0], [1, 1], [1, 1], [0, 1]], np.int32).view(np.uint8).ravel()
        r.b.tensors[y].shape = [1, 8, 8, 3]
    exits = [r.conv(y, three=True), *([y] if what == "a result that is read" else [])]
    graph = compile_model(r.b.finish([x], exits)).graph
    assert any(isinstance(op, Pad) for op in graph.ops)


def test_inverted_residuals_with_explicit_pads_take_little_of_tflms_memory() -> None:
    content = fomo()
    compiled, arena = compile_model(content), arena_bytes_apart(content)
    assert not any(isinstance(op, Pad) for op in compiled.graph.ops)
    assert arena is not None
    assert compiled.program.ram_bytes < 0.6 * arena
