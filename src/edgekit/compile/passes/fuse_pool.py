"""Graph -> graph: a max-pool behind a convolution becomes part of it, so that the full-size output never exists.

Exact, because requantisation and clamp never decrease: the maximum of the sums gives the maximum of the outputs.
"""

from dataclasses import replace

from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.ir import Graph, Op
from edgekit.compile.ops.max_pool_2d import MaxPool

_MOST_POSITIONS = 16  # of a window; its positions are written out in the C


def fuse_pool(graph: Graph) -> Graph:
    """Joins every max-pool with the dense convolution before it, where its windows neither overlap nor are cut off."""
    readers = [tensor.index for op in graph.ops for tensor in op.inputs] + [tensor.index for tensor in graph.outputs]
    ops: list[Op] = []
    for op in graph.ops:
        made_by = next((i for i, other in enumerate(ops) if other.output == op.input), None)
        before = None if made_by is None else ops[made_by]
        if (
            made_by is not None
            and isinstance(op, MaxPool)
            and isinstance(before, Convolution)
            and readers.count(op.input.index) == 1
            and _fits(before, op)
        ):
            ops[made_by] = _joined(before, op)
        else:
            ops.append(op)
    return replace(graph, ops=tuple(ops))


def _fits(convolution: Convolution, pool: MaxPool) -> bool:
    cut_off = any(
        pad or count * window > size
        for pad, count, window, size in zip(pool.pad, pool.result, pool.window, pool.image, strict=False)
    )
    unpooled_dense = convolution.groups == 1 and convolution.pool == (1, 1)
    tiles = pool.window == pool.stride and not cut_off
    return unpooled_dense and tiles and pool.window[0] * pool.window[1] <= _MOST_POSITIONS


def _joined(convolution: Convolution, pool: MaxPool) -> Convolution:
    inner = convolution.requantization
    clamp = replace(inner, low=min(max(inner.low, pool.low), pool.high), high=min(max(inner.high, pool.low), pool.high))
    return replace(
        convolution,
        origins=convolution.origins + pool.origins,
        output=pool.output,
        pool=pool.window,
        requantization=clamp,
    )
