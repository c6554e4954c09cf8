"""Element-wise operators of two operands beside TFLM: operands of one shape and of two, themselves, constants."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from edgekit.compile import compile_model
from edgekit.compile.ops.add import Add
from edgekit.compile.ops.broadcast import Binary
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing.exactness import Case, cases, differing_in_any_mode
from edgekit.testing.random_models import network_around
from edgekit.testing.random_operators import Random
from edgekit.testing.random_pairs import PAIRS, drawn_pair


@pytest.fixture(scope="module", params=PAIRS)
def models(request: pytest.FixtureRequest) -> list[Case]:
    return cases(lambda seed: network_around(seed, lambda r, x: drawn_pair(r, x, request.param)), range(44, 62))


def test_networks_around_them_give_the_bytes_of_tflm(models: list[Case], tmp_path: Path) -> None:
    assert len(models) > 13
    assert differing_in_any_mode(models, tmp_path) == []


def test_the_networks_reach_their_corners(models: list[Case]) -> None:
    seen: Counter[str] = Counter()
    for _, content, graph in models:
        for op in graph.ops:
            if isinstance(op, Binary) and op.origins[0].code != "ADD":
                first, second, total = op.operands.shapes
                seen["constant"] += len(op.inputs) == 1
                seen["itself"] += len({tensor.index for tensor in op.inputs}) < len(op.inputs)
                seen["broadcast"] += first != second
                seen["both broadcast"] += total not in (first, second) or op.origins[0].code == "PRELU"
        compiled = compile_model(content)
        streamed = compiled.plan.stream.count if compiled.plan.stream else 0
        seen["streamed"] += any(isinstance(op, Binary) and type(op) is not Add for op in compiled.graph.ops[:streamed])
    assert not {name for name, count in seen.items() if not count}


@pytest.mark.parametrize("code", PAIRS)
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 1, 2), r"it cannot \w+ shapes \[1, 4, 4, 2\] and \[1, 3, 1, 2\]"),
        ((1, 1, 1, 4, 2), r"it cannot \w+ shapes"),
        ((), r"it does not \w+ two things of which one is computed"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(code: str, shape: tuple[int, ...], message: str) -> None:
    r = Random(0)
    x, y = r.activation((1, 4, 4, 2), 0.1, 0), r.activation((1, 4, 4, 2), 0.1, 0)
    constant = r.b.tensor(shape, data=np.ones(shape, np.int8), scales=[0.1], zero_points=[0])
    r.b.op(code, [x, constant] if shape else [constant, constant], y)
    with pytest.raises(EdgekitError, match=message):
        read_graph(r.b.finish([x], [y]))


@pytest.mark.parametrize(
    ("code", "y_scale", "message"),
    [
        ("MUL", 1e-7, "does not fit into 32 bits"),
        ("SUB", 1e-9, "its scales are too far apart"),
        ("PRELU", 1e-9, "does not fit into 32 bits"),
    ],
)
def test_scales_that_leave_tflm_s_arithmetic_are_refused(code: str, y_scale: float, message: str) -> None:
    r = Random(0)
    x, y = r.activation((1, 4, 4, 2), 0.1, 0), r.activation((1, 4, 4, 2), y_scale, 0)
    constant = r.b.tensor((1,), data=np.ones(1, np.int8), scales=[0.1], zero_points=[0])
    r.b.op(code, [x, constant], y)
    with pytest.raises(EdgekitError, match=message):
        read_graph(r.b.finish([x], [y]))


def test_an_alpha_wider_than_its_activation_is_refused() -> None:
    r = Random(0)
    x, y = r.activation((1, 1, 1, 2), 0.1, 0), r.activation((1, 4, 4, 2), 0.1, 0)
    alpha = r.b.tensor((4, 4, 2), data=np.ones((4, 4, 2), np.int8), scales=[0.1], zero_points=[0])
    r.b.op("PRELU", [x, alpha], y)
    with pytest.raises(EdgekitError, match=r"its alpha \[1, 4, 4, 2\] does not broadcast to \[1, 1, 1, 2\]"):
        read_graph(r.b.finish([x], [y]))
