"""Graph, plan and constants -> what every operator takes on the board, without running anything.

Cycles are the core's own (cost.py) and those that it waits for flash (boards/costs.py). Of the constants and the code:

- A program that runs again and again reads anew, in every run, what the rest of it has evicted from the cache.
- A kernel that goes over its constants several times in a run reads them anew where they do not fit beside each other;
  streamed operators take turns, so that from one step to the next all of theirs must.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from edgekit.boards.board import ESP32
from edgekit.compile.cost import Cost
from edgekit.compile.ir import Graph
from edgekit.compile.ops import operator_of
from edgekit.compile.options import CompileOptions
from edgekit.compile.row_streaming import Stream
from edgekit.values.program import Estimate

_COSTS = ESP32.costs


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines of the flash's cache that an operator, or several, fill."""

    constants: int
    code: int

    @staticmethod
    def of(cost: Cost) -> "_Lines":
        return _Lines(_COSTS.cache.lines(cost.constant_bytes), _COSTS.cache.lines(cost.code_bytes))

    @staticmethod
    def total(each: Iterable["_Lines"]) -> "_Lines":
        found = list(each)
        return _Lines(sum(one.constants for one in found), sum(one.code for one in found))

    @property
    def all(self) -> int:
        return self.constants + self.code

    def evicted(self) -> float:
        """Share of the constants that are gone when it comes to them again."""
        return _COSTS.cache.evicted_share(self.constants, busy=self.code)


def cycles_alone(cost: Cost, options: CompileOptions) -> float:
    """What an operator takes if nothing of it is in the cache when it begins: by which its kernel is chosen."""
    lines = _Lines.of(cost)
    return cost.cycles + _line_cycles(options) * (lines.all + (cost.passes - 1) * lines.evicted() * lines.constants)


def _line_cycles(options: CompileOptions) -> int:
    return _COSTS.flash_mode(options.flash_mode).miss_cycles


def estimated(graph: Graph, stream: Stream | None, constant_bytes: Sequence[int], options: CompileOptions) -> Estimate:
    """What each of the graph's operators takes in a run.

    Args:
        constant_bytes: of flash, of each operator.
    """
    costs = [
        replace(operator_of(op).cost(op, options), constant_bytes=size)
        for op, size in zip(graph.ops, constant_bytes, strict=True)
    ]
    lines = [_Lines.of(cost) for cost in costs]
    cold = _Lines.total(lines).evicted()
    in_turn = _evicted_in_turn(stream.turns, lines) if stream else {}
    turns = Counter(stream.turns if stream else ())
    misses = []
    for position, (cost, own) in enumerate(zip(costs, lines, strict=True)):
        of_a_step = max(0.0, cost.passes - max(1, turns[position]))
        again = own.all * (cold + in_turn.get(position, 0.0))
        misses.append(round(again + of_a_step * own.evicted() * own.constants))
    return Estimate(
        board=ESP32.title,
        clock_hz=ESP32.clock_hz,
        flash_mode=options.flash_mode,
        flash_title=_COSTS.flash_mode(options.flash_mode).title,
        band=_COSTS.planned_band,
        cycles=tuple(
            round(cost.cycles) + _line_cycles(options) * each for cost, each in zip(costs, misses, strict=True)
        ),
        flash_misses=tuple(misses),
    )


def _evicted_in_turn(turns: Sequence[int], lines: Sequence[_Lines]) -> dict[int, float]:
    """By operator: how often it finds its lines gone when its turn comes again, for what others have done since.

    Args:
        turns: the operators' positions in the order of their steps.
        lines: of each operator.
    """
    evicted = dict.fromkeys(turns, 0.0)
    since: dict[int, set[int]] = {}  # who has worked since each operator's last step
    for turn in turns:
        if turn in since:
            evicted[turn] += _Lines.total(lines[other] for other in {turn, *since[turn]}).evicted()
        for others in since.values():
            others.add(turn)
        since[turn] = set()
    return evicted
