"""What the arena must hold, and for how long: a block for an activation, or for several that share their bytes.

A view shares its input's block. So may the operands of a concatenation share that of its output, each made in its own
place in it. An output may overlap an input that dies with its operator: the operator reads from front to back, so that
an output which begins far enough in front of the input overwrites only what has been read. How far is the operator's
to say.
"""

from dataclasses import dataclass, field, replace

from edgekit.compile.codegen import round_up
from edgekit.compile.ir import Graph, Op
from edgekit.compile.ops import operator_of, row_schedule
from edgekit.compile.row_streaming import Stream

ALIGNMENT = 4


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor lies: `offset` bytes into the arena, or into the `input`, `output` or `state` of that `number`."""

    region: str
    offset: int = 0
    number: int = 0

    def moved(self, offset: int) -> "Place":
        """So many bytes further on."""
        return replace(self, offset=self.offset + offset)

    @property
    def is_callers(self) -> bool:
        """True for an input or output, whose bytes are int8 and not q + 128."""
        return self.region in ("input", "output")

    def name(self, graph: Graph) -> str:
        """Of a place outside the arena: `input`, or `input_1` where the model has several."""
        if self.region == "state":
            return f"state_{self.number}"
        several = len(graph.inputs if self.region == "input" else graph.outputs) > 1
        return f"{self.region}_{self.number}" if several else self.region


@dataclass(slots=True, eq=False)
class Block:
    """A run of bytes needed from operator `first` to operator `last`, both included.

    `inplace_offsets`: blocks that this one may overlap, and by how much it must then begin before each.
    """

    size: int
    first: int
    last: int
    offset: int = -1
    inplace_offsets: dict["Block", int] = field(default_factory=dict)

    @property
    def end(self) -> int:
        return self.offset + round_up(self.size, ALIGNMENT)


@dataclass(frozen=True, slots=True)
class Share:
    """Where a tensor lies in a block."""

    block: Block
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Tensors in the arena and outside of it, by index; scratch by the position of its operator.

    Attributes:
        ends: what the caller's inputs and outputs would take of the arena, by their places' `region` and `number`.
    """

    shares: dict[int, Share]
    places: dict[int, Place]
    scratch: dict[int, Block]
    ends: dict[tuple[str, int], Block]

    def share(self, index: int) -> Share | None:
        """Where a tensor lies, be it in a block of the caller's; None of a state."""
        place = self.places.get(index)
        if place is None or not place.is_callers:
            return self.shares.get(index)
        return Share(self.ends[place.region, place.number], place.offset)


def lifetimes(graph: Graph, stream: Stream | None, joined: bool) -> Lifetimes:
    """All that is needed, and what may overlap.

    Args:
        joined: operands of a concatenation are made in their places in it.
    """
    last = dict.fromkeys([tensor.index for tensor in graph.inputs], -1)
    for position, op in enumerate(graph.ops):
        last[op.output.index] = position
        for tensor in op.inputs:
            last[tensor.index] = position
    states = {state.tensor.index: Place("state", number=number) for number, state in enumerate(graph.states)}
    outputs = states | {tensor.index: Place("output", number=number) for number, tensor in enumerate(graph.outputs)}
    places = {tensor.index: Place("input", number=number) for number, tensor in enumerate(graph.inputs)}
    needed = Lifetimes({}, places | states, {}, _ends(graph, last))
    places = needed.places
    if stream:
        _add_stream(needed, graph.ops, stream, outputs, last)
    alone = list(enumerate(graph.ops))[stream.count if stream else 0 :]
    for position, op in alone:
        operator, start = operator_of(op), operator_of(op).view_offset(op)
        external = places.get(op.input.index)
        if op.output.index in outputs:
            places[op.output.index] = outputs[op.output.index]
        elif start is not None and external:
            places[op.output.index] = external.moved(start)
            if end := needed.share(op.output.index):
                end.block.last = max(end.block.last, last[op.output.index])
        elif start is not None:
            share = needed.shares[op.input.index]
            needed.shares[op.output.index] = Share(share.block, share.offset + start)
            share.block.last = max(share.block.last, last[op.output.index])
        else:
            block = Block(op.output.size_bytes, position, last[op.output.index])
            if joined:
                _join(needed, op, block)
            needed.shares[op.output.index] = Share(block)
        if size := operator.scratch_bytes(op, external is not None and external.is_callers):
            needed.scratch[position] = Block(size, position, position)
    for position, op in alone:
        _overlap(needed, op, position)
    return needed


