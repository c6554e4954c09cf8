"""Graph, plan and constants -> what every operator takes on the board, without running anything.

Cycles are the core's own (cost.py) and those that it waits for flash (boards/costs.py). Of the constants and the code:

- A program that runs again and again reads anew, in every run, what the rest of it has evicted from the cache.
- A kernel that goes over its constants several times in a run reads them anew where they do not fit beside each other;
  streamed operators take turns, so that from one step to the next all of theirs must.
"""

from collections.abc import Sequence
from dataclasses import replace

from edgekit.boards.board import ESP32
from edgekit.compile.cost import Cost
from edgekit.compile.ir import Graph
from edgekit.compile.ops import operator_of, row_schedule
from edgekit.compile.options import CompileOptions
from edgekit.compile.row_streaming import Stream
from edgekit.values.program import Estimate

_COSTS = ESP32.costs


def cycles_alone(cost: Cost, options: CompileOptions) -> float:
    """What an operator takes if nothing of it is in the cache when it begins: by which its kernel is chosen."""
    lines = _lines(cost)
    again = (cost.passes - 1) * lines * _COSTS.cache.evicted_share(lines)
    return cost.cycles + _line_cycles(options) * (lines + again)


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
    lines = [_lines(cost) for cost in costs]
    cold = _COSTS.cache.evicted_share(sum(lines))
    streamed = stream.count if stream else 0
    in_turn = _COSTS.cache.evicted_share(sum(lines[:streamed]))
    misses = []
    for position, (op, cost, own) in enumerate(zip(graph.ops, costs, lines, strict=True)):
        schedule = row_schedule(op) if position < streamed else None
        turns = min(schedule.steps, cost.passes) if schedule else 1
        again = (turns - 1) * in_turn + (cost.passes - turns) * _COSTS.cache.evicted_share(own)
        misses.append(round(own * (cold + again)))
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


def _lines(cost: Cost) -> int:
    return _COSTS.cache.lines(cost.constant_bytes + cost.code_bytes)
