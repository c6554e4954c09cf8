"""How two evaluations differ: on the images that both saw, pair by pair, where they tell.

In: two `EvalReport`s. Out: `Difference`s with 95 % intervals, and McNemar's test.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgekit.comparison.quantities import BY_CLASS, FIGURES
from edgekit.comparison.side import Side
from edgekit.errors import EdgekitError
from edgekit.metrics.decisions import log_odds
from edgekit.metrics.intervals import Interval
from edgekit.metrics.paired import (
    auc_interval,
    beyond_noise,
    correlation,
    difference_interval,
    influences,
    mcnemar,
)  # fmt: skip
from edgekit.metrics.scores import on_images
from edgekit.values.comparison import Difference, McNemar, Noise
from edgekit.values.evaluation import EvalReport
from edgekit.values.task import Task

_SIGNIFICANT = 0.05


def compared_figures(
    a: Side, b: Side, one: EvalReport, other: EvalReport
) -> tuple[list[Difference], McNemar | None, list[str]]:
    """Each figure of both with the interval of its difference, McNemar's test where both saw the same images, and what
    must be said.

    Raises:
        EdgekitError: one image with two labels, or evaluations of different positive labels without their answers.
    """
    one, other, said = _of_one_task(a, b, one, other)
    same_data, why = _same_data(a, b, one, other)
    if same_data and one.answers and other.answers:
        common = _common_ids(a, b, one, other)
        if common:
            if not len(common) == one.n == other.n:
                counts = f"{len(common):,} images that both saw; A saw {one.n:,}, B {other.n:,}"
                said = [*said, f"Figures are of the {counts}."]
            return *_paired(on_images(one, common), on_images(other, common)), said
        same_data, why = False, "A and B saw no image in common: nothing tells chance from the models' difference."
    rows = [_figure(name, one, other, 0.0 if same_data else None) for name in _names(one.task)]
    return rows, None, [*said, why]


def _of_one_task(a: Side, b: Side, one: EvalReport, other: EvalReport) -> tuple[EvalReport, EvalReport, list[str]]:
    """The reports with their classes in one order, and by the figures of all classes where they do not look for the
    same one."""
    looked_for = [report.task.positive for report in (one, other)]
    if looked_for[0].casefold() == looked_for[1].casefold():
        return one, _in_order_of(one.task, other), []
    says = f"A looks for {looked_for[0] or 'no class'}, B for {looked_for[1] or 'no class'}"
    if one.answers is None or other.answers is None:
        raise EdgekitError(
            f"{says}: their figures are of different things.",
            f"Evaluate both anew with --json, {a.path} and {b.path}: then all classes can be compared.",
        )
    task = replace(one.task, positive="")
    one, other = (on_images(replace(each, task=replace(each.task, positive="")), each.answers.ids)
                  for each in (one, other) if each.answers)  # fmt: skip
    return one, _in_order_of(task, other), [f"{says}: figures are of all classes, by each model's own decision."]


def _in_order_of(task: Task, report: EvalReport) -> EvalReport:
    """The report with its classes numbered as the task's are."""
    given = [label.casefold() for label in report.task.labels]
    order = [given.index(label.casefold()) for label in task.labels]  # theirs, by ours
    if order == sorted(order) and report.task.labels == task.labels:
        return report
    ours = [order.index(theirs) for theirs in range(len(order))]
    answers = report.answers and replace(
        report.answers,
        labels=tuple(ours[k] for k in report.answers.labels),
        answers=tuple(ours[k] for k in report.answers.answers),
        logits=tuple(tuple(row[k] for k in order) for row in report.answers.logits),
    )
    classes = tuple(
        replace(report.classes[k], label=label) for k, label in zip(order, task.labels, strict=True)
    ) if report.classes else ()  # fmt: skip
    return replace(report, task=task, answers=answers, classes=classes, matrix=())


def _same_data(a: Side, b: Side, one: EvalReport, other: EvalReport) -> tuple[bool, str]:
    """Whether the two were evaluated on the same set, as far as they tell, and what to say where images are not
    matched."""
    told = a.fingerprint and b.fingerprint
    if (a.fingerprint != b.fingerprint) if told else (one.data != other.data):
        names = f"{one.data or 'unnamed data'} and {other.data or 'unnamed data'}"
        files = " (of one name, but of other files)" if one.data == other.data else ""
        return False, f"Different data sets, {names}{files}: nothing tells the models' difference from the images'."
    silent = [name for name, report in (("A", one), ("B", other)) if not report.answers]
    says = f"{silent[0]} holds" if len(silent) == 1 else "A and B hold"
    return True, (
        f"{says} no answers to single images (`evaluate --json` does): no McNemar test. Intervals take the two "
        "for independent, which is the careful guess."
    )


