"""Where every activation lives: offsets in one arena (of what lifetimes.py finds), row streaming (row_streaming.py).

The model's inputs and outputs are the caller's and take no room. He may let them lie in the arena: behind what they
cannot share with others it then grows (`shared_bytes`), and no other byte moves. Offsets of blocks are multiples of 4.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
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
        shared_bytes: of an arena that the caller's inputs and outputs lie in.
        ends: where they then do, by ("input" or "output", number).
        stream: the streamed operators, if any; a place between them is that of a few rows.
    """

    arena_bytes: int
    places: dict[int, Place]
    scratch: dict[int, int]
    spans: tuple[Span, ...]
    shared_bytes: int
    ends: Mapping[tuple[str, int], int]
    stream: Stream | None = None

    @property
    def size(self) -> tuple[int, int]:
        """What makes one layout better than another."""
        return self.arena_bytes, self.shared_bytes

    def live_bytes(self, step: int) -> int:
        """Arena bytes in use while an operator runs, overlaps counted once."""
        total = reached = 0
        for span in sorted(self.spans, key=lambda span: span.offset):
            if span.first <= step <= span.last:
                end = span.offset + round_up(span.size, ALIGNMENT)
                total += max(0, end - max(reached, span.offset))
                reached = max(reached, end)
        return total


_MOST_PERMUTED = 3  # ends of which every order is tried

# The largest first; the latest first, which leaves room for outputs that begin in front of their inputs; the same
# behind what is there at the beginning, so that the caller's inputs may overlap what is left of that.
_ORDERS: tuple[Callable[[Block], tuple[int, int, int]], ...] = (
    lambda block: (-block.size, block.first, 0),
    lambda block: (-block.first, -block.size, 0),
    lambda block: (-block.last, -block.size, 0),
    lambda block: (int(block.first > 0), -block.last if block.first else block.last, -block.size),
)


def plan(graph: Graph) -> Plan:
    """The layout with the smallest arena: every operator by itself, or as many of the first as it pays to stream.

    Operands of a concatenation are made in their places in it, unless it pays to copy them there.
    """
    apart = _best(graph, joined=False)
    if not any(operator_of(op).part_offsets(op) for op in graph.ops):
        return apart
    joined = _best(graph, joined=True)
    return joined if joined.size <= apart.size else apart


def _best(graph: Graph, joined: bool) -> Plan:
    whole = laid_out(graph, None, joined)
    quick = [laid_out(graph, stream, joined, thorough=False) for stream in streams(graph, row_schedule)]
    best = min(quick, key=lambda plan_: plan_.size, default=whole)
    streamed = laid_out(graph, best.stream, joined)
    return streamed if streamed.size < whole.size else whole


def laid_out(graph: Graph, stream: Stream | None, joined: bool = True, thorough: bool = True) -> Plan:
    """The layout with the given stream, or with every operator by itself.

    Args:
        joined: operands of a concatenation are made in their places in it.
        thorough: tries many orders of blocks.
    """
    needed = lifetimes(graph, stream, joined)
    everything = list(dict.fromkeys([*(share.block for share in needed.shares.values()), *needed.scratch.values()]))
    ends = list(needed.ends.values())
    arena_bytes, shared_bytes = _place(everything, ends, thorough)
    places = needed.places | {
        index: Place("arena", share.block.offset + share.offset) for index, share in needed.shares.items()
    }
    rows = set(needed.scratch.values())
    spans = tuple(Span(block.offset, block.size, block.first, block.last, block in rows) for block in everything)
    scratch = {position: block.offset for position, block in needed.scratch.items()}
    end_offsets = {end: block.offset for end, block in needed.ends.items()}
    return Plan(arena_bytes, places, scratch, spans, shared_bytes, end_offsets, stream)


def _place(blocks: Sequence[Block], ends: Sequence[Block], thorough: bool) -> tuple[int, int]:
    """Sets the offsets, in the best of a few orders; the bytes of all blocks, and with those of the caller's ends.

    Args:
        thorough: each is improved, by the sum of both, until another block in front of all does no better.
    """

    def placed(order: Sequence[Block]) -> tuple[int, int]:
        arena_bytes = _place_one_by_one(order, [])
        return arena_bytes, max(arena_bytes, _place_ends(ends, order))

    def improved(order: list[Block]) -> list[Block]:
        size, better = sum(placed(order)), thorough and len(blocks) <= _MOST_TRIED
        while better:
            better = False
            for block in list(order):
                tried = [block, *(other for other in order if other is not block)]
                if (tried_size := sum(placed(tried))) < size:
                    order, size, better = tried, tried_size, True
        return order

    return placed(min((improved(sorted(blocks, key=key)) for key in _ORDERS), key=placed))


def _place_ends(ends: Sequence[Block], blocks: Sequence[Block]) -> int:
    """The caller's ends among blocks that have their places; where the last of them ends."""
    in_turn = sorted(ends, key=lambda block: -block.size)
    orders = list(itertools.permutations(in_turn)) if len(ends) <= _MOST_PERMUTED else [in_turn]
    order = min(orders, key=lambda order: _place_one_by_one(order, blocks))
    return _place_one_by_one(order, blocks)


def _place_one_by_one(blocks: Sequence[Block], there: Sequence[Block]) -> int:
    """Each at the lowest offset that is free while it lives; where the last of them ends."""
    placed = list(there)
    for block in blocks:
        taken = sorted(
            _forbidden(block, other) for other in placed if other.first <= block.last and block.first <= other.last
        )
        block.offset = 0
        for low, high in taken:
            if low < block.offset < high:
                block.offset = high
        placed.append(block)
    return max((block.end for block in blocks), default=0)


def _forbidden(block: Block, other: Block) -> tuple[int, int]:
    """The offsets, ends excluded, that `block` cannot have because of `other`."""
    low, high = other.offset - round_up(block.size, ALIGNMENT), other.end
    if other in block.inplace_offsets:
        low = max(low, other.offset - block.inplace_offsets[other])
    if block in other.inplace_offsets:
        high = min(high, other.offset + other.inplace_offsets[block])
    return low, high
