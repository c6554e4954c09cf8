"""In which order, and what to do when one dies: the loop that is the same for every crew.

In: units, what they need, a crew. Out: how each ended. The others go on whatever happens to one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from edgekit.reproduction.executor import Crew, Ended
from edgekit.reproduction.plan import Unit

TRIES = 3


@dataclass(frozen=True, slots=True)
class Told:
    """What a listener is told: units that run now, those that are done, and the one that has just ended, if one has."""

    running: tuple[Unit, ...]
    done: int
    total: int
    ended: Ended | None = None
    retry: bool = False


def carry_out(
    units: Sequence[Unit],
    needs: Mapping[Unit, tuple[Unit, ...]],
    crew: Crew,
    on_progress: Callable[[Told], None] = lambda told: None,
) -> dict[Unit, Ended]:
    """Does every unit after those among `units` that it needs; one that died is tried again, up to TRIES times.

    Returns:
        How each ended. A unit whose need failed is not tried, and says so.
    """
    ended: dict[Unit, Ended] = {}
    tries = dict.fromkeys(units, 0)
    waiting = list(units)
    running: list[Unit] = []

    def tell(last: Ended | None = None, retry: bool = False) -> None:
        on_progress(Told(tuple(running), len(ended), len(units), last, retry))

    while waiting or running:
        for unit in list(waiting):
            needed = [need for need in needs[unit] if need in tries]
            lost = next((need for need in needed if need in ended and ended[need].problem), None)
            if lost is not None:
                waiting.remove(unit)
                ended[unit] = Ended(unit, f"not tried, because {lost.name} failed")
                tell(ended[unit])
            elif len(running) < crew.size and all(need in ended for need in needed):
                waiting.remove(unit)
                running.append(unit)
                tries[unit] += 1
                crew.start(unit)
                tell()
        if not running:
            continue
        for one in crew.wait():
            running.remove(one.unit)
            if one.died and tries[one.unit] < TRIES:
                waiting.insert(0, one.unit)
                tell(one, retry=True)
                continue
            ended[one.unit] = replace(one, problem=f"{one.problem}, {TRIES} times") if one.died else one
            tell(ended[one.unit])
    return ended
