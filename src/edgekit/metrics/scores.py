"""One function scores every model, whether it ran in torch, on the desktop, emulated or on a board.

In: logits, labels, a threshold. Out: an `EvalReport` with 95 % intervals.

A figure whose denominator is zero (the specificity of a set without negatives, the precision of a model that never
says the positive label) is NaN, null in JSON, with the interval [0, 1]. All intervals are closed forms: the same
numbers on every machine, and none has zero width at a perfect score.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.metrics.classes import Figure, class_figures, confusion_matrix, macro, ratio
from edgekit.metrics.decisions import checked, decide, log_odds
from edgekit.metrics.intervals import mean_interval, seeds_interval, wilson
from edgekit.values.evaluation import ClassFigures, EvalReport, ImageAnswers, Prediction, Threshold
from edgekit.values.images import DataInfo
from edgekit.values.limits import FloatOrNan
from edgekit.values.task import Task

METRICS = ("accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "auc")
_ONE_CLASS = "one class only: AUC and balanced accuracy are undefined"


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over several seeds; `sd` is the sample deviation, NaN for a single seed.

    `low` to `high` is the 95 % interval of the mean, for the images and for the seeds: see `intervals.seeds_interval`.
    NaN in what older versions wrote.
    """

    mean: FloatOrNan
    sd: FloatOrNan
    min: FloatOrNan
    max: FloatOrNan
    values: tuple[FloatOrNan, ...]
    low: FloatOrNan = math.nan
    high: FloatOrNan = math.nan


def score(
    logits: NDArray[Any], labels: NDArray[Any], threshold: Threshold | None, *,
    data: DataInfo, runtime: str, model_sha256: str, notes: Sequence[str] = (), scale: float = 1.0,
    ids: Sequence[str] = (),
) -> EvalReport:  # fmt: skip
    """Scores one model on one set.

    Args:
        logits: [N, classes]; integers for an int8 model, floats otherwise.
        labels: [N] class numbers of the set's task.
        threshold: chosen on validation, see `decisions.choose_threshold`; None where the greatest logit decides.
        data: the set; its notes come before `notes` in the report.
        runtime: `tflm`, `litert`, `torch`, `onnx` or the device's name.
        model_sha256: of the file that was run.
        scale: of an int8 model's output, by which its probabilities rank images; two classes need none.
        ids: [N] of the images; with them the report says what was answered to each.

    Raises:
        EdgekitError: no images, or logits that are not numbers.
    """
    task = data.task
    logits, labels = checked(logits, labels, task)
    said = decide(logits, task, threshold)
    figures, warnings = _figures(labels, said, log_odds(logits, scale), task)
    answers = None
    if len(ids):
        lists = tuple(map(int, labels)), tuple(map(int, said)), tuple(map(tuple, logits.tolist()))
        answers = ImageAnswers(data.fingerprint, tuple(ids), *lists, scale)
    return EvalReport(
        **figures,
        threshold=threshold if task.positive else None,
        runtime=runtime,
        model_sha256=model_sha256,
        input_range=None,  # whoever ran a model's file says it
        task=task,
        data=data.name,
        synthetic=data.synthetic,
        notes=(*data.notes, *notes, *warnings),
        answers=answers,
    )


def on_images(report: EvalReport, ids: Sequence[str]) -> EvalReport:
    """The report of these images alone, in this order, by the `answers` that it holds.

    Raises:
        KeyError: it says nothing of one of them.
    """
    assert report.answers is not None
    held = report.answers
    row_of = {name: row for row, name in enumerate(held.ids)}
    rows = [row_of[name] for name in ids]
    labels, said = (np.array(values, np.int64)[rows] for values in (held.labels, held.answers))
    logits = [held.logits[row] for row in rows]
    figures, _ = _figures(labels, said, log_odds(np.array(logits, np.float64), held.scale), report.task)
    answers = replace(
        held, ids=tuple(ids), labels=tuple(labels.tolist()), answers=tuple(said.tolist()), logits=tuple(logits)
    )
    return replace(report, **figures, answers=answers)


