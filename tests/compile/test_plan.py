"""Fusing and placing: what exists, where, and for how long."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.ir import Graph, Op, Tensor
from edgekit.compile.ops import operator_of, row_schedule
from edgekit.compile.ops.pool import Pool
from edgekit.compile.passes.fuse_pool import fuse_pool
from edgekit.compile.plan import Plan, laid_out, plan
from edgekit.compile.reader import read_graph
from edgekit.compile.row_streaming import streams
from edgekit.errors import EdgekitError
from edgekit.testing.exactness import cases, differing_in_any_mode
from edgekit.testing.random_joins import drawn_join
from edgekit.testing.random_models import network_of, random_model
from edgekit.testing.random_operators import Random
from edgekit.values.program import Span


def planned(content: bytes) -> tuple[Graph, Plan]:
    graph = fuse_pool(read_graph(content))
    return graph, plan(graph)


def network(*stages: str, size: int = 12) -> bytes:
    """A model of the named stages: `conv`, `depthwise`, `max`, `max3` (3x3, stride 2), `add`."""
    r = Random(1)
    r.pick = lambda *values: values[0]  # type: ignore[method-assign]
    x = entry = r.activation((1, size, size, 4), 0.1, 0)
    for stage in stages:
        shape = r.b.shape(x)
        if stage in ("conv", "depthwise"):
            y = same_convolution(r, x, stage == "depthwise")
        elif stage == "add":
            y = r.add(x)
        else:
            window, stride = (3, 2) if stage == "max3" else (2, 2)
            rows = (shape[1] - window) // stride + 1
            y = r.activation((1, rows, rows, shape[3]), *r.b.quantization(x))
            options = schema.Pool2DOptionsT()
            options.padding = schema.Padding.VALID
            options.filterHeight = options.filterWidth = window
            options.strideH = options.strideW = stride
            r.b.op("MAX_POOL_2D", [x], y, options)
        x = y
    x = r.reshape(x)
    return r.b.finish([entry], [r.dense(x, 2)])


def same_convolution(r: Random, x: int, depthwise: bool) -> int:
    _, height, width, channels = r.b.shape(x)
    shape = (1, 3, 3, channels) if depthwise else (8, 3, 3, channels)
    out = shape[3] if depthwise else 8
    weights = r.b.tensor(shape, data=r.rng.integers(-9, 9, shape).astype(np.int8), scales=[0.01], zero_points=[0])
    y = r.activation((1, height, width, out), 0.1, -128)
    options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    if depthwise:
        options.depthMultiplier = 1
    code = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    r.b.op(code, [x, weights], y, options)
    return y


@pytest.mark.parametrize(
    ("stages", "size", "pools", "fused"),
    [
        (("conv", "max"), 12, 0, 1),
        (("conv", "max"), 13, 0, 1),  # the last row and column belong to no window
        (("conv", "max", "max"), 12, 1, 1),  # the second pool sees pooled values: it stays
        (("conv", "max3"), 12, 1, 0),  # windows overlap
        (("depthwise", "max"), 12, 1, 0),
        (("add", "max"), 12, 1, 0),
        (("conv", "max", "conv", "max"), 12, 0, 2),
    ],
)
def test_a_max_pool_joins_the_convolution_before_it_only_where_its_windows_tile(
    stages: tuple[str, ...], size: int, pools: int, fused: int
) -> None:
    graph, _ = planned(network(*stages, size=size))
    assert sum(isinstance(op, Pool) for op in graph.ops) == pools
    assert sum(isinstance(op, Convolution) and op.pool != (1, 1) for op in graph.ops) == fused


def test_a_convolution_that_is_read_beside_its_pool_keeps_its_own_output(tmp_path: Path) -> None:
    def read_twice(seed: int) -> bytes:
        r = Random(seed)
        x = r.activation((1, 6, 6, 3))
        y = r.conv(x, out=4, three=True)
        return r.b.finish([x], [r.add(r.halved(y), r.narrow(y))])

    models = cases(read_twice, range(8))
    assert not any(
        isinstance(op, Convolution) and op.pool != (1, 1) for _, _, graph in models for op in fuse_pool(graph).ops
    )
    assert differing_in_any_mode(models, tmp_path) == []


def test_the_full_size_output_of_a_pooled_convolution_never_exists() -> None:
    graph, plan_ = planned(network("conv", "max"))
    full = 12 * 12 * 8
    assert graph.ops[0].output.size == full // 4
    assert plan_.arena_bytes < full


def test_a_pooled_convolution_overwrites_its_own_input() -> None:
    graph, plan_ = planned(network("max", "conv", "max"))
    image, rows, column_sums = graph.ops[1].inputs[0].size, 4 * 8 * 4, 2 * 8 * 4
    assert laid_out(graph, None).arena_bytes == image + rows + column_sums
    assert plan_.stream is not None  # which holds a few rows of that image
    assert plan_.arena_bytes < image + rows + column_sums


def test_a_sum_takes_the_place_of_an_operand_that_is_not_read_again() -> None:
    graph, plan_ = planned(network("conv", "add", "add"))
    conv, first, second = (plan_.places[op.output.index] for op in graph.ops[:3])
    assert conv == first == second


def held_by(spans: Sequence[Span]) -> set[int]:
    return {byte for span in spans for byte in range(span.offset, span.offset + span.size)}


@pytest.mark.parametrize("draw", [random_model, lambda seed: network_of(seed, drawn_join)], ids=["any", "joins"])
def test_tensors_that_live_at_the_same_time_never_overlap(draw: Callable[[int], bytes]) -> None:
    looked_at = 0
    for seed in range(300):
        try:
            graph, plan_ = planned(draw(seed))
        except EdgekitError:
            continue
        contents = np.full(plan_.shared_bytes, -1)  # arena byte -> the number of the byte that it holds
        numbers = itertools.count()

        def new(tensor: Tensor, numbers: Iterator[int] = numbers) -> NDArray[np.int64]:
            return np.array([next(numbers) for _ in range(tensor.size)])

        value = {tensor.index: new(tensor) for tensor in graph.inputs}
        for number, tensor in enumerate(graph.inputs):
            start = plan_.ends["input", number]
            contents[start : start + tensor.size] = value[tensor.index]
        streamed = plan_.stream.count if plan_.stream else 0
        if streamed:
            rows = [span for span in plan_.spans if span.first == 0]
            assert sum(span.size for span in rows) == sum(
                len(set(range(span.offset, span.offset + span.size)) - held_by(rows[:i])) for i, span in enumerate(rows)
            ), seed
            assert np.array_equal(contents[slice_of(plan_, graph.input)], value[graph.input.index])
            for span in rows:
                contents[span.offset : span.offset + span.size] = -1
            end = graph.ops[streamed - 1].output
            value[end.index] = contents[slice_of(plan_, end)] = new(end)
        for position, op in list(enumerate(graph.ops))[streamed:]:
            for tensor in op.inputs:
                assert np.array_equal(contents[slice_of(plan_, tensor)], value[tensor.index]), (seed, op.label)
                looked_at += 1
            if position in plan_.scratch:
                start = plan_.scratch[position]
                needed = operator_of(op).scratch_bytes(op, plan_.places[op.inputs[0].index].region != "arena")
                taken = range(start, start + needed)
                assert taken.stop <= plan_.arena_bytes
                for tensor in (*op.inputs, op.output):
                    own = range(*slice_of(plan_, tensor).indices(plan_.shared_bytes))
                    assert not set(taken) & set(own), (seed, op.label)
                contents[start : start + needed] = -1
            value[op.output.index] = contents[slice_of(plan_, op.output)] = made_of(op, value, new)
        for number, tensor in enumerate(graph.outputs):
            place = plan_.places[tensor.index]
            if (place.region, place.number) == ("output", number):
                assert np.array_equal(contents[slice_of(plan_, tensor)], value[tensor.index]), seed
    assert looked_at > 200


def slice_of(plan_: Plan, tensor: Tensor) -> slice:
    """Where a tensor lies in the arena when inputs and outputs lie there, too."""
    place = plan_.places[tensor.index]
    start = place.offset + (plan_.ends[place.region, place.number] if place.is_callers else 0)
    return slice(start, start + tensor.size)


def test_a_stream_overwrites_the_callers_image_where_that_lies_in_the_arena() -> None:
    graph, _ = planned(network("conv", "max", "conv", "conv", size=24))
    stream = list(streams(graph, row_schedule))[1]
    plan_ = laid_out(graph, stream)
    made = graph.ops[stream.count - 1].output.size
    assert plan_.shared_bytes <= plan_.arena_bytes + graph.input_bytes - made // 2


def test_an_input_that_is_an_output_too_is_there_after_the_call() -> None:
    r = Random(4)
    x = r.activation((1, 6))
    y = r.dense(x, 6)
    _, plan_ = planned(r.b.finish([x], [y, x]))
    taken = [range(at, at + 6) for at in plan_.ends.values()]
    assert not any(set(a) & set(b) for a, b in itertools.combinations(taken, 2))


def made_of(
    op: Op, value: dict[int, NDArray[np.int64]], new: Callable[[Tensor], NDArray[np.int64]]
) -> NDArray[np.int64]:
    """The bytes of an operator's output: those of its inputs where they are only put together, or new ones."""
    start, offsets = operator_of(op).view_offset(op), operator_of(op).part_offsets(op)
    if start is not None:
        return value[op.input.index][start : start + op.output.size]
    made = new(op.output)
    for tensor, offset in zip(op.inputs, offsets or (), strict=False):
        made[offset : offset + tensor.size] = value[tensor.index]
    return made
