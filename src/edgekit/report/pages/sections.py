"""Sections that more than one page has: figures of a model, its answers, its mistakes, the compiled program, the data.

In: reports, margins, an audit. Out: parts and `Section`s for a `Page`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.data.audit import Audit
from edgekit.metrics import curves
from edgekit.metrics.decisions import decide, probabilities
from edgekit.report import charts_board, charts_scores
from edgekit.report.charts_board import Bar
from edgekit.report.document import Bullets, Cell, Facts, Figure, Gallery, Highlights, Part, Section, picture
from edgekit.report.tables import MACS, audit_parts, costs_of, label, layers_table, with_interval
from edgekit.values.evaluation import EvalReport, Threshold
from edgekit.values.images import DataInfo, ImageSet
from edgekit.values.program import Program
from edgekit.values.task import capitalized, spoken

SHOWN = 24  # images of each kind of mistake: all of them would take megabytes on a bad day


@dataclass(frozen=True, slots=True)
class Answers:
    """What one model said of the images of a page.

    Attributes:
        margins: [N] integers for an int8 model, floats otherwise.
        scale: of an int8 model's output; 1 for float margins.
    """

    name: str
    margins: NDArray[Any]
    threshold: Threshold
    scale: float = 1.0


def headline(report: EvalReport, *more: tuple[str, Cell]) -> Highlights:
    """The figures that a page begins with."""
    names = ("accuracy", "specificity", "recall", "auc")
    return Highlights((*((label(name), with_interval(report, name)) for name in names), *more))


def answers_figures(report: EvalReport, labels: NDArray[np.int64], answers: Sequence[Answers]) -> tuple[Figure, ...]:
    """ROC, reliability and confusion of the first model, the others' ROC curves beside its own."""
    first, task = answers[0], report.task
    positive = task.is_positive(labels)
    notes = ("The cross is the threshold that validation chose, with 95 % intervals.",)
    shown: list[Figure] = []
    both_classes = 0 < positive.sum() < len(labels)
    rocs = [curves.roc(one.name, one.margins, positive, one.threshold) for one in answers] if both_classes else []
    if rocs:
        band = "Band: 95 % of recall at each point."
        shown.append(charts_scores.roc("ROC curve", rocs[:1], task, notes=(*notes, band)))
    reliability = curves.reliability(first.name, first.margins, positive, first.scale)
    bins = "Ten bins of the probability; a mark's area grows with its images; lines are 95 % intervals."
    shown.append(charts_scores.reliability("Reliability", [reliability], task, notes=(bins,)))
    shown.append(charts_scores.confusion(f"Confusion on {report.n:,} images", report.confusion, task))
    if len(rocs) > 1:
        shown.append(charts_scores.roc("ROC curves side by side", rocs, task, notes=notes))
    return tuple(shown)


def mistakes(images: ImageSet, answers: Answers, info: DataInfo) -> Section:
    """The images that were misclassified, the surest mistakes first.

    Args:
        images: uint8 [N, H, W, C] in the order of the margins.
    """
    task = info.task
    negative, positive = spoken(task.negative), spoken(task.positive)
    called, is_positive = decide(answers.margins, answers.threshold), task.is_positive(images.labels)
    said = probabilities(answers.margins, answers.scale)
    height, width = images.size
    notes = (
        f"p: the model's probability of {positive}. Shown as it sees them, {width} x {height} pixels.",
        f"Licence and attribution: {info.licence or 'not known'}",
    )
    parts: list[Part] = []
    for truth, answer, wrong, surest in (
        (negative, positive, called & ~is_positive, -said),
        (positive, negative, ~called & is_positive, said),
    ):
        name, found = f"{capitalized(truth)}, called {answer}", np.flatnonzero(wrong)
        rows = found[np.argsort(surest[found], kind="stable")][:SHOWN]
        pictures = tuple(
            picture(
                images.images[row],
                f"p = {said[row]:.3f}, {PurePosixPath(images.ids[row]).stem}",
                f"{capitalized(task.noun)} {images.ids[row]}. {name}.",
            )
            for row in rows.tolist()
        )
        count = f"{len(found)}" if len(rows) == len(found) else f"the surest {len(rows)} of {len(found)}"
        parts.append(Gallery(f"{name}: {count}", pictures, notes) if pictures else Bullets((f"{name}: none.",)))
    return Section(f"Misclassified {task.noun}s", tuple(parts), results=True)


def program_parts(program: Program, tflm_arena_bytes: int | None) -> tuple[Part, ...]:
    """The compiled program: its memory beside TFLM's, its arena over time, its layers."""
    theirs = [] if tflm_arena_bytes is None else [Bar("TFLM arena", tflm_arena_bytes)]
    memory = [*theirs, Bar("compiled C", program.ram_bytes)]
    what, costs = costs_of(program)
    operators = [layer.op for layer in program.layers]
    work = [Bar(f"{step} {name}", cost) for step, (name, cost) in enumerate(zip(operators, costs, strict=True))]
    shared = "Blocks that overlap share memory: a layer writes over what it has read."
    padded = ("Products with padding are counted.",) if what == MACS else ()
    ends = f"Compiled C: {program.arena_bytes:,} of arena and {program.ends_bytes:,} of input and output."
    plan = charts_board.memory_plan
    return (
        plan("Memory plan of the compiled C", program.spans, operators, program.arena_bytes, notes=(shared,))
        if program.spans
        else Bullets(("The program needs no arena.",)),
        charts_board.bars("Work by layer", work, x=what, notes=padded),
        charts_board.bars("Working memory", memory, x="bytes", notes=(ends,)),
        layers_table(program),
    )


def data_section(info: DataInfo, audit: Audit | None = None) -> Section:
    """What is known of the data set, and what its audit found."""
    facts = (
        ("set", f"{info.name}{' (synthetic phantoms)' if info.synthetic else ''}"),
        ("fingerprint", f"`{info.fingerprint}`"),
        ("licence and attribution", info.licence or "unknown"),
    )
    notes = [Bullets(info.notes)] if info.notes else []
    return Section("Data", (Facts(facts), *notes, *(audit_parts(audit) if audit else ())))
