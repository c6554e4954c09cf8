"""From margins to the points of ROC and reliability curves.

In: margins (pneumonia logit minus normal logit) and labels. Out: `Roc` and `Reliability`, which `figures` draws.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.metrics.intervals import Interval, wilson
from edgekit.metrics.scores import auc, decide
from edgekit.values.evaluation import Threshold

Floats = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Roc:
    """The curve of one model, from (0, 0) to (1, 1).

    Attributes:
        false_alarms: share of normals called pneumonia (1 - specificity), ascending.
        recall: share of pneumonias found, at each of them.
        low, high: 95 % interval (Wilson) of each recall.
        interval: of the AUC (DeLong).
        point: (false alarms, recall) at the threshold that validation chose, with `point_x` and `point_y`, their
            95 % intervals; None without a threshold.
    """

    name: str
    false_alarms: Floats
    recall: Floats
    low: Floats
    high: Floats
    auc: float
    interval: Interval
    point: tuple[float, float] | None = None
    point_x: Interval = (0.0, 1.0)
    point_y: Interval = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Reliability:
    """Ten bins of the said probability, the empty ones left out.

    Attributes:
        said: mean probability of pneumonia in each bin.
        found: share of pneumonias in it, with `low` and `high`, its 95 % interval (Wilson).
        images: how many images it holds.
        brier: mean squared distance of probability and truth (Brier, Monthly Weather Review 1950;78:1).
        error: expected calibration error, the bins' mean |said - found| weighed by images.
    """

    name: str
    said: Floats
    found: Floats
    low: Floats
    high: Floats
    images: tuple[int, ...]
    brier: float
    error: float


def roc(name: str, margins: NDArray[Any], labels: NDArray[Any], threshold: Threshold | None = None) -> Roc:
    """The ROC curve of margins [N] (integers for an int8 model) with labels [N]; corners only.

    Raises:
        ValueError: one class only.
    """
    margins, sick = np.asarray(margins), np.asarray(labels) == 1
    positives, negatives = int(sick.sum()), int((~sick).sum())
    if not positives or not negatives:
        raise ValueError("a ROC curve needs both classes")
    order = np.argsort(-margins, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(margins[order]) != 0, True))  # the last image of each run of equal margins
    tp = np.concatenate([[0], np.cumsum(sick[order])[ends]])
    fp = np.concatenate([[0], np.cumsum(~sick[order])[ends]])
    turn = np.ones(len(tp), bool)  # points within a straight stretch say nothing
    turn[1:-1] = np.diff(tp)[:-1] * np.diff(fp)[1:] != np.diff(tp)[1:] * np.diff(fp)[:-1]
    tp, fp = tp[turn], fp[turn]
    bounds = [wilson(int(k), positives) for k in tp]
    area, interval = auc(margins, np.asarray(labels))
    point, point_x, point_y = None, (0.0, 1.0), (0.0, 1.0)
    if threshold is not None:
        called = decide(margins, threshold)
        alarms, found = int((called & ~sick).sum()), int((called & sick).sum())
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


def reliability(name: str, margins: NDArray[Any], labels: NDArray[Any], scale: float = 1.0) -> Reliability:
    """How far the probabilities (sigmoid of `scale` times the margins [N]) are those that the labels [N] show.

    Args:
        scale: of an int8 model's output; 1 for float margins.
    """
    said = 1 / (1 + np.exp(-np.clip(np.asarray(margins, np.float64) * scale, -36.0, 36.0)))
    sick = np.asarray(labels) == 1
    bins = np.minimum((said * 10).astype(int), 9)
    held = [bins == b for b in range(10) if (bins == b).any()]
    images = [int(one.sum()) for one in held]
    found = [int(sick[one].sum()) for one in held]
    bounds = [wilson(k, n) for k, n in zip(found, images, strict=True)]
    means = [float(said[one].mean()) for one in held]
    shares = [k / n for k, n in zip(found, images, strict=True)]
    gap = sum(n * abs(m - s) for n, m, s in zip(images, means, shares, strict=True)) / len(said)
    return Reliability(
        name, tuple(means), tuple(shares), tuple(b[0] for b in bounds), tuple(b[1] for b in bounds), tuple(images),
        float(np.mean((said - sick) ** 2)), gap,
    )  # fmt: skip
