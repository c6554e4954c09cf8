"""From margins to the points of ROC and reliability curves.

In: margins (the positive label's logit minus the other's) and which images are positive. Out: `Roc` and `Reliability`,
which `report.charts_scores` draws.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.metrics.decisions import decide, probabilities
from edgekit.metrics.intervals import Interval, wilson
from edgekit.metrics.scores import auc
from edgekit.values.evaluation import Threshold

Floats = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Roc:
    """The curve of one model, from (0, 0) to (1, 1). All intervals are 95 %."""

    name: str
    false_alarms: Floats  # share of negative images called positive (1 - specificity), ascending
    recall: Floats  # share of positive images found, at each of them
    low: Floats  # to high: the interval of each recall (Wilson)
    high: Floats
    auc: float
    interval: Interval  # of the AUC (DeLong)
    point: tuple[float, float] | None = None  # (false alarms, recall) at the threshold that validation chose, if any
    point_x: Interval = (0.0, 1.0)  # intervals of the point
    point_y: Interval = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Reliability:
    """Ten bins of the said probability, the empty ones left out."""

    name: str
    said: Floats  # mean probability of the positive label in each bin
    found: Floats  # share of positive images in it
    low: Floats  # to high: its 95 % interval (Wilson)
    high: Floats
    images: tuple[int, ...]  # how many it holds
    brier: float  # mean squared distance of probability and truth (Brier, Monthly Weather Review 1950;78:1)
    error: float  # expected calibration error, the bins' mean |said - found| weighed by images


def roc(name: str, margins: NDArray[Any], positive: NDArray[Any], threshold: Threshold | None = None) -> Roc:
    """The ROC curve of margins [N] (integers for an int8 model) with positives [N]; corners only.

    Raises:
        ValueError: one class only.
    """
    margins, positive = np.asarray(margins), np.asarray(positive, bool)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        raise ValueError("a ROC curve needs both classes")
    order = np.argsort(-margins, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(margins[order]) != 0, True))  # the last image of each run of equal margins
    tp = np.concatenate([[0], np.cumsum(positive[order])[ends]])
    fp = np.concatenate([[0], np.cumsum(~positive[order])[ends]])
    turn = np.ones(len(tp), bool)  # points within a straight stretch say nothing
    turn[1:-1] = np.diff(tp)[:-1] * np.diff(fp)[1:] != np.diff(tp)[1:] * np.diff(fp)[:-1]
    tp, fp = tp[turn], fp[turn]
    bounds = [wilson(int(k), positives) for k in tp]
    area, interval = auc(margins, positive)
    point, point_x, point_y = None, (0.0, 1.0), (0.0, 1.0)
    if threshold is not None:
        called = decide(margins, threshold)
        alarms, found = int((called & ~positive).sum()), int((called & positive).sum())
        point = (alarms / negatives, found / positives)
        point_x, point_y = wilson(alarms, negatives), wilson(found, positives)
    return Roc(
        name,
        tuple((fp / negatives).tolist()),
        tuple((tp / positives).tolist()),
        tuple(low for low, _ in bounds),
        tuple(high for _, high in bounds),
        area, interval, point, point_x, point_y,
    )  # fmt: skip


def reliability(name: str, margins: NDArray[Any], positive: NDArray[Any], scale: float = 1.0) -> Reliability:
    """How far the probabilities of margins [N] (see `probabilities`) are those that the positives [N] show."""
    said, positive = probabilities(margins, scale), np.asarray(positive, bool)
    bins = np.minimum((said * 10).astype(int), 9)
    held = [bins == b for b in range(10) if (bins == b).any()]
    images = [int(one.sum()) for one in held]
    found = [int(positive[one].sum()) for one in held]
    bounds = [wilson(k, n) for k, n in zip(found, images, strict=True)]
    means = [float(said[one].mean()) for one in held]
    shares = [k / n for k, n in zip(found, images, strict=True)]
    gap = sum(n * abs(m - s) for n, m, s in zip(images, means, shares, strict=True)) / len(said)
    return Reliability(
        name, tuple(means), tuple(shares), tuple(b[0] for b in bounds), tuple(b[1] for b in bounds), tuple(images),
        float(np.mean((said - positive) ** 2)), gap,
    )  # fmt: skip
