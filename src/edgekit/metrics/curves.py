"""From logits to the points of ROC and reliability curves.

In: logits, labels and the task. Out: `Roc` and `Reliability`, which `report.charts_scores` draws.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.metrics.classes import auc
from edgekit.metrics.decisions import decide, log_odds, probabilities
from edgekit.metrics.intervals import Interval, wilson
from edgekit.values.evaluation import Threshold
from edgekit.values.task import Task

Floats = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Roc:
    """The curve of one model for one class against the rest, from (0, 0) to (1, 1). All intervals are 95 %."""

    name: str
    false_alarms: Floats  # share of the others that are called so (1 - specificity), ascending
    recall: Floats  # share of the class's images found, at each of them
    low: Floats  # to high: the interval of each recall (Wilson)
    high: Floats
    auc: float
    interval: Interval  # of the AUC (DeLong)
    point: tuple[float, float]  # (false alarms, recall) where the model decides
    point_x: Interval  # intervals of the point
    point_y: Interval


@dataclass(frozen=True, slots=True)
class Reliability:
    """Ten bins of the said probability, the empty ones left out."""

    name: str
    said: Floats  # mean probability in each bin: of the positive label, or of the answer where there is none
    found: Floats  # share of the images in it that are so
    low: Floats  # to high: its 95 % interval (Wilson)
    high: Floats
    images: tuple[int, ...]  # how many it holds
    brier: float  # mean squared distance of probability and truth (Brier, Monthly Weather Review 1950;78:1)
    error: float  # expected calibration error, the bins' mean |said - found| weighed by images


def roc(
    name: str, logits: NDArray[Any], labels: NDArray[np.int64], task: Task, threshold: Threshold | None = None,
    *, label: int | None = None, scale: float = 1.0,
) -> Roc:  # fmt: skip
    """The ROC curve of logits [N, classes] (integers for an int8 model); corners only.

    Args:
        labels: [N] class numbers.
        threshold: None draws the point where the greatest logit decides.
        label: the class that is told from the rest; None for the positive one.
        scale: of an int8 model's output.

    Raises:
        ValueError: no image of the class, or none of the rest.
    """
    label = task.positive_index if label is None else label
    positive, scores = np.asarray(labels) == label, log_odds(logits, scale)[:, label]
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        raise ValueError("a ROC curve needs both classes")
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # the last image of each run of equal scores
    tp = np.concatenate([[0], np.cumsum(positive[order])[ends]])
    fp = np.concatenate([[0], np.cumsum(~positive[order])[ends]])
    turn = np.ones(len(tp), bool)  # points within a straight stretch say nothing
    turn[1:-1] = np.diff(tp)[:-1] * np.diff(fp)[1:] != np.diff(tp)[1:] * np.diff(fp)[:-1]
    tp, fp = tp[turn], fp[turn]
    bounds = [wilson(int(k), positives) for k in tp]
    area, interval = auc(scores, positive)
    called = decide(logits, task, threshold) == label
    alarms, found = int((called & ~positive).sum()), int((called & positive).sum())
    return Roc(
        name,
        tuple((fp / negatives).tolist()),
        tuple((tp / positives).tolist()),
        tuple(low for low, _ in bounds),
        tuple(high for _, high in bounds),
        area, interval, (alarms / negatives, found / positives), wilson(alarms, negatives), wilson(found, positives),
    )  # fmt: skip


def reliability(
    name: str, logits: NDArray[Any], labels: NDArray[np.int64], task: Task, scale: float = 1.0
) -> Reliability:
    """How far the probabilities of logits [N, classes] are those that the labels [N] show: of the positive label, or
    where there is none of the greatest (Guo, Pleiss, Sun and Weinberger, ICML 2017).

    The Brier score is the positive label's, or where there is none the sum over the classes, in [0, 2].
    """
    shares, labels = probabilities(logits, scale), np.asarray(labels)
    if task.positive:
        said, truth = shares[:, task.positive_index], task.is_positive(labels)
        brier = float(np.mean((said - truth) ** 2))
    else:
        said, truth = shares.max(axis=1), shares.argmax(axis=1) == labels
        brier = float(np.mean(((shares - np.eye(len(task.labels))[labels]) ** 2).sum(axis=1)))
    bins = np.minimum((said * 10).astype(int), 9)
    held = [bins == b for b in range(10) if (bins == b).any()]
    images = [int(one.sum()) for one in held]
    found = [int(truth[one].sum()) for one in held]
    bounds = [wilson(k, n) for k, n in zip(found, images, strict=True)]
    means = [float(said[one].mean()) for one in held]
    ratios = [k / n for k, n in zip(found, images, strict=True)]
    gap = sum(n * abs(m - s) for n, m, s in zip(images, means, ratios, strict=True)) / len(said)
    return Reliability(
        name, tuple(means), tuple(ratios), tuple(b[0] for b in bounds), tuple(b[1] for b in bounds), tuple(images),
        brier, gap,
    )  # fmt: skip
