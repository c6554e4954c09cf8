"""95 % intervals in closed form: the same numbers on every machine, and none of zero width at a perfect score.

In: counts. Out: (low, high) in [0, 1].
"""

import math
from collections.abc import Callable

Interval = tuple[float, float]

Z = 1.959963984540054  # the 97.5 % point of the normal distribution


def wilson(k: int, n: int) -> Interval:
    """95 % interval of the proportion k / n (Wilson, JASA 1927;22:209); [0, 1] where n is 0."""
    if n == 0:
        return 0.0, 1.0
    p, z2 = k / n, Z * Z
    centre, half = (p + z2 / (2 * n)) / (1 + z2 / n), Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return (0.0 if k == 0 else centre - half), (1.0 if k == n else centre + half)


def balanced_interval(tp: int, fn: int, tn: int, fp: int) -> Interval:
    """Of the mean of two independent proportions: square-and-add of their Wilson intervals (Newcombe, Statistics in
    Medicine 1998;17:873; Zou and Donner, 2008;27:1693)."""
    if not tp + fn or not tn + fp:
        return 0.0, 1.0
    recall, specificity = tp / (tp + fn), tn / (tn + fp)
    (low_r, high_r), (low_s, high_s) = wilson(tp, tp + fn), wilson(tn, tn + fp)
    centre = (recall + specificity) / 2
    low, high = math.hypot(recall - low_r, specificity - low_s), math.hypot(high_r - recall, high_s - specificity)
    return centre - low / 2, centre + high / 2


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
