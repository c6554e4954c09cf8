"""The section of a page on its threshold: scores by class, and what another threshold would make of the same images.

In: the answers of a model of two classes. Out: a `Section`.
"""

import numpy as np
from numpy.typing import NDArray

from edgekit.metrics.intervals import wilson
from edgekit.metrics.operating_points import OperatingPoints, operating_points, scores_by_class
from edgekit.report import charts_histogram
from edgekit.report.document import Cell, Column, Prose, Row, Section, Slider, Table
from edgekit.report.pages.sections import Answers
from edgekit.report.tables import number
from edgekit.values.task import Task, spoken

_LOOKING = (
    "The slider is for looking. The model's own threshold was chosen on validation images before these were seen; one "
    "chosen by the figures here would have to be tried on images that nobody has looked at."
)
_NONE = "No threshold was chosen for this model: the greater output decides. The slider is for looking."


def threshold_section(labels: NDArray[np.int64], answers: Answers, task: Task) -> Section:
    """Of a task with a positive label; the tables hold the figures at the model's own threshold.

    Args:
        labels: [N] class numbers, in the order of the answers.
    """
    points = operating_points(answers.logits, labels, task, answers.threshold, answers.scale)
    odds = scores_by_class(answers.logits, labels, task, answers.scale)
    scales = "The axis is that of the log odds. Each class has its own scale of images."
    figure = charts_histogram.scores_by_class("Scores by class", odds, points, task, notes=(scales,))
    slider = Slider(points, f"probability of {spoken(task.positive)}")
    said = Prose(_LOOKING if answers.threshold else _NONE)
    return Section(
        "Threshold", (figure, slider, confusion_at(points, task), rates_at(points, task), said), results=True
    )


def confusion_at(points: OperatingPoints, task: Task) -> Table:
    """The confusion at the model's own threshold, the positive label last."""
    missed, rejected = points.missed[points.own], points.rejected[points.own]
    rows: list[Row] = [
        (label, _images(below, of), _images(of - below, of))
        for label, below, of in ((task.negative, rejected, points.negatives), (task.positive, missed, points.positives))
    ]
    said = (Column("truth", "left"), Column(f"called {task.negative}"), Column(f"called {task.positive}"))
    return Table("Confusion at the threshold", said, tuple(rows))


def rates_at(points: OperatingPoints, task: Task) -> Table:
    """Rates at the model's own threshold with their 95 % intervals (Wilson)."""
    missed, rejected = points.missed[points.own], points.rejected[points.own]
    found, alarms = points.positives - missed, points.negatives - rejected
    rates = (
        ("sensitivity (recall)", found, points.positives),
        ("specificity", rejected, points.negatives),
        ("precision", found, found + alarms),
        ("accuracy", found + rejected, points.positives + points.negatives),
    )
    rows = tuple((name, _rate(part, of)) for name, part, of in rates)
    columns = (Column("rate", "left"), Column("value"))
    notes = (f"Positive: {task.positive}. With 95 % intervals and images.",)
    return Table("Rates at the threshold", columns, rows, notes)


def _images(count: int, of: int) -> Cell:
    return Cell(f"{count:,}", f"{count / of:.1%}" if of else "", value=count)


def _rate(part: int, of: int) -> Cell:
    low, high = wilson(part, of)
    share = part / of if of else None
    return Cell(number(share), f"{low:.3f} to {high:.3f}; {part:,} of {of:,}", value=share)
