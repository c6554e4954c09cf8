"""Who trains on: successive halving without waiting (Li et al. 2020, ASHA), with a front instead of a single score.

In: what students reached at each rung. Out: who goes on to the next.

A student's depth is the number of fronts that have to be peeled off before it stands on one: fronts of AUC against RAM,
against flash, against milliseconds, whichever is the kindest to it. Of equal depth the greater AUC is first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgekit.search.cost import COSTS, Cost


@dataclass(frozen=True, slots=True)
class Reached:
    """What a student reached."""

    root: int  # its number
    auc: float
    cost: Cost


def ranked(students: Sequence[Reached]) -> list[Reached]:
    """The best first."""
    depths = depths_of(students)
    return sorted(students, key=lambda one: (depths[one.root], -one.auc, one.root))


def depths_of(students: Sequence[Reached]) -> dict[int, int]:
    """The depth of each, by its number; 0 on one of the three fronts."""
    found: dict[int, int] = {}
    for what in COSTS:
        for root, depth in _peeled(students, what).items():
            found[root] = min(depth, found.get(root, depth))
    return found


def _peeled(students: Sequence[Reached], what: str) -> dict[int, int]:
    left = sorted(students, key=lambda one: (one.cost.of(what), -one.auc, one.root))
    found: dict[int, int] = {}
    depth = 0
    while left:
        best, behind = float("-inf"), []
        for one in left:
            if one.auc > best:
                best, found[one.root] = one.auc, depth
            else:
                behind.append(one)
        left, depth = behind, depth + 1
    return found


def next_up(
    rungs: Sequence[Mapping[int, Reached]], begun: Sequence[set[int]], keep_one_of: int
) -> tuple[int, int] | None:
    """The student that may go on now, and the rung that it goes on to, the highest first; None where none may.

    Args:
        rungs: by rung, who has reached it, by number.
        begun: by rung, who has begun it.
    """
    for rung in reversed(range(1, len(begun))):
        below = rungs[rung - 1]
        for one in ranked(list(below.values()))[: len(below) // keep_one_of]:
            if one.root not in begun[rung]:
                return one.root, rung
    return None
