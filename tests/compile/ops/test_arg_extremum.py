"""ARG_MAX and ARG_MIN beside TFLM."""

from pathlib import Path

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing.exactness import cases, differing_in_any_mode
from edgekit.testing.random_operators import Random


def indices(seed: int) -> bytes:
    """The index of the first greatest or least of few values, so that many are equal."""
    r = Random(seed)
    shape = [int(n) for n in r.rng.integers(1, 7, int(r.pick(2, 3, 4)))]
    shape[0] = 1
    x, few = (r.activation(shape, scale, 0) for scale in (0.1, 2.0))
    r.b.op("QUANTIZE", [x], few)
    axis = int(r.rng.integers(-len(shape), len(shape)))
    y = r.b.tensor([size for i, size in enumerate(shape) if i != axis % len(shape)], "INT32")
    kind = r.pick("Max", "Min")
    options = getattr(schema, f"Arg{kind}OptionsT")(schema.TensorType.INT32)
    r.b.op(f"ARG_{kind.upper()}", [r.pick(x, few), r.b.tensor([1], "INT32", np.array([axis], np.int32))], y, options)
    return r.b.finish([x], [y])


def test_indices_are_those_of_tflm(tmp_path: Path) -> None:
    models = cases(indices, range(30))
    assert {op.origins[0].code for case in models for op in case.graph.ops} == {"ARG_MAX", "ARG_MIN", "QUANTIZE"}
    assert differing_in_any_mode(models, tmp_path) == []


@pytest.mark.parametrize(
    ("kind", "axis", "message"),
    [
        ("INT64", 1, "its output is INT64, not INT32"),
        ("INT32", 2, "axis 2 is not one of the 2"),
        ("INT32", 0, "the output has shape"),
    ],
)
def test_another_output_or_axis_is_refused(kind: str, axis: int, message: str) -> None:
    r = Random(0)
    x, y = r.activation((1, 4), 0.1, 0), r.b.tensor([1], kind)
    axes = r.b.tensor([1], "INT32", np.array([axis], np.int32))
    r.b.op("ARG_MAX", [x, axes], y, schema.ArgMaxOptionsT(schema.TensorType.INT32))
    with pytest.raises(EdgekitError, match=message):
        read_graph(r.b.finish([x], [y]))