def _ends(graph: Graph, last: dict[int, int]) -> dict[tuple[str, int], Block]:
    """An input is there from before the first operator; an output from its operator on, or copied there at the end."""
    end, makers = len(graph.ops), {op.output.index: position for position, op in enumerate(graph.ops)}
    given = {tensor.index for tensor in graph.outputs}
    blocks = {
        ("input", number): Block(tensor.size_bytes, -1, end if tensor.index in given else last[tensor.index])
        for number, tensor in enumerate(graph.inputs)
    }
    final = {
        tensor.index: number for number, tensor in enumerate(graph.outputs)
    }  # of one that is given twice, the last
    for number, tensor in enumerate(graph.outputs):
        made = makers.get(tensor.index, end) if final[tensor.index] == number else end
        blocks["output", number] = Block(tensor.size_bytes, made, end)
    return blocks


def _add_stream(
    needed: Lifetimes, ops: tuple[Op, ...], stream: Stream, outputs: dict[int, Place], last: dict[int, int]
) -> None:
    """The rows and the scratch of the streamed operators, which live at the same time, and what comes out."""
    together = ops[: stream.count]
    schedules = [row_schedule(op) for op in together]
    sizes = [
        one.scratch_bytes(stream.copies(i, op))
        for i, (op, one) in enumerate(zip(together, schedules, strict=True))
        if one
    ]
    scratch = Block(max(sizes), 0, stream.count - 1)
    needed.scratch.update(dict.fromkeys(range(stream.count), scratch))
    for op in together[:-1]:
        needed.shares[op.output.index] = Share(Block(stream.lines[op.output.index].size, 0, stream.count - 1))
    end = together[-1].output
    if end.index in outputs:
        place = needed.places[end.index] = outputs[end.index]
        block = needed.ends[place.region, place.number]
        block.first = 0
    else:
        block = Block(end.size_bytes, 0, last[end.index])
        needed.shares[end.index] = Share(block)
    read = needed.share(ops[0].input.index)
    if read and read.block.last < stream.count:
        block.inplace_offsets[read.block] = round_up(stream.inplace_offset - read.offset, ALIGNMENT)


def _join(needed: Lifetimes, op: Op, block: Block) -> None:
    """Gives the operands of a concatenation, with all that shares their blocks, their places in its output's block."""
    for tensor, offset in zip(op.inputs, operator_of(op).part_offsets(op) or (), strict=False):
        share = needed.shares.get(tensor.index)
        if share is None or share.block is block or share.block.size != tensor.size_bytes:
            continue  # the caller's, there already, or a part of something larger
        block.first, block.last = min(block.first, share.block.first), max(block.last, share.block.last)
        for index, other in needed.shares.items():
            if other.block is share.block:
                needed.shares[index] = Share(block, offset + other.offset)


def _overlap(needed: Lifetimes, op: Op, position: int) -> None:
    """Lets the output's block overlap those of inputs that end with this operator, where all that is read allows it."""
    output = needed.share(op.output.index)
    if output is None or output.block.first != position:
        return
    offsets: dict[Block, int | None] = {}
    for tensor in op.inputs:
        share, offset = needed.share(tensor.index), operator_of(op).inplace_offset(op, tensor)
        if share is None or share.block is output.block or share.block.last != position:
            continue
        before = offsets.get(share.block, -output.block.size)
        if before is None or offset is None:
            offsets[share.block] = None
        else:
            offsets[share.block] = max(before, round_up(offset + output.offset - share.offset, ALIGNMENT))
    output.block.inplace_offsets.update({block: at for block, at in offsets.items() if at is not None})
