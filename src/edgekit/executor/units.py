"""Units of work: a function that can be pickled and an item for it, how one ended, and the loop that does them all.

In: an `Executor`, items, and which items each needs. Out: `Progress`, whenever a unit begins or ends. A worker that
dies takes its unit down and nothing else.
"""

import os
import socket
import time
import traceback
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from edgekit.errors import EdgekitError

TRIES = 3
Item = TypeVar("Item", bound=Hashable)
Value = TypeVar("Value")
Function = Callable[[Item, Callable[[str], None]], Value]  # of an item, and of what takes its warnings


@dataclass(frozen=True, slots=True)
class UnitResult(Generic[Item, Value]):
    """How a unit ended."""

    item: Item
    value: Value | None = None  # what the function returned; None where there is a problem
    problem: str = ""  # empty where it was done; else what went wrong, in a line or two
    died: bool = False  # its worker was killed or lost, so that another try may succeed
    wall_s: float = 0.0  # this and the next of the work, its child processes included
    cpu_s: float = 0.0
    where: str = ""  # the machine that did it
    warnings: tuple[str, ...] = ()  # what the work had to say (a smaller batch, skipped images)


class Executor(Protocol[Item, Value]):
    """Workers that take one item each."""

    size: int

    def start(self, item: Item) -> None:
        """Hands an item to a free worker; at most `size` may be running."""

    def wait(self) -> list[UnitResult[Item, Value]]:
        """Blocks until at least one of the started units has ended."""

    def close(self) -> None:
        """Stops every worker."""


@dataclass(frozen=True, slots=True)
class Progress(Generic[Item, Value]):
    """The items that run now, how many of all have ended, and the unit that has just ended, if one has.

    `retry`: it died and will be tried again.
    """

    running: tuple[Item, ...]
    done: int
    total: int
    result: UnitResult[Item, Value] | None = None
    retry: bool = False


def execute(
    executor: Executor[Item, Value], items: Sequence[Item], needs: Callable[[Item], Iterable[Item]] = lambda item: ()
) -> Iterator[Progress[Item, Value]]:
    """Does every item after those among `items` that it needs; one that died is tried again, up to TRIES times.

    The others go on whatever happens to one. An item whose need failed is not tried, and its result says so.
    """
    results: dict[Item, UnitResult[Item, Value]] = {}
    tries = dict.fromkeys(items, 0)
    waiting, running = list(tries), list[Item]()

    def progress(last: UnitResult[Item, Value] | None = None, retry: bool = False) -> Progress[Item, Value]:
        return Progress(tuple(running), len(results), len(tries), last, retry)

    while waiting or running:
        for item in list(waiting):
            needed = [need for need in needs(item) if need in tries]
            failed = next((need for need in needed if need in results and results[need].problem), None)
            if failed is not None:
                waiting.remove(item)
                results[item] = UnitResult(item, problem=f"not tried, because {failed} failed")
                yield progress(results[item])
            elif len(running) < executor.size and all(need in results for need in needed):
                waiting.remove(item)
                running.append(item)
                tries[item] += 1
                executor.start(item)
                yield progress()
        for result in executor.wait() if running else ():
            running.remove(result.item)
            if result.died and tries[result.item] < TRIES:
                waiting.insert(0, result.item)
                yield progress(result, retry=True)
            else:
                final = replace(result, problem=f"{result.problem}, {TRIES} times") if result.died else result
                results[result.item] = final
                yield progress(final)


def run_unit(function: Function[Item, Value], item: Item) -> UnitResult[Item, Value]:
    """Does one unit in this process."""
    warnings: list[str] = []
    began, cpu_began = time.monotonic(), sum(os.times()[:4])  # the last of the five is the time of day
    value, problem, died = None, "", False
    try:
        value = function(item, warnings.append)
    except EdgekitError as error:
        problem = str(error)
    except MemoryError:
        problem, died = "this machine has not enough memory", True
    except Exception:  # a bug of edgekit: the others go on, and the report says what this one ran into
        problem = traceback.format_exc(limit=-3)
    wall_s, cpu_s = time.monotonic() - began, sum(os.times()[:4]) - cpu_began
    return UnitResult(item, value, problem, died, wall_s, cpu_s, socket.gethostname(), tuple(warnings))
