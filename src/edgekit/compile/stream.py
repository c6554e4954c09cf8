"""Row-streaming: the first operators take turns, so that of what lies between them only a few rows live at once.

The last operator that can work does; it can as soon as the rows under its next step are there. The same rule decides
here, in a rehearsal that finds how many rows every tensor must hold, and in the C (kernels/turns.py).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from edgekit.compile.graph import Graph, Op

_MOST_STEPS = 4096  # of one rehearsal: a picture of thousands of rows is no matter for a microcontroller


@dataclass(frozen=True, slots=True)
class Pace:
    """How an operator goes down its image: a step reads `rows` rows, makes `made`, and moves on by `step`.

    The first step begins `top` rows above the image, whose height is `image_rows`.
    """

    rows: int
    step: int
    top: int
    image_rows: int
    made: int
    steps: int


@dataclass(frozen=True, slots=True)
class Stream:
    """The graph's first `count` operators take turns; `lines`: rows that each tensor between them holds."""

    count: int
    lines: Mapping[int, int]


def streams(graph: Graph, pace_of: Callable[[Op], Pace | None]) -> Iterator[Stream]:
    """Every stream that the graph's beginning allows, from two operators on."""
    paces: list[Pace] = []
    for op in graph.ops:
        pace = pace_of(op)
        if pace is None or sum(p.steps for p in paces) + pace.steps > _MOST_STEPS:
            return
        paces.append(pace)
        if len(paces) > 1 and _closed(graph, len(paces)):
            yield Stream(len(paces), _rehearsed(graph.ops[: len(paces)], paces))


def _closed(graph: Graph, count: int) -> bool:
    """True where nobody behind the first `count` operators reads what lies between them."""
    inner = {op.output.index for op in graph.ops[: count - 1]}
    read = {tensor.index for op in graph.ops[count:] for tensor in op.inputs} | {graph.output.index}
    return not inner & read


def _rehearsed(ops: Sequence[Op], paces: Sequence[Pace]) -> dict[int, int]:
    """The rows that every tensor must hold: a multiple of those that its maker writes at once."""
    maker = {op.output.index: i for i, op in enumerate(ops)}
    readers: list[list[int]] = [[] for _ in ops]
    sources = [[maker[tensor.index] for tensor in op.inputs if tensor.index in maker] for op in ops]
    for reader, made_by in enumerate(sources):
        for i in made_by:
            readers[i].append(reader)
    done = [0] * len(ops)
    held = [pace.made for pace in paces]

    def can_work(i: int) -> bool:
        pace = paces[i]
        needed = min(done[i] * pace.step - pace.top + pace.rows, pace.image_rows)
        return done[i] < pace.steps and all(done[j] * paces[j].made >= needed for j in sources[i])

    while done[-1] < paces[-1].steps:
        i = next(i for i in reversed(range(len(ops))) if can_work(i))
        waiting = [
            max(0, done[j] * paces[j].step - paces[j].top) for j in readers[i] if done[j] < paces[j].steps
        ]  # the first row that each reader still needs
        if waiting:
            held[i] = max(held[i], (done[i] + 1) * paces[i].made - min(waiting))
        done[i] += 1
    return {
        op.output.index: -(-rows // pace.made) * pace.made
        for op, rows, pace in zip(ops[:-1], held[:-1], paces[:-1], strict=True)
    }
