"""QUANTIZE between whole numbers of any width: at the model's ends and between its layers."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing import exactness, native_c
from edgekit.testing.random_operators import Random

WIDTHS = {  # from what to what, as TFLM's kernel has it
    ("UINT8", "INT8"), ("INT16", "INT8"), ("INT32", "INT8"), ("INT8", "INT8"), ("INT8", "UINT8"), ("INT8", "INT16"),
    ("INT8", "INT32"), ("INT16", "INT16"), ("INT16", "INT32"), ("INT32", "INT16"),
}  # fmt: skip


def of_type(r: Random, shape: tuple[int, ...], kind: str) -> int:
    """Symmetric where it is wide, as converters write it."""
    zero_point = int(r.rng.integers(0, 256)) if kind == "UINT8" else r.zero_point() if kind == "INT8" else 0
    low = {"INT32": 1e-8, "INT16": 1e-5}.get(kind, 0.002)
    return r.b.tensor(shape, kind, scales=[r.scale(low, 100 * low)], zero_points=[zero_point])


def quantized(r: Random, x: int, kind: str) -> int:
    y = of_type(r, r.b.shape(x), kind)
    r.b.op("QUANTIZE", [x], y)
    return y


def network(seed: int) -> bytes:
    """Int8 layers between ends of any width; now and then a step by a wider number between them."""
    r = Random(seed)
    entry = x = of_type(
        r, (1, *(int(n) for n in r.rng.integers(1, 7, 2)), 3), r.pick("UINT8", "INT16", "INT32", "INT8")
    )
    x = quantized(r, x, "INT8")
    x = r.conv(x) if seed % 2 else r.reshape(x)
    if seed % 3 == 0:
        x = quantized(r, quantized(r, x, "INT16"), "INT8")
    exits = [quantized(r, x, r.pick("UINT8", "INT16", "INT32", "INT8"))]
    if seed % 5 == 0:
        exits.append(quantized(r, x, "UINT8"))
    return r.b.finish([entry], exits)


def test_ends_of_any_width_give_the_bytes_of_tflm(tmp_path: Path) -> None:
    models = exactness.cases(network, range(36))
    for end in ("inputs", "outputs"):
        assert {tensor.type for case in models for tensor in getattr(case.graph, end)} == {
            "INT8", "UINT8", "INT16", "INT32",
        }  # fmt: skip
    assert exactness.differing_in_any_mode(models, tmp_path) == []


def end_to_end(x_kind: str, y_kind: str, scale: float) -> tuple[bytes, NDArray[np.int8]]:
    """A model of nothing else, and an input of every value; of INT32 of many."""
    r = Random(7)
    limits = np.iinfo(x_kind.lower())
    values = np.arange(-70_000, 70_000, 7) if x_kind == "INT32" else np.arange(limits.min, limits.max + 1)
    values[:2] = limits.min, limits.max
    points = [-3 if kind == "INT8" else 9 if kind == "UINT8" else 0 for kind in (x_kind, y_kind)]
    x = r.b.tensor((1, len(values)), x_kind, scales=[scale / (500 if x_kind == "INT32" else 1)], zero_points=points[:1])
    y = r.b.tensor((1, len(values)), y_kind, scales=[1.0], zero_points=points[1:])
    r.b.op("QUANTIZE", [x], y)
    return r.b.finish([x], [y]), np.ascontiguousarray(values, x_kind.lower()).view(np.int8)[None]


def test_every_value_from_end_to_end_is_tflms(tmp_path: Path) -> None:
    drawn = [end_to_end(*kinds, scale) for kinds in sorted(WIDTHS) for scale in (1 / 3, 1.0, 0.7)]
    compiled = [compile_model(content, CompileOptions(f"m{i}")) for i, (content, _) in enumerate(drawn)]
    program = native_c.build([one.files for one in compiled], tmp_path)
    jobs = [(i, row) for i, (_, row) in enumerate(drawn)]
    outputs = native_c.run(program, jobs, [one.graph.output_bytes for one in compiled])
    for (content, row), mine in zip(drawn, outputs, strict=True):
        assert np.array_equal(mine, native_c.tflm(content, row))


@pytest.mark.parametrize(
    ("x_kind", "y_kind", "scale", "message"),
    [
        ("UINT8", "UINT8", 1.0, "TFLM does not quantise UINT8 to UINT8"),
        ("INT32", "INT32", 1.0, "TFLM does not quantise INT32 to INT32"),
        ("INT16", "INT32", 1e6, "does not fit into 32 bits"),
        ("INT32", "INT8", 0.9, "does not fit into 32 bits"),
    ],
)
def test_what_tflm_does_not_define_is_refused(x_kind: str, y_kind: str, scale: float, message: str) -> None:
    r = Random(0)
    x = r.b.tensor((1, 4), x_kind, scales=[scale], zero_points=[0])
    y = r.b.tensor((1, 4), y_kind, scales=[1.0], zero_points=[0])
    r.b.op("QUANTIZE", [x], y)
    with pytest.raises(EdgekitError, match=message):
        read_graph(r.b.finish([x], [y]))


def test_a_layer_that_reads_the_wide_end_itself_is_refused_by_name() -> None:
    r = Random(0)
    x = r.b.tensor((1, 4), "INT16", scales=[0.1], zero_points=[0])
    with pytest.raises(EdgekitError, match=r"The output of FULLY_CONNECTED \(operator 0\).* is INT8, not INT16"):
        read_graph(r.b.finish([x], [r.dense(x, 2)]))
