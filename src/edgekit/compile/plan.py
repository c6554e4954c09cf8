"""Where every activation lives: lifetimes, overlaps in place, offsets in one arena, row streaming (row_streaming.py).

The model's input and output are the caller's and take no room. Everything in the arena is bytes, so that no alignment
is needed for correctness; offsets are multiples of 4 for the sake of `memcpy`.

An output may overlap an input that dies with its operator: the operator reads from front to back, so that an output
which begins far enough in front of the input overwrites only what has been read. How far is the operator's to say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edgekit.compile.codegen import round_up
from edgekit.compile.ir import Graph, Tensor
from edgekit.compile.ops import operator_of, row_schedule
from edgekit.compile.row_streaming import Stream, streams
from edgekit.values.program import Span

_ALIGNMENT = 4
_MOST_TRIED = 64  # blocks whose order is improved: more would take seconds


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor lies: it is an `input` or `output` of that `number`, or at `offset` bytes in the `arena`."""

    region: str
    offset: int = 0
    number: int = 0

    def name(self, graph: Graph) -> str:
        """Of a place outside the arena: `input`, or `input_1` where the model has several."""
        several = len(graph.inputs if self.region == "input" else graph.outputs) > 1
        return f"{self.region}_{self.number}" if several else self.region


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
                end = span.offset + round_up(span.size, _ALIGNMENT)
                total += max(0, end - max(reached, span.offset))
                reached = max(reached, end)
        return total


@dataclass(slots=True, eq=False)
class _Block:
    """A run of bytes needed from operator `first` to operator `last`, both included.

    `inplace_offsets`: blocks that this one may overlap, and by how much it must then begin before each.
    """

    size: int
    first: int
    last: int
    offset: int = -1
    inplace_offsets: dict["_Block", int] = field(default_factory=dict)

    @property
    def end(self) -> int:
        return self.offset + round_up(self.size, _ALIGNMENT)


# The largest first; the latest first, which leaves room for outputs that begin in front of their inputs.
_ORDERS: tuple[Callable[[_Block], tuple[int, int]], ...] = (
    lambda block: (-block.size, block.first),
    lambda block: (-block.first, -block.size),
    lambda block: (-block.last, -block.size),
)


def plan(graph: Graph) -> Plan:
    """The layout with the smallest arena: every operator by itself, or as many of the first as it pays to stream."""
    whole = laid_out(graph, None)
    quick = [laid_out(graph, stream, thorough=False) for stream in streams(graph, row_schedule)]
    best = min(quick, key=lambda plan_: plan_.arena_bytes, default=whole)
    streamed = laid_out(graph, best.stream)
    return streamed if streamed.arena_bytes < whole.arena_bytes else whole


def laid_out(graph: Graph, stream: Stream | None, thorough: bool = True) -> Plan:
    """The layout with the given stream, or with every operator by itself; `thorough` tries many orders of blocks."""
    streamed = stream.count if stream else 0
    blocks, places, scratch = _needed(graph, stream)
    for position, op in list(enumerate(graph.ops))[streamed:]:
        output = blocks.get(op.output.index)
        for tensor in op.inputs:
            input_, inplace_offset = blocks.get(tensor.index), operator_of(op).inplace_offset(op, tensor)
            if output and input_ and output is not input_ and input_.last == position and inplace_offset is not None:
                output.inplace_offsets[input_] = round_up(inplace_offset, _ALIGNMENT)

    everything = list(dict.fromkeys([*blocks.values(), *scratch.values()]))
    _place(everything, thorough)
    places |= {index: Place("arena", block.offset) for index, block in blocks.items()}
    arena_bytes = max((block.end for block in everything), default=0)
    rows = set(scratch.values())
    spans = tuple(Span(block.offset, block.size, block.first, block.last, block in rows) for block in everything)
    return Plan(arena_bytes, places, {position: block.offset for position, block in scratch.items()}, spans, stream)


def _needed(graph: Graph, stream: Stream | None) -> tuple[dict[int, _Block], dict[int, Place], dict[int, _Block]]:
    """Blocks by tensor index (a view shares its input's), places outside the arena, scratch by position."""
    last = dict.fromkeys([tensor.index for tensor in graph.inputs], -1)
    outputs = {tensor.index: Place("output", number=number) for number, tensor in enumerate(graph.outputs)}
    for position, op in enumerate(graph.ops):
        last[op.output.index] = position
        for tensor in op.inputs:
            last[tensor.index] = position
    streamed = stream.count if stream else 0

    blocks: dict[int, _Block] = {}
    places = {tensor.index: Place("input", number=number) for number, tensor in enumerate(graph.inputs)}
    scratch: dict[int, _Block] = {}
    if stream:  # all of them live at the same time
        together = graph.ops[:streamed]
        shared = _Block(max(operator_of(op).scratch_bytes(op, True) for op in together), 0, streamed - 1)
        scratch = dict.fromkeys(range(streamed), shared)
        for op in together[:-1]:
            blocks[op.output.index] = _Block(stream.lines[op.output.index] * row_bytes(op.output), 0, streamed - 1)
        end = together[-1].output
        if end.index in outputs:
            places[end.index] = outputs[end.index]
        else:
            blocks[end.index] = _Block(end.size, 0, last[end.index])
    for position, op in list(enumerate(graph.ops))[streamed:]:
        operator, external = operator_of(op), op.input.index in places
        if op.output.index in outputs:
            places[op.output.index] = outputs[op.output.index]
        elif operator.is_view and external:
            places[op.output.index] = places[op.input.index]
        elif operator.is_view:
            block = blocks[op.output.index] = blocks[op.input.index]
            block.last = max(block.last, last[op.output.index])
        else:
            blocks[op.output.index] = _Block(op.output.size_bytes, position, last[op.output.index])
        if needed := operator.scratch_bytes(op, external):
            scratch[position] = _Block(needed, position, position)
    return blocks, places, scratch


def row_bytes(tensor: Tensor) -> int:
    """Bytes of one row of an image [1, height, width, channels]."""
    return tensor.size // tensor.shape[1]


def _place(blocks: Sequence[_Block], thorough: bool) -> None:
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


def _place_one_by_one(blocks: Sequence[_Block]) -> int:
    """Each at the lowest offset that is free while it lives; where the last of them ends."""
    placed: list[_Block] = []
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


def _forbidden(block: _Block, other: _Block) -> tuple[int, int]:
    """The offsets, ends excluded, that `block` cannot have because of `other`."""
    low, high = other.offset - round_up(block.size, _ALIGNMENT), other.end
    if other in block.inplace_offsets:
        low = max(low, other.offset - block.inplace_offsets[other])
    if block in other.inplace_offsets:
        high = min(high, other.offset + other.inplace_offsets[block])
    return low, high
