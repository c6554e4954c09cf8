"""One function scores every model, whether it ran in torch, on the desktop, emulated or on a board.

In: margins (the positive label's logit minus the other's), labels, a threshold. Out: an `EvalReport` with 95 %
intervals.

A figure whose denominator is zero (the specificity of a set without negatives, the precision of a model that never
says the positive label) is NaN, null in JSON, with the interval [0, 1]. All intervals are closed forms: the same
numbers on every machine, and none has zero width at a perfect score.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.metrics.decisions import checked, decide, probabilities
from edgekit.metrics.intervals import Interval, Z, balanced_interval, f1_interval, newcombe_auc, wilson
from edgekit.values.evaluation import EvalReport, Prediction, Threshold
from edgekit.values.images import DataInfo
from edgekit.values.limits import FloatOrNan

METRICS = ("accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "auc")
_ONE_CLASS = "one class only: AUC and balanced accuracy are undefined"


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over several seeds; `sd` is the sample deviation, NaN for a single seed."""

    mean: FloatOrNan
    sd: FloatOrNan
    min: FloatOrNan
    max: FloatOrNan
    values: tuple[FloatOrNan, ...]


def score(
    margins: NDArray[Any],
    labels: NDArray[Any],
    threshold: Threshold,
    *,
    data: DataInfo,
    runtime: str,
    model_sha256: str,
    notes: Sequence[str] = (),
) -> EvalReport:
    """Scores one model on one set.

    Args:
        margins: [N], see `Task.margins`; integers for an int8 model, floats otherwise.
        labels: [N] class numbers of the set's task.
        threshold: chosen on validation, see `decisions.choose_threshold`.
        data: the set; its notes come before `notes` in the report.
        runtime: `tflm`, `litert`, `torch`, `onnx` or the device's name.
        model_sha256: of the file that was run.

    Raises:
        EdgekitError: no images, or margins that are not numbers.
    """
    margins, positive = checked(margins, data.task.is_positive(labels))
    called = decide(margins, threshold)
    tp, fn = int((called & positive).sum()), int((~called & positive).sum())
    fp, tn = int((called & ~positive).sum()), int((~called & ~positive).sum())
    recall, specificity = _ratio(tp, tp + fn), _ratio(tn, tn + fp)
    figures = {
        "accuracy": (_ratio(tp + tn, len(positive)), wilson(tp + tn, len(positive))),
        "balanced_accuracy": ((recall + specificity) / 2, balanced_interval(tp, fn, tn, fp)),
        "precision": (_ratio(tp, tp + fp), wilson(tp, tp + fp)),
        "recall": (recall, wilson(tp, tp + fn)),
        "specificity": (specificity, wilson(tn, tn + fp)),
        "f1": (_ratio(2 * tp, 2 * tp + fp + fn), f1_interval(tp, fn, fp)),
        "auc": auc(margins, positive),
    }
    both_classes = tp + fn and tn + fp
    return EvalReport(
        n=len(positive),
        **{name: figure for name, (figure, _) in figures.items()},
        intervals={name: interval for name, (_, interval) in figures.items()},
        confusion={"tn": tn, "fp": fp, "fn": fn, "tp": tp},
        threshold=threshold,
        runtime=runtime,
        model_sha256=model_sha256,
        input_range=None,  # whoever ran a model's file says it
        task=data.task,
        data=data.name,
        synthetic=data.synthetic,
        notes=(*data.notes, *notes, *(() if both_classes else (_ONE_CLASS,))),
    )


def score_predictions(
    predictions: Sequence[Prediction],
    threshold: Threshold,
    *,
    data: DataInfo,
    runtime: str,
    model_sha256: str,
    notes: Sequence[str] = (),
) -> EvalReport:
    """`evaluate` of predictions, from the desktop or from a board."""
    margins = data.task.margins([p.logits for p in predictions]) if predictions else np.zeros(0)
    labels = np.array([p.label for p in predictions], np.int64)
    return score(margins, labels, threshold, data=data, runtime=runtime, model_sha256=model_sha256, notes=notes)


def auc(margins: NDArray[Any], positive: NDArray[Any]) -> tuple[float, Interval]:
    """Area under the ROC curve of margins [N] with positives [N], ties counted as half, and its 95 % interval.

    The interval is DeLong's (DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837) on the logit scale, which
    keeps it in [0, 1] (Pepe, The Statistical Evaluation of Medical Tests, 2003, section 5.2). Where DeLong's variance
    is zero (perfect separation, or constant scores) it is Newcombe's method 5 (Statistics in Medicine 2006;25:559).
    """
    positive = np.asarray(positive, bool)
    above, below = np.sort(margins[positive]), np.sort(margins[~positive])
    if not len(above) or not len(below):
        return math.nan, (0.0, 1.0)
    found = _share_below(below, above)  # for each positive image the share of negative ones below it
    spared = 1 - _share_below(above, below)
    area = float(found.mean())
    if min(len(above), len(below)) > 1 and 0 < area < 1:
        variance = float(found.var(ddof=1) / len(above) + spared.var(ddof=1) / len(below))
        if variance > 0:
            centre, half = math.log(area / (1 - area)), Z * math.sqrt(variance) / (area * (1 - area))
            return area, (float(probabilities(centre - half)), float(probabilities(centre + half)))
    return area, newcombe_auc(area, len(above), len(below))


def mcnemar(a_correct: NDArray[np.bool_], b_correct: NDArray[np.bool_]) -> float:
    """Exact two-sided p-value that two models err equally often on the same images (McNemar, 1947; binomial form)."""
    only_a, only_b = int((a_correct & ~b_correct).sum()), int((b_correct & ~a_correct).sum())
    n = only_a + only_b
    ways: int = sum(math.comb(n, k) for k in range(min(only_a, only_b) + 1))
    return min(1.0, 2 * ways / 2**n) if n else 1.0


def spread(reports: Sequence[EvalReport]) -> Mapping[str, Spread]:
    """Mean, sample deviation, least, greatest and all values of each of METRICS, over reports of several seeds."""
    result = {}
    for name in METRICS:
        values = [float(getattr(report, name)) for report in reports]
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
        result[name] = Spread(float(np.mean(values)), sd, min(values), max(values), tuple(values))
    return result


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _share_below(sorted_scores: NDArray[Any], at: NDArray[Any]) -> NDArray[np.float64]:
    """For each value of `at` the share of scores below it, equal ones counted as half."""
    twice = np.searchsorted(sorted_scores, at, "left") + np.searchsorted(sorted_scores, at, "right")
    return np.asarray(twice / (2 * len(sorted_scores)), dtype=np.float64)
