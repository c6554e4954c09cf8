"""The students that nothing else beats: what a search is for.

In: its trials. Out: a `Point` for every student that was trained; those on a front; a recipe for each.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.files import write_json
from edgekit.recipes.build import Recipe
from edgekit.runtimes import tflm
from edgekit.search.cost import Cost
from edgekit.search.halving import Reached, depths_of
from edgekit.search.space import Candidate
from edgekit.search.study import Trial
from edgekit.tflite.model import read_tflite
from edgekit.tflite.untrained import untrained
from edgekit.values.codec import to_document
from edgekit.values.task import Task

FOLDER = "front"


@dataclass(frozen=True, slots=True)
class Point:
    """A student at the highest rung that it reached.

    Attributes:
        auc: the mean over seeds, folds and how the images are shown.
        aucs: of each seed.
        shown: mean AUC by how the images are shown.
    """

    root: int
    candidate: Candidate
    cost: Cost
    rung: int
    epochs: int
    auc: float
    aucs: tuple[float, ...]
    shown: Mapping[str, float]


def points_of(trials: Iterable[Trial], recipe: Recipe) -> list[Point]:
    """Every student that was trained, in the order of their numbers."""
    by_root: dict[int, list[Trial]] = {}
    for one in trials:
        if one.state == "done":
            by_root.setdefault(one.root, []).append(one)
    epochs = (*recipe.search.rungs, recipe.distill.fit.epochs)
    return [_point(found, epochs) for _, found in sorted(by_root.items())]


def _point(trials: Sequence[Trial], epochs: Sequence[int]) -> Point:
    rung = max(one.rung for one in trials)
    there = [one for one in trials if one.rung == rung]
    first = there[0]
    assert first.candidate is not None
    assert first.cost is not None
    areas = [fold for one in there for fold in one.folds.values()]
    shown = {kind: sum(one[kind] for one in areas) / len(areas) for kind in areas[0]}
    aucs = tuple(one.auc for one in there)
    return Point(
        first.root, first.candidate, first.cost, rung, epochs[rung], sum(aucs) / len(aucs), aucs, shown
    )  # fmt: skip


def front_of(points: Sequence[Point]) -> list[Point]:
    """Those that no other beats in AUC at no more RAM, or no more flash, or no more ms; the greatest AUC first."""
    depths = depths_of([Reached(one.root, one.auc, one.cost) for one in points])
    return sorted((one for one in points if depths[one.root] == 0), key=lambda one: -one.auc)


def write_recipes(front: Sequence[Point], recipe: Recipe, task: Task, out: Path) -> dict[int, Path]:
    """A recipe.json for each point of the front, by its number; those of earlier fronts are removed.

    Raises:
        EdgekitError: a file cannot be written.
    """
    paths = {one.root: out / FOLDER / str(one.root) / "recipe.json" for one in front}
    for old in (out / FOLDER).glob("*/recipe.json"):
        if old not in paths.values():
            old.unlink()
            old.parent.rmdir()
    for one in front:
        write_json(paths[one.root], to_document(recipe_for(one, recipe, task)))
    return paths


def recipe_for(point: Point, recipe: Recipe, task: Task) -> Recipe:
    """The search's recipe as it makes this student. Its limits are those of a TFLM program, which may need more than
    the compiled one that the search weighed: they are raised where the student would not be built otherwise."""
    model = untrained(point.candidate.student.spec(task))
    arena = tflm.arena_bytes(read_tflite(model)) if tflm.installed() else 0
    embed = replace(
        recipe.embed,
        model_bytes=max(recipe.embed.model_bytes, round(1.05 * len(model))),
        arena_bytes=max(recipe.embed.arena_bytes, round(1.05 * arena)),
    )
    return replace(point.candidate.made_by(recipe), name=f"{recipe.name}-{point.root}", embed=embed)
