"""Sections that more than one page has: figures of a model, its answers, its mistakes, the compiled program, the data.

In: reports, logits, an audit. Out: parts and `Section`s for a `Page`.
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
from edgekit.report import charts_board, charts_histogram, charts_scores
from edgekit.report.charts_board import Bar
from edgekit.report.document import Bullets, Cell, Facts, Figure, Gallery, Highlights, Part, Picture, Section, picture
from edgekit.report.tables import label, with_interval
from edgekit.report.tables_audit import audit_parts
from edgekit.report.tables_program import MACS, MS, costs_of, estimated, layers_table
from edgekit.tflite.quantize import logits_of
from edgekit.values.evaluation import EvalReport, Threshold
from edgekit.values.images import DataInfo, ImageSet
from edgekit.values.model import TfliteModel
from edgekit.values.program import Program
from edgekit.values.task import Task, capitalized, spoken

SHOWN = 24  # images of each of two kinds of mistake: all of them would take megabytes on a bad day
_BAND = "Band: 95 % of recall at each point."


@dataclass(frozen=True, slots=True)
class Answers:
    """What one model said of the images of a page.

    Attributes:
        logits: [N, classes] integers for an int8 model, floats otherwise.
        threshold: None where the greatest logit decides.
        scale: of an int8 model's output; 1 for float logits.
    """

    name: str
    logits: NDArray[Any]
    threshold: Threshold | None
    scale: float = 1.0


def answers_of(model: TfliteModel, outputs: NDArray[Any], threshold: Threshold | None, name: str = "int8") -> Answers:
    """Of a .tflite's outputs [N, classes] in its own number format: at a threshold these are its logits, elsewhere they
    may be probabilities."""
    logits = outputs if threshold else logits_of(model, outputs)
    return Answers(name, logits, threshold, model.output_q.scale if model.output_q and logits is outputs else 1.0)


def headline(report: EvalReport, *more: tuple[str, Cell]) -> Highlights:
    """The figures that a page begins with."""
    task = report.task
    names = ("accuracy", "specificity", "recall", "auc") if task.positive else ("accuracy", "balanced_accuracy", "auc")
    return Highlights((*((label(name, task), with_interval(report, name)) for name in names), *more))


def answers_figures(report: EvalReport, labels: NDArray[np.int64], answers: Sequence[Answers]) -> tuple[Figure, ...]:
    """ROC, reliability and confusion of the first model. Where a label is positive, the others' ROC curves beside its
    own; elsewhere its curve of each class against the rest."""
    first, task = answers[0], report.task
    if task.positive:
        notes = ("The cross is the threshold that validation chose, with 95 % intervals.",)
        rocs = _rocs_of_positive(answers, labels, task)
        shown = [charts_scores.roc("ROC curve", rocs[:1], task, notes=(*notes, _BAND))] if rocs else []
        beside = [charts_scores.roc("ROC curves side by side", rocs, task, notes=notes)] if len(rocs) > 1 else []
    else:
        notes = ("Each class against the rest. The crosses: where the greatest output decides, with 95 % intervals.",)
        rocs, beside = _rocs_of_classes(first, labels, task), []
        shown = [charts_scores.roc("ROC curves", rocs, task, notes=notes)] if rocs else []
    reliability = curves.reliability(first.name, first.logits, labels, task, first.scale)
    bins = "Ten bins of the probability; a mark's area grows with its images; lines are 95 % intervals."
    shown.append(charts_scores.reliability("Reliability", [reliability], task, notes=(bins,)))
    if not task.positive:
        shown.append(_confidence(first, labels, task))
    shown.append(charts_scores.confusion(f"Confusion on {report.n:,} images", report))
    return (*shown, *beside)


def _confidence(answers: Answers, labels: NDArray[np.int64], task: Task) -> Figure:
    called, shares = decide(answers.logits, task, answers.threshold), probabilities(answers.logits, answers.scale)
    said = shares[np.arange(len(called)), called]
    note = "Right and wrong answers have their own scales of images."
    return charts_histogram.confidence("Confidence", said, called == labels, len(task.labels), notes=(note,))


def _rocs_of_positive(answers: Sequence[Answers], labels: NDArray[np.int64], task: Task) -> list[curves.Roc]:
    if not 0 < task.is_positive(labels).sum() < len(labels):
        return []
    return [curves.roc(one.name, one.logits, labels, task, one.threshold) for one in answers]


def _rocs_of_classes(answers: Answers, labels: NDArray[np.int64], task: Task) -> list[curves.Roc]:
    """Of the classes that have images, where there is more than one."""
    present = np.unique(labels).tolist()
    return [
        curves.roc(task.labels[label], answers.logits, labels, task, label=label, scale=answers.scale)
        for label in present
        if len(present) > 1
    ]


def mistakes(images: ImageSet, answers: Answers, info: DataInfo) -> Section:
    """The images that were misclassified, the surest mistakes first: by the probability of the positive label, or
    where there is none by that of the wrong answer.

    Args:
        images: uint8 [N, H, W, C] in the order of the logits.
    """
    task = info.task
    called = decide(answers.logits, task, answers.threshold)
    shares = probabilities(answers.logits, answers.scale)
    whose = spoken(task.positive) if task.positive else "its answer"
    height, width = images.size
    notes = (
        f"p: the model's probability of {whose}. Shown as it sees them, {width} x {height} pixels.",
        f"Licence and attribution: {info.licence or 'not known'}",
    )
    parts: list[Part] = []
    for truth in (1 - task.positive_index, task.positive_index) if task.positive else range(len(task.labels)):
        found = np.flatnonzero((images.labels == truth) & (called != truth))
        sure = shares[found, called[found]]
        said = shares[found, task.positive_index] if task.positive else sure
        order = np.argsort(-sure, kind="stable")[: max(6, SHOWN * 2 // len(task.labels))]
        pictures = tuple(
            _mistake(images, row, p, task, truth, int(called[row]))
            for row, p in zip(found[order].tolist(), said[order].tolist(), strict=True)
        )
        name = _called(task, truth, 1 - truth if task.positive else None)
        count = f"{len(found)}" if len(order) == len(found) else f"the surest {len(order)} of {len(found)}"
        parts.append(Gallery(f"{name}: {count}", pictures, notes) if pictures else Bullets((f"{name}: none.",)))
    return Section(f"Misclassified {task.noun}s", tuple(parts), results=True)


def _mistake(images: ImageSet, row: int, said: float, task: Task, truth: int, answer: int) -> Picture:
    wrong = "" if task.positive else f"called {spoken(task.labels[answer])}, "  # no gallery's caption says it
    return picture(
        images.images[row],
        f"{wrong}p = {said:.3f}, {PurePosixPath(images.ids[row]).stem}",
        f"{capitalized(task.noun)} {images.ids[row]}. {_called(task, truth, answer)}.",
    )


def _called(task: Task, truth: int, answer: int | None) -> str:
    """`Normal, called pneumonia`; without an answer `Normal, called otherwise`."""
    other = "otherwise" if answer is None else spoken(task.labels[answer])
    return f"{capitalized(spoken(task.labels[truth]))}, called {other}"


def work_by_layer(program: Program) -> Figure:
    """What each layer costs."""
    what, costs = costs_of(program)
    work = [Bar(f"{i} {layer.op}", cost) for i, (layer, cost) in enumerate(zip(program.layers, costs, strict=True))]
    said = (
        {MACS: ("Products with padding are counted.",), MS: (estimated(program.estimate),)} if program.estimate else {}
    )
    return charts_board.bars("Work by layer", work, x=what, notes=said.get(what, ()))


def program_parts(program: Program, tflm_arena_bytes: int | None) -> tuple[Part, ...]:
    """The compiled program: its memory beside TFLM's, its arena over time, its layers."""
    theirs = [] if tflm_arena_bytes is None else [Bar("TFLM arena", tflm_arena_bytes)]
    memory = [*theirs, Bar("compiled C", program.ram_bytes)]
    operators = [layer.op for layer in program.layers]
    shared = "Blocks that overlap share memory: a layer writes over what it has read."
    kept = f", {program.ram_constant_bytes:,} of weights" if program.ram_constant_bytes else ""
    ends = f"Compiled C: {program.arena_bytes:,} of arena and {program.ends_bytes:,} of input and output{kept}."
    plan = charts_board.memory_plan
    return (
        plan("Memory plan of the compiled C", program.spans, operators, program.arena_bytes, notes=(shared,))
        if program.spans
        else Bullets(("The program needs no arena.",)),
        work_by_layer(program),
        charts_board.bars("Working memory", memory, x="bytes", notes=(ends,)),
        layers_table(program),
    )


def data_section(info: DataInfo, audit: Audit | None = None) -> Section:
    """What is known of the data set, and what its audit found. What a card says in its other sections is said with the
    audit alone."""
    task = info.task
    asked = (
        ("classes", f"{len(task.labels)}: {', '.join(task.labels)}"),
        ("images", "grey" if task.channels == 1 else "RGB"),
    )
    same = "of the same class" if info.mirror else "may be of another class: none in training"
    facts = (
        ("set", f"{info.name}{f' ({task.drawn})' if info.synthetic else ''}"),
        *(asked if audit else ()),
        *((("mirror images", same),) if audit or not info.mirror else ()),
        ("fingerprint", f"`{info.fingerprint}`"),
        ("licence and attribution", info.licence or "unknown"),
    )
    notes = [Bullets(info.notes)] if info.notes else []
    return Section("Data", (Facts(facts), *notes, *(audit_parts(audit) if audit else ())))
