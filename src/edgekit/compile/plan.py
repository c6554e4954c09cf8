"""Where every activation lives: offsets in one arena (of what lifetimes.py finds), row streaming (row_streaming.py).

The model's input and output are the caller's and take no room. Everything in the arena is bytes, so that no alignment
is needed for correctness; those of blocks are multiples of 4 for the sake of `memcpy`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgekit.compile.codegen import round_up
from edgekit.compile.ir import Graph
from edgekit.compile.lifetimes import ALIGNMENT, Block, Place, lifetimes
from edgekit.compile.ops import operator_of, row_schedule
from edgekit.compile.row_streaming import Stream, streams
from edgekit.values.program import Span

_MOST_TRIED = 64  # blocks whose order is improved: more would take seconds


@dataclass(frozen=True, slots=True)
class Plan:
    """The arena's layout.

    Attributes:
        places: by tensor index.
        scratch: offset in the arena of each operator's scratch rows, by position in `graph.ops`.
        spans: all that the arena holds, over time.
        stream: the streamed operators, if any; a place between them is that of a few rows.
    """

    arena_bytes: int
    places: dict[int, Place]
    scratch: dict[int, int]
    spans: tuple[Span, ...]
    stream: Stream | None = None

    def live_bytes(self, step: int) -> int:
        """Arena bytes in use while an operator runs, overlaps counted once."""
        total = reached = 0
        for span in sorted(self.spans, key=lambda span: span.offset):
            if span.first <= step <= span.last:
                end = span.offset + round_up(span.size, ALIGNMENT)
                total += max(0, end - max(reached, span.offset))
                reached = max(reached, end)
        return total


# The largest first; the latest first, which leaves room for outputs that begin in front of their inputs.
_ORDERS: tuple[Callable[[Block], tuple[int, int]], ...] = (
    lambda block: (-block.size, block.first),
    lambda block: (-block.first, -block.size),
    lambda block: (-block.last, -block.size),
)


def plan(graph: Graph) -> Plan:
    """The layout with the smallest arena: every operator by itself, or as many of the first as it pays to stream.

    Operands of a concatenation are made in their places in it, unless it pays to copy them there.
    """
    apart = _best(graph, joined=False)
    if not any(operator_of(op).part_offsets(op) for op in graph.ops):
        return apart
    joined = _best(graph, joined=True)
    return joined if joined.arena_bytes <= apart.arena_bytes else apart


def _best(graph: Graph, joined: bool) -> Plan:
    whole = laid_out(graph, None, joined)
    quick = [laid_out(graph, stream, joined, thorough=False) for stream in streams(graph, row_schedule)]
    best = min(quick, key=lambda plan_: plan_.arena_bytes, default=whole)
    streamed = laid_out(graph, best.stream, joined)
    return streamed if streamed.arena_bytes < whole.arena_bytes else whole


def laid_out(graph: Graph, stream: Stream | None, joined: bool = True, thorough: bool = True) -> Plan:
    """The layout with the given stream, or with every operator by itself.

    Args:
        joined: operands of a concatenation are made in their places in it.
        thorough: tries many orders of blocks.
    """
    needed = lifetimes(graph, stream, joined)
    everything = list(dict.fromkeys([*(share.block for share in needed.shares.values()), *needed.scratch.values()]))
    _place(everything, thorough)
    places = needed.places | {
        index: Place("arena", share.block.offset + share.offset) for index, share in needed.shares.items()
    }
    arena_bytes = max((block.end for block in everything), default=0)
    rows = set(needed.scratch.values())
    spans = tuple(Span(block.offset, block.size, block.first, block.last, block in rows) for block in everything)
    scratch = {position: block.offset for position, block in needed.scratch.items()}
    return Plan(arena_bytes, places, scratch, spans, stream)


def _place(blocks: Sequence[Block], thorough: bool) -> None:
    """Sets the offsets in the best of a few orders; `thorough`: unless another block in front of all does better."""
    order = min((sorted(blocks, key=key) for key in _ORDERS), key=_place_one_by_one)
    end = _place_one_by_one(order)
    better = thorough and len(blocks) <= _MOST_TRIED
    while better:
        better = False
        for block in list(order):
            tried = [block, *(other for other in order if other is not block)]
            if (tried_end := _place_one_by_one(tried)) < end:
                order, end, better = tried, tried_end, True
    _place_one_by_one(order)


def _place_one_by_one(blocks: Sequence[Block]) -> int:
    """Each at the lowest offset that is free while it lives; where the last of them ends."""
    placed: list[Block] = []
    for block in blocks:
        taken = sorted(
            _forbidden(block, other) for other in placed if other.first <= block.last and block.first <= other.last
        )
        block.offset = 0
        for low, high in taken:
            if low < block.offset < high:
                block.offset = high
        placed.append(block)
    return max((block.end for block in placed), default=0)


def _forbidden(block: Block, other: Block) -> tuple[int, int]:
    """The offsets, ends excluded, that `block` cannot have because of `other`."""
    low, high = other.offset - round_up(block.size, ALIGNMENT), other.end
    if other in block.inplace_offsets:
        low = max(low, other.offset - block.inplace_offsets[other])
    if block in other.inplace_offsets:
        high = min(high, other.offset + other.inplace_offsets[block])
    return low, high