def _common_ids(a: Side, b: Side, one: EvalReport, other: EvalReport) -> list[str]:
    assert one.answers is not None
    assert other.answers is not None
    truth = dict(zip(other.answers.ids, other.answers.labels, strict=True))
    common = [(name, label) for name, label in zip(one.answers.ids, one.answers.labels, strict=True) if name in truth]
    for name, label in common:
        if truth[name] != label:
            raise EdgekitError(
                f"{a.path} says that {name} is {one.task.labels[label]}, {b.path} that it is "
                f"{one.task.labels[truth[name]]}.",
                "Evaluate both on the same data: edgekit evaluate MODEL --data DATA --json.",
            )
    return [name for name, _ in common]


def _paired(one: EvalReport, other: EvalReport) -> tuple[list[Difference], McNemar]:
    """Of two reports on the same images in the same order."""
    (labels, said, moved), (_, said_b, moved_b) = _arrays(one), _arrays(other)
    right, right_b = said == labels, said_b == labels
    task = one.task
    kept = {f"recall:{label}": labels == k for k, label in enumerate(task.labels)}
    if task.positive:
        kept |= {"recall": task.is_positive(labels), "specificity": ~task.is_positive(labels)}
    rows = []
    for name in _names(task):
        row = _figure(name, one, other, correlation(moved[name], moved_b[name]))
        if name.partition(":")[0] == "auc" and row.difference is not None:
            row = _tested_by(row, auc_interval(row.difference, moved[name], moved_b[name]) or row.interval)
        if name == "accuracy" or name in kept:
            rows_of = kept.get(name, np.ones(len(labels), bool))
            p = mcnemar(right[rows_of], right_b[rows_of]).p
            row = replace(row, p=p, noise="beyond" if p < _SIGNIFICANT else "within")
        rows.append(row)
    return rows, mcnemar(right, right_b)


def _arrays(report: EvalReport) -> tuple[NDArray[np.int64], NDArray[np.int64], Mapping[str, NDArray[np.float64]]]:
    held = report.answers
    assert held is not None
    labels, said = np.array(held.labels, np.int64), np.array(held.answers, np.int64)
    odds = log_odds(np.array(held.logits, np.float64), held.scale)
    return labels, said, influences(labels, said, odds, report.task)


def _names(task: Task) -> list[str]:
    each = () if task.positive else [f"{name}:{label}" for label in task.labels for name in BY_CLASS]
    whole = [name for name in FIGURES if task.positive or name != "recall"]  # which is the balanced accuracy there
    return [*whole, *each]


def _figure(name: str, one: EvalReport, other: EvalReport, r: float | None) -> Difference:
    """A figure of both with the interval of its difference; `r` is the correlation of the two, None where they are not
    of the same data."""
    (a, a_interval), (b, b_interval) = _value(one, name), _value(other, name)
    key, _, label = name.partition(":")
    title = FIGURES[key].title
    if label:
        title = f"{title} of {label}"
    elif not one.task.positive and "accuracy" not in key:
        title = f"macro {title}"
    if math.isnan(a) or math.isnan(b):
        return Difference(name, title, "share", a, b, None, None, None, None, "untested", "undefined for one of them")
    untested = Difference(name, title, "share", a, b, b - a, (b - a) / a if a else None, None, None, "untested")
    return _tested_by(untested, None if r is None else difference_interval(a, a_interval, b, b_interval, r))


def _tested_by(row: Difference, interval: Interval | None) -> Difference:
    noise: Noise = "untested" if interval is None else "beyond" if beyond_noise(interval) else "within"
    return replace(row, interval=interval, noise=noise)


def _value(report: EvalReport, name: str) -> tuple[float, Interval]:
    key, _, label = name.partition(":")
    of = next((one for one in report.classes if one.label == label), None) if label else report
    if of is None:  # of an older version
        return math.nan, (0.0, 1.0)
    return float(getattr(of, key)), of.intervals[key]
