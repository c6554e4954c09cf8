"""The report of a search: the front, what each choice is worth, all students.

In: what was found, and where the recipes of the front are. Out: a `Page`, parts for the terminal, JSON values.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgekit.compile import CompileOptions
from edgekit.report.charts_front import Spot, front
from edgekit.report.document import (
    Cell,
    Code,
    Column,
    Facts,
    Figure,
    Highlights,
    Page,
    Part,
    Prose,
    Row,
    Section,
    Table,
)
from edgekit.report.pages.sections import data_section
from edgekit.search.cost import COSTS, Cost, said
from edgekit.search.front import Point, front_of, points_of
from edgekit.search.request import Found
from edgekit.search.space import Candidate
from edgekit.values.codec import to_json

_TITLES = {"auc": "AUC", "ram": "RAM, bytes", "flash": "flash, bytes", "ms": "estimated ms"}


def front_parts(found: Found, recipes: Mapping[int, Path]) -> tuple[Part, ...]:
    """What the terminal shows."""
    points = points_of(found.trials, found.request.recipe)
    return (
        front_table(front_of(points)),
        Prose(f"{_counted(found)} {found.ended}"),
        *_next_step(front_of(points), recipes, found),
    )


def search_page(found: Found, recipes: Mapping[int, Path]) -> Page:
    """The whole report."""
    points = points_of(found.trials, found.request.recipe)
    best = front_of(points)
    sections = [
        Section("The front", (front_table(best), *_figures(found, points), *_next_step(best, recipes, found)), True),
        Section("What each choice is worth", _importance(found)),
        Section("How the students were judged", (Prose(_judged(found)), Facts(_facts(found)))),
        Section("All students", (students_table(points), *_problems(found)), True, folded=True),
        data_section(found.info),
        Section("Recipe", (Code(json.dumps(to_json(found.request.recipe), indent=2), "json"),), folded=True),
    ]
    return Page(
        title=f"Students for a budget ({found.info.name})",
        lead=(f"{_counted(found)} {found.ended}", _judged(found)),
        synthetic=found.info.synthetic,
        domain=found.info.task.domain,
        highlights=_highlights(best),
        sections=tuple(one for one in sections if one.parts),
        footer=(f"Made by `{found.request.command}`.",),
    )


def search_json(found: Found, recipes: Mapping[int, Path]) -> dict[str, Any]:
    """What `edgekit search --json` prints."""
    points = points_of(found.trials, found.request.recipe)
    return {
        "data": found.info.name,
        "judged": found.judged,
        "budget": to_json(found.request.budget),
        "students": dict(_counts(found)),
        "ended": found.ended,
        "front": [
            {**to_json(one), "recipe": str(recipes[one.root])} for one in front_of(points) if one.root in recipes
        ],
        "own": to_json(found.own),
        "importances": to_json(found.importances),
    }


def front_table(points: Sequence[Point]) -> Table:
    """The students of a front."""
    return _table("Students that no other beats at no more RAM, flash or time; the greatest AUC first", points)


def students_table(points: Sequence[Point]) -> Table:
    """All students that were trained."""
    return _table("Every student at the longest training that it got", sorted(points, key=lambda one: -one.auc))


def _table(caption: str, points: Sequence[Point]) -> Table:
    columns = (
        Column("student", "left"), Column("AUC"), Column("RAM, bytes", short="RAM"),
        Column("flash, bytes", short="flash"), Column("estimated ms", short="ms"), Column("epochs"),
        Column("seeds", optional=True), Column("shape", "left"),
    )  # fmt: skip
    rows: tuple[Row, ...] = tuple(
        (
            str(one.root),
            Cell(f"{one.auc:.4f}", _spread(one), value=one.auc),
            *_costs(one.cost),
            Cell(str(one.epochs), value=one.epochs),
            Cell(str(len(one.aucs)), value=len(one.aucs)),
            str(one.candidate),
        )
        for one in points
    )
    return Table(caption, columns, rows)


def _costs(cost: Cost) -> tuple[Cell, ...]:
    return tuple(Cell(f"{cost.of(what):,.1f}" if what == "ms" else f"{cost.of(what):,.0f}", value=cost.of(what))
                 for what in COSTS)  # fmt: skip


def _spread(one: Point) -> str:
    return f"{min(one.aucs):.4f} to {max(one.aucs):.4f}" if len(one.aucs) > 1 else ""


def _figures(found: Found, points: Sequence[Point]) -> tuple[Figure, ...]:
    if not points:
        return ()
    recipe = found.request.recipe
    rungs = [f"{epochs} epochs" for epochs in recipe.search.rungs]
    full = f"in full: {recipe.distill.fit.epochs} epochs, mean of {len(recipe.seeds)} seeds"
    return tuple(
        front(
            f"AUC against {_TITLES[what].partition(',')[0]}",
            [Spot(str(one.root), one.cost.of(what), one.auc, one.rung) for one in points],
            cost=_TITLES[what],
            accuracy="AUC",
            rungs=(*rungs, full),
            limit=getattr(found.request.budget, what),
        )
        for what in COSTS
    )


def _importance(found: Found) -> tuple[Part, ...]:
    shares = found.importances
    if not shares:
        return (Prose("Too few students were trained, or they are too alike, to say what a choice is worth."),)
    names = sorted(
        {name for each in shares.values() for name in each}, key=lambda name: -shares.get("auc", {}).get(name, 0)
    )
    columns = (Column("choice", "left"), *(Column(_TITLES[what]) for what in shares))
    rows = tuple(
        (name, *(Cell(f"{100 * each[name]:.0f} %", value=each[name]) if name in each else None
                 for each in shares.values()))
        for name in names
    )  # fmt: skip
    rung = found.request.recipe.search.rungs[0]
    note = (
        f"fANOVA (Hutter et al. 2014) on all students after {rung} epochs. A share says how much a choice decides, not "
        "which of its values is better."
    )
    return (Table("The share of each choice in what the students differ by", columns, rows, (note,)),)


def _judged(found: Found) -> str:
    return (
        f"Judged {found.judged} on training images alone: the AUC is the mean over {found.folds} folds and over images "
        "as they are, altered and stretched. Neither validation nor test images were read. RAM and constants are the "
        "compiler's own, of the same shape with random weights; milliseconds are estimated."
    )


def _facts(found: Found) -> tuple[tuple[str, Cell | str], ...]:
    budget, options = found.request.budget, found.request.options
    limits = [said(what, getattr(budget, what)) for what in COSTS if getattr(budget, what) is not None]
    own = ", ".join(said(what, found.own.of(what)) for what in COSTS)
    return (
        ("budget", ", ".join(limits) or "no limit"),
        ("compiled for", _compiled(options)),
        ("the recipe's own student", f"{Candidate(found.request.recipe.student)}: {own}"),
        ("sampler", {"tpe": "TPE with constraints, many objectives", "nsga2": "NSGA-II"}[found.request.sampler]),
    )


def _compiled(options: CompileOptions) -> str:
    return f"{options.target}, {options.optimize}, flash mode {options.flash_mode}"


def _counts(found: Found) -> Counter[str]:
    states = Counter(one.state for one in found.trials if one.rung == 0)
    return Counter({
        "trained": states["done"], "refused": states["refused"], "repeated": states["repeated"],
        "failed": sum(one.state == "failed" for one in found.trials), "unfinished": sum(
            one.state == "running" for one in found.trials
        ),
    })  # fmt: skip


def _counted(found: Found) -> str:
    counts = _counts(found)
    words = [f"{counts['trained']} students were trained", f"{counts['refused']} refused before training"]
    words += [f"{counts[what]} {what}" for what in ("failed", "unfinished") if counts[what]]
    return f"{', '.join(words[:-1])} and {words[-1]}."


def _problems(found: Found) -> tuple[Part, ...]:
    failed = [f"{one.root}: {_in_a_line(one.problem)}" for one in found.trials if one.state == "failed" and one.problem]
    return (Code("\n".join(failed), "", "What failed"),) if failed else ()


def _in_a_line(problem: str) -> str:
    """A message without its hint, or what a traceback ends with."""
    first, *_, last = (*problem.splitlines(), problem.splitlines()[-1])
    return last if "Traceback" in first else first


def _next_step(best: Sequence[Point], recipes: Mapping[int, Path], found: Found) -> tuple[Part, ...]:
    if not best or best[0].root not in recipes:
        return ()
    command = f"edgekit build-model --recipe {recipes[best[0].root]} --data {found.request.data}"
    return (Code(command, caption="Builds the first of them; the others have a recipe.json beside it"),)


def _highlights(best: Sequence[Point]) -> Highlights | None:
    if not best:
        return None
    first = best[0]
    costs = ((_TITLES[what], cell) for what, cell in zip(COSTS, _costs(first.cost), strict=True))
    return Highlights((("AUC of the best", Cell(f"{first.auc:.4f}", _spread(first), value=first.auc)), *costs))
