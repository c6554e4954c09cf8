"""SOFTMAX to INT16 beside TFLM; to int8 the random models draw it."""

from pathlib import Path

import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing.exactness import cases, differing_in_any_mode
from edgekit.testing.random_operators import Random


def wide(seed: int, scale: float = 1 / 65536, zero_point: int = -32768) -> bytes:
    r = Random(seed)
    x = r.activation((int(r.pick(1, 3)), int(r.rng.integers(1, 30))))
    y = r.b.tensor(r.b.shape(x), "INT16", scales=[scale], zero_points=[zero_point])
    r.b.op("SOFTMAX", [r.add(x) if seed % 2 else x], y, schema.SoftmaxOptionsT(float(r.pick(1.0, 0.5, 3.0))))
    return r.b.finish([x], [y])


def test_sixteen_bits_are_those_of_tflm(tmp_path: Path) -> None:
    models = cases(wide, range(20))
    assert len(models) > 15
    assert differing_in_any_mode(models, tmp_path) == []


def test_a_scale_that_tflm_refuses_is_refused() -> None:
    assert read_graph(wide(0, 1.0005 / 65536))  # TFLM allows a thousandth
    for scale, zero_point in ((1.002 / 65536, -32768), (1 / 65536, 0)):
        with pytest.raises(EdgekitError, match="its output must have scale 1/65536 and zero point -32768"):
            read_graph(wide(0, scale, zero_point))
