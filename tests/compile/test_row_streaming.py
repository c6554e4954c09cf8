"""Streamed operators: the bytes of TFLM, in a few rows of memory."""

from collections import Counter
from pathlib import Path

import numpy as np
from test_kernel_selection import differing, kind, with_random_kernels

from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.ops import row_schedule
from edgekit.compile.passes.fuse_pool import fuse_pool
from edgekit.compile.plan import Plan, laid_out, plan
from edgekit.compile.reader import read_graph
from edgekit.compile.row_streaming import streams
from edgekit.errors import EdgekitError
from edgekit.testing.exactness import Case
from edgekit.testing.random_models import network_of_rows
from edgekit.testing.random_operators import Random


def cases() -> list[Case]:
    """Networks that can stream, some with every convolution direct, some with other kernels."""
    found = with_random_kernels(network_of_rows, range(40), least=0)
    for seed in range(60, 90):
        try:
            content = network_of_rows(seed)
            found.append(Case(seed, content, fuse_pool(read_graph(content))))
        except EdgekitError:  # TFLM's arithmetic would overflow
            continue
    return found


def drawn_plan(case: Case) -> Plan:
    """With one of the streams that are possible, not only with one that saves memory."""
    seed, _, graph = case
    possible = list(streams(graph, row_schedule))
    stream = possible[np.random.default_rng(seed).integers(len(possible))] if possible else None
    return laid_out(graph, stream)


def test_whatever_streams_gives_tflms_bytes_under_the_sanitizers(tmp_path: Path) -> None:
    some = cases()
    plans = [drawn_plan(case) for case in some]
    seen = Counter[str]()
    for (_, _, graph), plan_ in zip(some, plans, strict=True):
        count = plan_.stream.count if plan_.stream else 0
        seen["streams"] += count > 0
        seen["deep"] += count > 3
        seen["whole network"] += count == len(graph.ops)
        for i, op in enumerate(graph.ops[:count]):
            seen[kind(op)] += 1
            if plan_.stream and i and isinstance(op, Convolution):
                seen["copied" if plan_.stream.copies(i, op) else "read where it lies"] += 1
                seen["rows skipped"] += op.stride[0] > op.reach[0]
            seen["depthwise"] += getattr(op, "groups", 1) > 1
            seen["strided"] += getattr(op, "stride", (1, 1))[0] > 1
    wanted = "streams, deep, whole network, Add, Direct, Direct pooled, Winograd 2, Winograd 4, depthwise, strided"
    wanted += ", copied, read where it lies, MaxPool, AveragePool"
    assert seen["rows skipped"]
    assert all(seen[what] >= 5 for what in wanted.split(", ")), seen
    assert differing(some, tmp_path, plans) == []


def test_the_planner_streams_only_where_that_lowers_the_peak() -> None:
    better = 0
    for seed in range(60):
        try:
            graph = fuse_pool(read_graph(network_of_rows(seed)))
        except EdgekitError:
            continue
        chosen, whole = plan(graph), laid_out(graph, None)
        assert chosen.arena_bytes < whole.arena_bytes if chosen.stream else chosen == whole
        better += chosen.stream is not None
    assert better > 15


def test_a_streamed_convolution_copies_only_what_the_caller_gives() -> None:
    r = Random(1)
    x = entry = r.activation((1, 24, 24, 3), 0.05, -128)
    for _ in range(3):
        x = r.conv(x, out=8, three=True)
    compiled = compile_model(r.b.finish([entry], [r.dense(r.halved(x), 2)]))
    assert compiled.plan.stream is not None
    assert compiled.plan.stream.count > 2
    calls = compiled.files["model.c"].count("gather_rows(scratch") + compiled.files["model.c"].count(
        "gather_rows(arena"
    )
    assert calls == 1


def test_a_network_that_shrinks_slowly_lives_in_a_few_rows() -> None:
    r = Random(2)
    x = entry = r.activation((1, 64, 64, 1), 0.05, -128)
    for halved in (False, False, True, False, True):
        x = r.conv(x, out=8, three=True)
        x = r.halved(x) if halved else x
    content = r.b.finish([entry], [r.dense(x, 2)])
    whole = 64 * 64 * 8  # the second convolution's input, which its output may overwrite
    for optimize, share in (("size", 1 / 3), ("speed", 0.8)):
        plan_ = compile_model(content, CompileOptions(optimize=optimize)).plan  # type: ignore[arg-type]
        assert plan_.stream is not None
        assert plan_.arena_bytes < share * whole
