"""95 % intervals in closed form: the same numbers on every machine, and none of zero width at a perfect score.

In: counts. Out: (low, high) in [0, 1].
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float]

Z = 1.959963984540054  # the 97.5 % point of the normal distribution
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)  # of the t distribution, by its degrees


def wilson(k: int, n: int) -> Interval:
    """95 % interval of the proportion k / n (Wilson, JASA 1927;22:209); [0, 1] where n is 0."""
    if n == 0:
        return 0.0, 1.0
    p, z2 = k / n, Z * Z
    centre, half = (p + z2 / (2 * n)) / (1 + z2 / n), Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return (0.0 if k == 0 else centre - half), (1.0 if k == n else centre + half)


def mean_interval(
    values: Sequence[float], intervals: Sequence[Interval], correlation: NDArray[np.float64] | None = None
) -> Interval:
    """Of the mean of K figures, from the interval of each: square-and-add (Newcombe, Statistics in Medicine
    1998;17:873), or MOVER, which takes their correlation into account (Zou and Donner, 2008;27:1693); [0, 1] where one
    is NaN.

    Args:
        correlation: [K, K] of the estimates; None where they are independent.
    """
    if any(map(math.isnan, values)):
        return 0.0, 1.0
    count, centre = len(values), sum(values) / len(values)
    apart = ([value - low for value, (low, _) in zip(values, intervals, strict=True)],
             [high - value for value, (_, high) in zip(values, intervals, strict=True)])  # fmt: skip
    if correlation is None:
        low, high = (math.hypot(*side) for side in apart)
    else:
        low, high = (math.sqrt(max(0.0, float(np.array(side) @ correlation @ np.array(side)))) for side in apart)
    return centre - low / count, centre + high / count


def seeds_interval(values: Sequence[float], intervals: Sequence[Interval]) -> Interval:
    """Of the mean of a figure over seeds that were all tried on the same images, from the figure's interval for each.

    It adds two parts by squares (`mean_interval`): the mean of the seeds' bounds, which is the images' part where all
    seeds err alike, the worst; and Student's t interval of the mean, the seeds' part, left out for a single seed.
    """
    count = len(values)
    low, high = mean_interval(values, intervals, np.ones((count, count)))
    if count == 1 or any(map(math.isnan, values)):
        return low, high
    centre = sum(values) / count
    half = student(count - 1) * float(np.std(values, ddof=1)) / math.sqrt(count)
    return max(0.0, centre - math.hypot(centre - low, half)), min(1.0, centre + math.hypot(high - centre, half))


def student(degrees: int) -> float:
    """The 97.5 % point of Student's t distribution, within 0.1 %."""
    if degrees <= len(_STUDENT):
        return _STUDENT[degrees - 1]
    return Z + (Z**3 + Z) / (4 * degrees) + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * degrees**2)


def correlation_of(influence: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The correlation [K, K] of K estimates from the influence [K, cells] that an image of each cell has on each of
    them, and the cells' shares of the images: the delta method. 1, the worst, where an estimate cannot vary."""
    covariance = (influence * weights) @ influence.T
    deviation = np.sqrt(np.diagonal(covariance))
    scale = np.outer(deviation, deviation)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(scale > 1e-12, covariance / scale, 1.0)
    return np.asarray(np.clip(found, -1.0, 1.0))


def f1_interval(tp: int, fn: int, fp: int) -> Interval:
    """F1 = 2J / (1 + J), where J = tp / (tp + fp + fn) is a proportion among the images that are positive by label or
    by answer (Hand, Christen and Kirielle, Machine Learning 2021;110:451): Wilson's interval of J, transformed."""
    low, high = wilson(tp, tp + fp + fn)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def newcombe_auc(area: float, positives: int, negatives: int) -> Interval:
    """The two areas t with |area - t| = Z sqrt(V(t)), V being Hanley and McNeil's variance with averaged counts."""
    extra = (positives + negatives) / 2 - 1

    def excess(t: float) -> float:
        variance = t * (1 - t) * (1 + extra * ((1 - t) / (2 - t) + t / (1 + t))) / (positives * negatives)
        return (area - t) ** 2 - Z * Z * variance

    low = 0.0 if area == 0 else _bisect(excess, 0.0, area)
    high = 1.0 if area == 1 else _bisect(excess, 1.0, area)
    return low, high


def _bisect(excess: Callable[[float], float], outside: float, inside: float) -> float:
    """Where `excess` turns from positive (towards `outside`) to negative (towards `inside`)."""
    if inside in (0.0, 1.0):  # at the estimate itself both sides vanish: step off it
        inside = inside + (outside - inside) * 1e-9
    for _ in range(60):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if excess(middle) > 0 else (outside, middle)
    return (outside + inside) / 2
