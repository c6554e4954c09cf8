"""Every kernel for convolutions gives TFLM's bytes, wherever it can be used at all."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.convolutions import kernel_of
from edgekit.compile.convolutions.by_channel import ByChannel
from edgekit.compile.convolutions.depthwise import Depthwise
from edgekit.compile.convolutions.one_channel import OneChannel
from edgekit.compile.convolutions.packed import Packed
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.convolutions.winograd import Winograd
from edgekit.compile.emit import emit
from edgekit.compile.ir import Op
from edgekit.compile.passes.fuse_pool import fuse_pool
from edgekit.compile.plan import Plan, plan
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing import exactness
from edgekit.testing.exactness import Case
from edgekit.testing.random_models import network_of_threes
from edgekit.testing.random_operators import Random


def kind(op: object) -> str:
    if not isinstance(op, Convolution):
        return type(op).__name__
    kernel = kernel_of(op)
    tile = f" {kernel.tile}{' in the run' * kernel.in_run}" if isinstance(kernel, Winograd) else ""
    return f"{type(kernel).__name__}{tile}{' pooled' if op.pool != (1, 1) else ''}"


SMALL, FAST = CompileOptions(optimize="size"), CompileOptions(optimize="speed")


def variants(op: Convolution) -> list[list[Op]]:
    """The convolution with each of its kernels besides the direct one, by their kind."""
    kinds = [
        dict.fromkeys(one for options in (SMALL, FAST) for one in kind.candidates(op, options))
        for kind in (Winograd, OneChannel, Packed, Depthwise)
    ]
    return [[replace(op, kernel=one) for one in some] for some in kinds if some]


def with_random_kernels(draw: Callable[[int], bytes], seeds: range, least: int = 1) -> list[Case]:
    """Models whose every convolution has a kernel drawn by lot among those that it has besides the direct one.

    Those where fewer than `least` convolutions have such a kernel are left out.
    """
    found = []
    for seed in seeds:
        content = draw(seed)
        try:
            graph = fuse_pool(read_graph(content))
        except EdgekitError:  # TFLM's arithmetic would overflow
            continue
        rng = np.random.default_rng(seed)
        ops = [variants(op) if isinstance(op, Convolution) else [] for op in graph.ops]
        if sum(map(bool, ops)) >= least:
            chosen = []
            for op, kinds in zip(graph.ops, ops, strict=True):
                some = kinds[rng.integers(len(kinds))] if kinds else [op]
                chosen.append(some[rng.integers(len(some))])
            found.append(Case(seed, content, replace(graph, ops=tuple(chosen))))
    return found


def differing(cases: list[Case], folder: Path, plans: Sequence[Plan] = ()) -> list[int]:
    """Seeds of the models whose outputs are not TFLM's; they are planned as usual where no plans are given."""
    plans = plans or [plan(graph) for _, _, graph in cases]
    files = [
        emit(graph, plan_, CompileOptions(name=f"m{i}")).files
        for i, ((_, _, graph), plan_) in enumerate(zip(cases, plans, strict=True))
    ]
    return exactness.differing(cases, files, folder)


def test_every_kernel_gives_tflms_bytes_under_the_sanitizers(tmp_path: Path) -> None:
    cases = with_random_kernels(network_of_threes, range(110))
    seen = Counter(kind(op) for _, _, graph in cases for op in graph.ops)
    for name in (
        "Winograd 4",
        "Winograd 4 pooled",
        "Winograd 4 in the run",
        "Winograd 4 in the run pooled",
        "Winograd 2",
        "Winograd 2 pooled",
        "OneChannel",
        "OneChannel pooled",
        "Packed",
        "Packed pooled",
    ):
        assert seen[name] >= 3, seen
    assert seen["Add"] >= 4
    assert differing(cases, tmp_path) == []


def test_a_step_over_channels_that_fours_do_not_divide_reads_nothing_behind_the_arena(tmp_path: Path) -> None:
    def draw(seed: int) -> bytes:
        r = Random(seed)
        entry = r.activation((1, 6, 10, 5))
        return r.b.finish([entry], [r.conv(r.conv(entry, out=5, three=True), out=16, three=True)])

    def single_step(op: object) -> bool:  # without padding: SAME to 6x10, then VALID
        return kind(op).startswith("Winograd 4") and (op.image, op.result[:2]) == ((6, 10, 5), (4, 8))  # type: ignore[attr-defined]

    cases = [case for case in with_random_kernels(draw, range(200)) if single_step(case[2].ops[1])]
    assert len(cases) >= 2
    assert differing(cases, tmp_path) == []


def test_a_list_longer_than_its_count_can_say_is_not_used() -> None:
    def fits(channels: int) -> bool:
        return ByChannel(coding=None).fits(one_convolution(np.ones((1, 3, 3, channels), np.int8)))

    assert fits(3640)  # 9 * 3640 = 32,760
    assert not fits(3641)  # 32,769 is beyond int16


def one_convolution(weights: np.ndarray) -> Convolution:
    """A 3x3 convolution of an 8x8 image with the given weights [O, 3, 3, I]."""
    r = Random(3)
    b = r.b
    x = r.activation((1, 8, 8, weights.shape[3]), 0.05, 3)
    w = b.tensor(weights.shape, data=weights, scales=[0.01], zero_points=[0])
    y = r.activation((1, 8, 8, len(weights)), 30.0, 0)
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.SAME
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    b.op("CONV_2D", [x, w], y, options)
    (op,) = read_graph(b.finish([x], [y])).ops
    assert isinstance(op, Convolution)
    return op


@pytest.mark.parametrize(("channels", "tiles"), [(114, [2, 4, 4]), (115, [2])])
def test_a_filter_whose_sums_could_leave_its_bits_is_not_used(channels: int, tiles: list[int]) -> None:
    # 9 * channels * 128 * 255 passes 2^25, the limit of the larger tile, between these two
    op = one_convolution(np.full((4, 3, 3, channels), -128, np.int8))
    assert [kernel.tile for kernel in Winograd.candidates(op, FAST)] == tiles


def test_speed_and_size_select_different_kernels_for_the_same_convolution() -> None:
    r = Random(1)
    entry = r.activation((1, 48, 48, 16), 0.05, -128)
    content = r.b.finish([entry], [r.conv(entry, out=16, three=True)])
    small, fast = (
        compile_model(content, CompileOptions(optimize=what, compress="never"))  # type: ignore[arg-type]
        for what in ("size", "speed")
    )
    assert kind(small.graph.ops[0]) == "Packed"
    assert kind(fast.graph.ops[0]).startswith("Winograd 4")
