"""Whether two models differ by more than chance: on the same images, or each on its own.

In: what two models answered to the same images, or two figures with their intervals. Out: a `McNemar` test, or the
95 % interval of a difference. Nothing here corrects for how many figures are looked at: each test stands by itself.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.metrics.classes import auc_influence
from edgekit.metrics.intervals import Interval, Z, student
from edgekit.values.comparison import McNemar, Method
from edgekit.values.task import Task

_EXACT_UP_TO = 1000  # discordant pairs; the binomial sum is cheap up to there


def mcnemar(a_correct: NDArray[np.bool_], b_correct: NDArray[np.bool_]) -> McNemar:
    """McNemar's test (Psychometrika 1947;12:153) of two models [N] on the same images.

    Exact, by the binomial distribution of the discordant pairs, where these are few; else by chi-squared with one
    degree of freedom and Edwards's continuity correction (Psychometrika 1948;13:185). No discordant pair gives p = 1.
    """
    only_a, only_b = int((a_correct & ~b_correct).sum()), int((b_correct & ~a_correct).sum())
    return McNemar(len(a_correct), only_a, only_b, *_p_value(only_a, only_b))


def _p_value(only_a: int, only_b: int) -> tuple[float, Method]:
    n = only_a + only_b
    if n <= _EXACT_UP_TO:
        ways: int = sum(math.comb(n, k) for k in range(min(only_a, only_b) + 1))
        return (min(1.0, 2 * ways / 2**n) if n else 1.0), "exact binomial"
    squared = max(0, abs(only_a - only_b) - 1) ** 2 / n
    return math.erfc(math.sqrt(squared / 2)), "chi-squared with continuity correction"


def mean_gain(a: Sequence[float], b: Sequence[float]) -> tuple[float, Interval]:
    """The mean of b - a over pairs, and its 95 % interval by Student's paired t test, which is two-sided: a gain is
    there where 0 lies outside.

    Raises:
        ValueError: fewer than two pairs, or not as many of one as of the other.
    """
    gains = [new - old for old, new in zip(a, b, strict=True)]
    if len(gains) < 2:
        raise ValueError("a paired test needs two pairs at least")
    mean = sum(gains) / len(gains)
    half = student(len(gains) - 1) * float(np.std(gains, ddof=1)) / math.sqrt(len(gains))
    return mean, (mean - half, mean + half)


def difference_interval(a: float, a_interval: Interval, b: float, b_interval: Interval, r: float = 0.0) -> Interval:
    """95 % interval of b - a from the two figures' own intervals: MOVER (Zou and Donner, Statistics in Medicine
    2008;27:1693). With Wilson's intervals and r = 0 it is Newcombe's method 10 (1998;17:873), with `correlation` his
    method 10 for pairs (1998;17:2635).

    Args:
        r: correlation of the two estimates; 0 where they are of separate images, and the careful guess where the images
            are the same and nothing is known of each.
    """
    below = (b - b_interval[0], a_interval[1] - a)
    above = (b_interval[1] - b, a - a_interval[0])
    low, high = (math.sqrt(max(0.0, x * x + y * y - 2 * r * x * y)) for x, y in (below, above))
    return max(-1.0, b - a - low), min(1.0, b - a + high)


Influences = Mapping[str, NDArray[np.float64]]


def influences(
    labels: NDArray[np.int64], answers: NDArray[np.int64], odds: NDArray[np.float64], task: Task
) -> Influences:
    """By how much each image moves each figure of a model, up to a constant factor, by the figure's name: [N] of
    `accuracy` and of `scores.METRICS`, of a class as `recall:LABEL`. The delta method: two models' estimates of a
    figure are correlated as their influences are.

    Args:
        labels, answers: [N] class numbers.
        odds: [N, classes] as `decisions.log_odds`.
    """
    right = (answers == labels).astype(np.float64)
    each = [_of_class(labels == k, answers == k) for k in range(len(task.labels))]
    ranked = auc_influence(odds, labels)
    for k, found in enumerate(each):
        found["auc"] = ranked[k]
    named = zip(task.labels, each, strict=True)
    by_class = {f"{name}:{label}": found[name] for label, found in named for name in found}
    mean = {name: np.mean([found[name] for found in each], axis=0) for name in each[0]}
    whole = each[task.positive_index] if task.positive else mean
    return {"accuracy": right - right.mean(), "balanced_accuracy": mean["recall"], **whole, **by_class}


def _of_class(true: NDArray[np.bool_], said: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
    """Of one class against the rest: what each of its figures, a ratio of two counts, gains by each image."""
    hit = true & said
    return {
        "precision": _of_ratio(hit, said.astype(np.float64)),
        "recall": _of_ratio(hit, true.astype(np.float64)),
        "specificity": _of_ratio(~true & ~said, (~true).astype(np.float64)),
        "f1": _of_ratio(2.0 * hit, true.astype(np.float64) + said),
    }


def _of_ratio(part: NDArray[Any], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    total = float(whole.sum())
    return (part - float(part.sum()) / total * whole) / total if total else np.zeros(len(whole))


def correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Of two estimates by the influences [N] of the same images on each; 0 where one of them cannot vary.

    A positive one is made smaller by half of what one image can do to both. Of proportions this is the phi coefficient
    with the continuity correction of Newcombe's method 10 for pairs: models that differ on one image differ by chance.
    """
    scale = math.sqrt(float(a @ a) * float(b @ b))
    if scale < 1e-12:
        return 0.0
    common = float(a @ b)
    return max(0.0, common - float(np.ptp(a) * np.ptp(b)) / 2) / scale if common > 0 else max(-1.0, common / scale)


def auc_interval(difference: float, a: NDArray[np.float64], b: NDArray[np.float64]) -> Interval | None:
    """95 % interval of the difference of two AUCs on the same images, from the influences [N] on each: that of DeLong,
    DeLong and Clarke-Pearson (Biometrics 1988;44:837). None where nothing varies, as between two perfect ones."""
    moved = b - a
    half = Z * math.sqrt(float(moved @ moved))
    return (max(-1.0, difference - half), min(1.0, difference + half)) if half > 1e-9 else None


def beyond_noise(interval: Sequence[float]) -> bool:
    """Whether the interval of a difference excludes zero."""
    return not interval[0] <= 0.0 <= interval[1]
