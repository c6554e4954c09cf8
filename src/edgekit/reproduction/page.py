"""The report of a reproduction: what it is not, the paper's tables and figures, what they lack, how it was made.

In: a `Reproduction` and its `Results`. Out: a `Page`; `report.render` writes it.
"""

import json
import os
import platform
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from edgekit.pipeline.summary import versions
from edgekit.report.document import Bullets, Cell, Code, Column, Facts, Highlights, Page, Part, Prose, Section, Table
from edgekit.report.pages.sections import data_section
from edgekit.reproduction import figures, tables
from edgekit.reproduction.paper import SYSTEM_TITLES, TABLE_2, TABLE_3, TEXTS
from edgekit.reproduction.results import Results
from edgekit.reproduction.run import Reproduction
from edgekit.values.codec import to_json


def page_of(done: Reproduction, results: Results) -> Page:
    """The whole report."""
    return Page(
        title=f"The paper, run again ({done.work.budget.name})",
        lead=(TEXTS["lead"].format(data=results.info.name, seeds=_seeds(done.request.seeds)),),
        warnings=_warnings(done),
        synthetic=results.info.synthetic,
        domain=results.info.task.domain,
        highlights=_highlights(results),
        sections=tuple(section for section in _sections(done, results) if section.parts or section.sections),
        footer=(f"Made by `{done.request.command}`.",),
    )


def _highlights(results: Results) -> Highlights | None:
    titles = {"mean": "Teacher", "int8": "Its int8 file"}
    items = []
    for name in ("mean", "conventional", "distilled", "int8"):
        if name in results.systems:
            printed, title = (TABLE_2 | TABLE_3)[name].accuracy, titles.get(name, SYSTEM_TITLES[name])
            argmax, chosen = (fmean(results.systems[name].values("accuracy", at)) for at in ("argmax", "chosen"))
            detail = f"{100 * chosen:.1f} % at validation's threshold; paper {100 * printed:.1f} %"
            items.append((title, Cell(f"{100 * argmax:.1f} %", detail, value=argmax)))
    return Highlights(tuple(items)) if items else None


def _seeds(seeds: Sequence[int]) -> str:
    return f"with seed {seeds[0]}" if len(seeds) == 1 else f"with the seeds {', '.join(map(str, seeds))}"


def _warnings(done: Reproduction) -> tuple[str, ...]:
    found = []
    if done.work.settings.weights == "none":
        found.append(TEXTS["no weights"])
    if done.work.budget.reductions:
        found.append(f"**Smaller than the paper.** {' '.join(done.work.budget.reductions)}")
    if done.problems:
        unit, problem = next(iter(done.problems.items()))
        found.append(
            f"{len(done.problems)} of {len(done.units)} units of work failed; their cells are dashes. "
            f"The first: {unit}: {problem.splitlines()[-1]}"
        )
    elif done.missing:
        seeds = Counter(unit.seed for unit in done.missing)
        found.append(
            f"{len(done.missing)} of {len(done.units)} units of work are not finished ("
            + ", ".join(f"{count} of seed {seed}" for seed, count in sorted(seeds.items()))
            + "): a figure is the mean of the seeds that have it, and a dash stands where none has."
        )
    smaller = [w for one in done.log for w in one.warnings if "memory does not hold" in w]
    if smaller:
        found.append(f"Batches were made smaller: {smaller[0]}")
    return tuple(found)


def _sections(done: Reproduction, results: Results) -> Sequence[Section]:
    shown: dict[str, tuple[str, Sequence[Part]]] = {
        "table1": ("Table I: teachers", [tables.table_1(results)]),
        "table2": ("Table II: student", [tables.table_2(results)]),
        "table3": ("Table III: quantization", [tables.table_3(results)]),
        "table4": ("Table IV: comparison", [tables.table_4(results), *figures.against_the_paper(results)]),
        "figure3": ("Figure 3: teachers by epoch", figures.figure_3(results)),
        "figure4": ("Figure 4: student by epoch", figures.figure_4(results)),
        "pruning": ("Pruning sweeps", [Prose(TEXTS["pruning"]), *figures.pruning_sweeps(results)]),
    }
    if results.distillations:
        title = "Temperature and weights of the distillation"
        shown["temperature"] = title, [tables.distillation_table(results), *figures.distillation_curves(results)]
    scores = [tables.all_scores(results, at) for at in ("argmax", "chosen")] if results.systems else []
    return (
        *(Section(title, tuple(of), results=True) for part, (title, of) in shown.items() if part in done.request.parts),
        Section("What the paper's tables lack", (*scores, *figures.score_figures(results)), results=True),
        _costs(done, results),
        data_section(results.info, results.audit),
        _how(done),
    )


def _costs(done: Reproduction, results: Results) -> Section:
    asked = {str(unit) for unit in done.units}
    latest = {one.unit: one.cpu_s for one in done.log if one.unit in asked}  # a unit may be made again
    kinds: defaultdict[str, float] = defaultdict(float)
    for unit, cpu_s in latest.items():
        kinds[unit.split()[0].rstrip(",")] += cpu_s
    by_cost = sorted(kinds.items(), key=lambda kind: -kind[1])
    rows = tuple((kind, Cell(f"{seconds / 60:.1f}", value=seconds)) for kind, seconds in by_cost)
    total = sum(kinds.values())
    parts: list[Part] = [tables.costs_table(results)] if results.costs else []
    if rows:
        rows += (("together", Cell(f"{total / 60:.1f}", mark="strong", value=total)),)
        parts.append(Table("Processor minutes by kind of work", (Column("work", "left"), Column("minutes")), rows))
    return Section("What it cost", tuple(parts))


def _how(done: Reproduction) -> Section:
    request = done.request
    facts = (
        ("command", f"`{request.command}`"),
        (
            "weights of the networks",
            "random" if done.work.settings.weights == "none" else "torchvision's ImageNet weights",
        ),
        ("machine", f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores{_processor()}"),
        ("workers", ", ".join(sorted({one.where for one in done.log})) or "-"),
        ("threshold rule", done.work.budget.recipe.threshold.rule),
        *((name, version) for name, version in versions().items()),
    )
    parts: list[Part] = [Facts(facts), Code(request.command)]
    if done.problems:
        parts.append(Bullets(tuple(f"{unit}: {what.splitlines()[-1]}" for unit, what in done.problems.items())))
    recipe = Code(json.dumps(_as_run(done), indent=1), "json", "The budget: recipe, sizes and sweeps")
    return Section("How it was made", tuple(parts), sections=(Section("Recipe", (recipe,), folded=True),))


def _as_run(done: Reproduction) -> dict[str, Any]:
    """The budget with the weights and seeds that were taken; `sizes` holds the networks and their images."""
    budget: dict[str, Any] = to_json(done.work.budget)
    budget["weights"] = budget["recipe"]["teach"]["weights"] = done.work.settings.weights
    budget["recipe"]["seeds"] = list(done.request.seeds)
    del budget["recipe"]["teach"]["networks"], budget["recipe"]["teach"]["input_size"]
    return budget


def _processor() -> str:
    """The processor's name, where Linux gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f" ({names[0]})" if names else ""
