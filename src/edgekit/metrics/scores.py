"""One function scores every model, whether it ran in torch, on the desktop, emulated or on a board.

In: logits, labels, a threshold. Out: an `EvalReport` with 95 % intervals.

A figure whose denominator is zero (the specificity of a set without negatives, the precision of a model that never
says the positive label) is NaN, null in JSON, with the interval [0, 1]. All intervals are closed forms: the same
numbers on every machine, and none has zero width at a perfect score.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.metrics.classes import Figure, class_figures, confusion_matrix, macro, ratio
from edgekit.metrics.decisions import checked, decide, log_odds
from edgekit.metrics.intervals import mean_interval, seeds_interval, wilson
from edgekit.values.evaluation import ClassFigures, EvalReport, Prediction, Threshold
from edgekit.values.images import DataInfo
from edgekit.values.limits import FloatOrNan

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

    Raises:
        EdgekitError: no images, or logits that are not numbers.
    """
    task = data.task
    logits, labels = checked(logits, labels, task)
    matrix = confusion_matrix(labels, decide(logits, task, threshold), len(task.labels))
    odds, right = log_odds(logits, scale), int(np.trace(matrix))
    classes = class_figures(matrix, odds, labels, task.labels)
    if task.positive:
        figures, confusion, warnings = _of_positive(classes, matrix, task.positive_index)
    else:
        figures, confusion, warnings = macro(classes, matrix, odds, labels), {}, _undefined(classes)
    figures["accuracy"] = ratio(right, len(labels)), wilson(right, len(labels))
    return EvalReport(
        n=len(labels),
        **{name: figures[name][0] for name in METRICS},
        intervals={name: figures[name][1] for name in METRICS},
        confusion=confusion,
        threshold=threshold if task.positive else None,
        runtime=runtime,
        model_sha256=model_sha256,
        input_range=None,  # whoever ran a model's file says it
        task=task,
        data=data.name,
        synthetic=data.synthetic,
        notes=(*data.notes, *notes, *warnings),
        classes=classes,
        matrix=tuple(map(tuple, matrix.tolist())),
    )


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


def mcnemar(a_correct: NDArray[np.bool_], b_correct: NDArray[np.bool_]) -> float:
    """Exact two-sided p-value that two models err equally often on the same images (McNemar, 1947; binomial form)."""
    only_a, only_b = int((a_correct & ~b_correct).sum()), int((b_correct & ~a_correct).sum())
    n = only_a + only_b
    ways: int = sum(math.comb(n, k) for k in range(min(only_a, only_b) + 1))
    return min(1.0, 2 * ways / 2**n) if n else 1.0


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
