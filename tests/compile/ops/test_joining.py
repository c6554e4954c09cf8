"""CONCATENATION and PACK beside TFLM: along every axis, of activations, their parts and constants; in place."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile import compile_model
from edgekit.compile.ops.joining import Join
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing.exactness import cases, differing_in_any_mode
from edgekit.testing.random_joins import JOINS, drawn_join
from edgekit.testing.random_models import network_of
from edgekit.testing.random_operators import Random


@pytest.mark.parametrize("code", JOINS)
def test_networks_of_them_give_the_bytes_of_tflm(code: str, tmp_path: Path) -> None:
    models = cases(lambda seed: network_of(seed, lambda r, x: drawn_join(r, x, code)), range(20))
    seen: Counter[str] = Counter()
    for case in models:
        compiled = compile_model(case.content)
        for op in compiled.graph.ops:
            if isinstance(op, Join):
                seen["interleaved" if op.turns > 1 else "side by side"] += 1
                seen["constant"] += len(op.inputs) < len(op.parts)
                seen["one twice"] += len({tensor.index for tensor in op.inputs}) < len(op.inputs)
                output = compiled.plan.places[op.output.index]
                seen["in place"] += output.region == "arena" and output in [
                    compiled.plan.places[x.index] for x in op.inputs
                ]
    assert len(models) > 16
    assert all(seen[name] > 1 for name in ("interleaved", "side by side", "constant", "one twice", "in place")), seen
    assert differing_in_any_mode(models, tmp_path) == []


def image(r: Random, height: int = 8, scale: float = 0.1) -> int:
    return r.activation((1, height, 8, 4), scale, 0)


def tables(r: Random, x: int, count: int) -> list[int]:
    """So many images, each made of x by an operator of its own."""
    made = []
    for _ in range(count):
        made.append(r.activation(r.b.shape(x), 0.1, 0))
        r.b.op("QUANTIZE", [x], made[-1])
    return made


def test_what_is_joined_row_upon_row_is_made_in_its_place() -> None:
    r = Random(0)
    x, y = image(r), image(r, 24)
    r.b.op("CONCATENATION", tables(r, x, 3), y, schema.ConcatenationOptionsT(1))
    compiled = compile_model(r.b.finish([x], [r.dense(y, 2)]))
    assert compiled.plan.arena_bytes == 24 * 8 * 4
    assert "concatenation" not in compiled.files["model.c"]


def test_what_is_joined_column_by_column_overlaps_its_operands() -> None:
    r = Random(0)
    x, y = image(r), r.activation((1, 8, 16, 4), 0.1, 0)
    r.b.op("CONCATENATION", tables(r, x, 2), y, schema.ConcatenationOptionsT(2))
    compiled = compile_model(r.b.finish([x], [r.dense(y, 2)]))
    assert compiled.plan.arena_bytes == 3 * 8 * 8 * 4  # not four times, though one is as large as both operands


def test_a_part_in_one_piece_is_no_copy() -> None:
    r = Random(0)
    x, y = image(r), image(r, 3)
    begins, sizes = (r.b.tensor([4], "INT32", np.array(v, np.int32)) for v in ([0, 2, 0, 0], [1, 3, 8, 4]))
    r.b.op("SLICE", [x, begins, sizes], y)
    compiled = compile_model(r.b.finish([x], [r.add(y)]))
    assert compiled.plan.arena_bytes == 0
    assert "slice" not in compiled.files["model.c"]
    assert "input + 64" in compiled.files["model.c"]


@pytest.mark.parametrize("swapped", [False, True])
def test_a_product_with_a_part_of_itself_is_not_written_over_that_part(swapped: bool, tmp_path: Path) -> None:
    def network(seed: int) -> bytes:
        r = Random(seed)
        x, part = image(r), r.activation((1, 1, 1, 4), 0.1, 0)
        computed = r.add(x)
        begins, sizes = (r.b.tensor([4], "INT32", np.array(v, np.int32)) for v in ([0, 0, 0, 0], [1, 1, 1, 4]))
        r.b.op("SLICE", [computed, begins, sizes], part)
        y = r.activation((1, 8, 8, 4), 0.1, 0)
        r.b.op("MUL", [part, computed] if swapped else [computed, part], y, schema.MulOptionsT(0))
        return r.b.finish([x], [r.mean(y)])

    assert differing_in_any_mode(cases(network, range(3)), tmp_path) == []


@pytest.mark.parametrize(
    ("code", "heights", "options", "message"),
    [
        ("CONCATENATION", [3, 4], schema.ConcatenationOptionsT(1), r"the output has shape \[1, 8, 8, 4\] instead of"),
        ("CONCATENATION", [4, 4], schema.ConcatenationOptionsT(2), r"input 0 is \[1, 4, 8, 4\], which is no part of"),
        ("CONCATENATION", [4, 4], schema.ConcatenationOptionsT(4), "axis 4 is not one of the 4"),
        ("CONCATENATION", [4, 4], schema.ConcatenationOptionsT(1, 1), "the fused activation RELU is not supported"),
        ("CONCATENATION", [1] * 11, schema.ConcatenationOptionsT(1), "it has 11 operands; TFLM takes up to 10"),
        ("PACK", [4, 4], schema.PackOptionsT(3, 1), "it has 2 operands and says 3"),
        ("PACK", [4, 4], schema.PackOptionsT(2, 1), "the output has shape"),
    ],
)
def test_operands_that_do_not_fit_are_refused(code: str, heights: list[int], options: object, message: str) -> None:
    r = Random(0)
    xs, y = [image(r, height) for height in heights], image(r)
    r.b.op(code, xs, y, options)
    with pytest.raises(EdgekitError, match=message):
        read_graph(r.b.finish(xs, [y]))


def test_another_scale_is_refused_as_tflm_refuses_it() -> None:
    r = Random(0)
    xs, y = [image(r, 4), image(r, 4, 0.2)], image(r)
    r.b.op("CONCATENATION", xs, y, schema.ConcatenationOptionsT(1))
    with pytest.raises(EdgekitError, match="input 1 and the output differ in scale or zero point"):
        read_graph(r.b.finish(xs, [y]))


def test_constants_alone_are_refused() -> None:
    r = Random(0)
    x, y = image(r), image(r)
    half = r.b.tensor((1, 4, 8, 4), data=np.zeros((1, 4, 8, 4), np.int8), scales=[0.1], zero_points=[0])
    r.b.op("CONCATENATION", [half, half], y, schema.ConcatenationOptionsT(1))
    with pytest.raises(EdgekitError, match="none of its operands is computed"):
        read_graph(r.b.finish([x], [y]))
