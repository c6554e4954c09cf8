"""What each class's figures are against the rest, and their means over the classes.

In: a confusion matrix [truth][answer], and scores by which the images can be ranked for each class. Out:
`ClassFigures`, and macro averages with 95 % intervals.

An interval of a mean over classes is made of the classes' own (`intervals.mean_interval`). Recalls are of separate
images and so are precisions, given who was called what: independent. Specificities err on common images, but one image
can be called only one wrong class, so their errors exclude each other and independence is the careful guess. One error
spoils the F1 of two classes, and one image counts in the AUC of all: their correlation comes from the delta method
(Takahashi, Yamamoto, Kuchiba and Koyama, Applied Intelligence 2022;52:4961, for F1; DeLong, DeLong and Clarke-Pearson,
Biometrics 1988;44:837, for AUC).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.metrics.intervals import Interval, Z, correlation_of, f1_interval, mean_interval, newcombe_auc, wilson
from edgekit.values.evaluation import ClassFigures

Matrix = NDArray[np.int64]
Figure = tuple[float, Interval]


def confusion_matrix(labels: NDArray[np.int64], answers: NDArray[np.int64], classes: int) -> Matrix:
    """How many images of each class (row) were given each answer (column)."""
    found = np.zeros((classes, classes), np.int64)
    np.add.at(found, (labels, answers), 1)
    return found


def class_figures(matrix: Matrix, odds: NDArray[np.float64], labels: NDArray[np.int64], names: Sequence[str]) -> tuple[
    ClassFigures, ...
]:  # fmt: skip
    """Each class against the rest.

    Args:
        odds: [N, classes], by which images are ranked for the AUC of each class: `decisions.log_odds`.
        labels: [N] class numbers.
        names: of the classes.
    """
    found = []
    for label, name in enumerate(names):
        tp, images, said = int(matrix[label, label]), int(matrix[label].sum()), int(matrix[:, label].sum())
        others, fp = len(labels) - images, said - tp
        figures = {
            "precision": (ratio(tp, said), wilson(tp, said)),
            "recall": (ratio(tp, images), wilson(tp, images)),
            "specificity": (ratio(others - fp, others), wilson(others - fp, others)),
            "f1": (ratio(2 * tp, images + said), f1_interval(tp, images - tp, fp)),
            "auc": auc(odds[:, label], labels == label),
        }
        found.append(
            ClassFigures(
                name, images, **{key: figure for key, (figure, _) in figures.items()},
                intervals={key: interval for key, (_, interval) in figures.items()},
            )
        )  # fmt: skip
    return tuple(found)


def macro(
    classes: Sequence[ClassFigures], matrix: Matrix, odds: NDArray[np.float64], labels: NDArray[np.int64]
) -> dict[str, Figure]:
    """The mean over the classes of precision, recall, specificity, F1 and AUC, each with its interval; NaN where one of
    the classes has none. The recall's is the balanced accuracy."""
    correlations = {"f1": _f1_correlation(classes, matrix), "auc": _auc_correlation(odds, labels)}
    found: dict[str, Figure] = {}
    for name in ("precision", "recall", "specificity", "f1", "auc"):
        values = [float(getattr(one, name)) for one in classes]
        interval = mean_interval(values, [one.intervals[name] for one in classes], correlations.get(name))
        found[name] = sum(values) / len(values), interval
    return {**found, "balanced_accuracy": found["recall"]}


def auc(scores: NDArray[Any], positive: NDArray[Any]) -> Figure:
    """Area under the ROC curve of scores [N] with positives [N], ties counted as half, and its 95 % interval.

    The interval is DeLong's (DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837) on the logit scale, which
    keeps it in [0, 1] (Pepe, The Statistical Evaluation of Medical Tests, 2003, section 5.2). Where DeLong's variance
    is zero (perfect separation, or constant scores) it is Newcombe's method 5 (Statistics in Medicine 2006;25:559).
    """
    positive = np.asarray(positive, bool)
    if positive.all() or not positive.any():
        return math.nan, (0.0, 1.0)
    found, spared = _placements(np.sort(scores[positive]), np.sort(scores[~positive]))
    area = float(found.mean())
    if min(len(found), len(spared)) > 1 and 0 < area < 1:
        variance = float(found.var(ddof=1) / len(found) + spared.var(ddof=1) / len(spared))
        if variance > 0:
            centre, half = math.log(area / (1 - area)), Z * math.sqrt(variance) / (area * (1 - area))
            return area, (_logistic(centre - half), _logistic(centre + half))
    return area, newcombe_auc(area, len(found), len(spared))


def ratio(part: int, whole: int) -> float:
    """NaN where the whole is nothing."""
    return part / whole if whole else math.nan


def _f1_correlation(classes: Sequence[ClassFigures], matrix: Matrix) -> NDArray[np.float64]:
    """By how much an image of each cell of the matrix moves each F1, 2 tp / (images + answers)."""
    influence = np.zeros((len(matrix), *matrix.shape))
    for label, one in enumerate(classes):
        f1 = 0.0 if math.isnan(one.f1) else one.f1
        influence[label, label, :] -= f1
        influence[label, :, label] -= f1
        influence[label, label, label] += 2
        influence[label] /= max(1, matrix[label].sum() + matrix[:, label].sum())
    return correlation_of(influence.reshape(len(matrix), -1), matrix.ravel() / max(1, matrix.sum()))


def _auc_correlation(odds: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    count = len(labels)
    return correlation_of(auc_influence(odds, labels) * count, np.full(count, 1 / count))


def auc_influence(odds: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """By how much each image moves the AUC of each class [classes, N]: the share of the other side that it is ranked
    right of. Zeros where the class has no images, or all."""
    influence = np.zeros((odds.shape[1], len(labels)))
    for label in range(odds.shape[1]):
        positive = labels == label
        if positive.any() and not positive.all():
            found, spared = _placements(odds[positive, label], odds[~positive, label])
            influence[label, positive] = (found - found.mean()) / len(found)
            influence[label, ~positive] = (spared - spared.mean()) / len(spared)
    return influence


def _placements(above: NDArray[Any], below: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each score of the class the share of the others' below it, and for each of the others' that above it."""
    return _share_below(np.sort(below), above), 1 - _share_below(np.sort(above), below)


def _share_below(sorted_scores: NDArray[Any], at: NDArray[Any]) -> NDArray[np.float64]:
    """For each value of `at` the share of scores below it, equal ones counted as half."""
    twice = np.searchsorted(sorted_scores, at, "left") + np.searchsorted(sorted_scores, at, "right")
    return np.asarray(twice / (2 * len(sorted_scores)), dtype=np.float64)


def _logistic(odds: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(odds, -36.0, 36.0))))