def _figures(
    labels: NDArray[np.int64], said: NDArray[np.int64], odds: NDArray[np.float64], task: Task
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fields of a report that follow from labels [N], answers [N] and log odds [N, classes]; what must be said."""
    matrix = confusion_matrix(labels, said, len(task.labels))
    right = int(np.trace(matrix))
    classes = class_figures(matrix, odds, labels, task.labels)
    confusion: dict[str, int] = {}
    if task.positive:
        figures, confusion, warnings = _of_positive(classes, matrix, task.positive_index)
    else:
        figures, warnings = macro(classes, matrix, odds, labels), _undefined(classes)
    figures["accuracy"] = ratio(right, len(labels)), wilson(right, len(labels))
    fields = {
        "n": len(labels),
        **{name: figures[name][0] for name in METRICS},
        "intervals": {name: figures[name][1] for name in METRICS},
        "confusion": confusion,
        "classes": classes,
        "matrix": tuple(map(tuple, matrix.tolist())),
    }
    return fields, warnings


def _of_positive(
    classes: Sequence[ClassFigures], matrix: NDArray[np.int64], positive: int
) -> tuple[dict[str, Figure], dict[str, int], tuple[str, ...]]:
    """The positive label's figures, its confusion, and what must be said of them."""
    one, other = classes[positive], 1 - positive
    figures = {name: (float(getattr(one, name)), one.intervals[name]) for name in one.intervals}
    halves = figures["recall"], figures["specificity"]
    values = [value for value, _ in halves]
    figures["balanced_accuracy"] = sum(values) / 2, mean_interval(values, [interval for _, interval in halves])
    (tn, fp), (fn, tp) = matrix[np.ix_((other, positive), (other, positive))].tolist()
    both_classes = tp + fn and tn + fp
    return figures, {"tn": tn, "fp": fp, "fn": fn, "tp": tp}, () if both_classes else (_ONE_CLASS,)


def _undefined(classes: Sequence[ClassFigures]) -> tuple[str, ...]:
    """Why means over the classes are missing, a sentence each."""
    absent = [one.label for one in classes if not one.n]
    silent = [one.label for one in classes if math.isnan(one.precision)]
    notes = []
    if absent:
        notes.append(f"no image of {', '.join(absent)}: recall, AUC and balanced accuracy have no mean")
    if silent:
        notes.append(f"no answer was {', '.join(silent)}: precision has no mean")
    return tuple(notes)


def score_predictions(
    predictions: Sequence[Prediction], threshold: Threshold | None, *,
    data: DataInfo, runtime: str, model_sha256: str, notes: Sequence[str] = (), scale: float = 1.0,
) -> EvalReport:  # fmt: skip
    """`score` of predictions, from the desktop or from a board."""
    logits = np.array([p.logits for p in predictions]).reshape(len(predictions), -1)
    labels = np.array([p.label for p in predictions], np.int64)
    return score(
        logits, labels, threshold, data=data, runtime=runtime, model_sha256=model_sha256, notes=notes, scale=scale
    )


def spread(reports: Sequence[EvalReport]) -> dict[str, Spread]:
    """Of each of METRICS, over reports of several seeds on the same images."""
    return {name: _spread([(float(getattr(one, name)), one.intervals[name]) for one in reports]) for name in METRICS}


def spread_by_class(reports: Sequence[EvalReport]) -> dict[str, dict[str, Spread]]:
    """Of each figure of each class, by the class's label and the figure's name."""
    found = {}
    for classes in zip(*(report.classes for report in reports), strict=True):
        names = ("precision", "recall", "f1", "auc")
        of_seeds = {name: [(float(getattr(one, name)), one.intervals[name]) for one in classes] for name in names}
        found[classes[0].label] = {name: _spread(figures) for name, figures in of_seeds.items()}
    return found


def _spread(figures: Sequence[Figure]) -> Spread:
    values = [value for value, _ in figures]
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    interval = seeds_interval(values, [interval for _, interval in figures])
    return Spread(float(np.mean(values)), sd, min(values), max(values), tuple(values), *interval)
