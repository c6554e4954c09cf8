"""Where every activation lives: lifetimes, sharing in place, offsets in one arena.

The model's input and output are the caller's and take no room. Everything in the arena is bytes, so that no alignment
is needed for correctness; offsets are multiples of 4 for the sake of `memcpy`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgekit.compile.graph import Add, Graph, Op, Reshape, Softmax, Tensor

_ALIGNMENT = 4


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor lies: `input`, `output`, or at `offset` bytes in the `arena`."""

    region: str
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One operator's share of the plan, for people: what is alive while it runs."""

    label: str
    live_bytes: int
    scratch_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The arena's layout.

    Attributes:
        places: by tensor index.
        scratch: offset in the arena of each operator's scratch rows, by position in `graph.ops`.
    """

    arena_bytes: int
    places: dict[int, Place]
    scratch: dict[int, int]
    steps: tuple[Step, ...]


@dataclass(slots=True)
class _Block:
    """A run of bytes needed from operator `first` to operator `last`, both included."""

    size: int
    first: int
    last: int
    offset: int = -1


def plan(graph: Graph, scratch_bytes: Callable[[Op, bool], int]) -> Plan:
    """Places tensors and scratch greedily: the largest first, each at the lowest offset that is free while it lives.

    Args:
        scratch_bytes: what an operator needs besides its tensors, given whether its first input is the caller's.
    """
    last = {graph.input.index: -1}
    for position, op in enumerate(graph.ops):
        last[op.output.index] = position
        for tensor in op.inputs:
            last[tensor.index] = position

    blocks: dict[int, _Block] = {}  # tensor index -> the block that it lives in, shared by tensors in one place
    places: dict[int, Place] = {graph.input.index: Place("input")}
    scratch: dict[int, _Block] = {}
    for position, op in enumerate(graph.ops):
        shared = _shareable(op, position, last, blocks)
        if isinstance(op, Reshape) and op.input.index in places and op.output != graph.output:
            places[op.output.index] = places[op.input.index]  # the caller's bytes under another shape
        elif op.output == graph.output:
            places[op.output.index] = Place("output")
        elif shared is not None:
            blocks[op.output.index] = shared
            shared.last = max(shared.last, last[op.output.index])
        else:
            blocks[op.output.index] = _Block(op.output.size, position, last[op.output.index])
        if needed := scratch_bytes(op, op.inputs[0].index in places):
            scratch[position] = _Block(needed, position, position)

    everything = list({id(block): block for block in [*blocks.values(), *scratch.values()]}.values())
    arena_bytes = _place(everything)
    places |= {index: Place("arena", block.offset) for index, block in blocks.items()}
    steps = tuple(
        Step(
            op.label,
            sum(block.size for block in everything if block.first <= position <= block.last),
            scratch[position].size if position in scratch else 0,
        )
        for position, op in enumerate(graph.ops)
    )
    return Plan(arena_bytes, places, {position: block.offset for position, block in scratch.items()}, steps)


def _shareable(op: Op, position: int, last: dict[int, int], blocks: dict[int, _Block]) -> _Block | None:
    """The block of an input that the output may overwrite, element by element."""
    if isinstance(op, Reshape):  # the same bytes: both may go on living
        return blocks.get(op.input.index)
    if isinstance(op, Add | Softmax):
        for tensor in op.inputs:
            block = blocks.get(tensor.index)
            if block is not None and block.last == position and _same_walk(op, tensor):
                return block
    return None


def _same_walk(op: Op, tensor: Tensor) -> bool:
    """True where output element i depends on element i of the tensor, or on what is read before it is written."""
    return tensor.size == op.output.size


def _place(blocks: Sequence[_Block]) -> int:
    placed: list[_Block] = []
    for block in sorted(blocks, key=lambda block: (-block.size, block.first)):
        size = -(-block.size // _ALIGNMENT) * _ALIGNMENT
        offset = 0
        for other in sorted(placed, key=lambda other: other.offset):
            if other.first <= block.last and block.first <= other.last:
                if offset + size <= other.offset:
                    break
                offset = max(offset, -(-(other.offset + other.size) // _ALIGNMENT) * _ALIGNMENT)
        block.offset = offset
        placed.append(block)
    return max((block.offset + -(-block.size // _ALIGNMENT) * _ALIGNMENT for block in blocks), default=0)
