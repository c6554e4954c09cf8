"""Histograms of what a model says: scores by class, and confidence of right and wrong answers, a panel each.

In: scores. Out: a `Figure`, as in `charts`. The bars of two panels never share a place, so that no colour has to tell
them apart.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.metrics.decisions import sigmoid
from edgekit.metrics.operating_points import OperatingPoints
from edgekit.report.charts import WIDTH
from edgekit.report.document import Figure
from edgekit.report.svg import Drawing, Label, Scale, as_percent, cut, text_width, tick_label
from edgekit.values.task import Task, capitalized, spoken

LEFT, RIGHT = 44.0, WIDTH - 14  # of the axis: the slider of a page is as wide
_HIGH, _GAP, _BOTTOM = 84.0, 34.0, 44.0
_BINS = 40
_ROUND = (0.5, 0.1, 0.9, 0.01, 0.99, 0.001, 0.999, 0.0001, 0.9999, 0.000001, 0.999999)


def scores_by_class(
    caption: str, odds: Mapping[str, NDArray[np.float64]], points: OperatingPoints, task: Task, *,
    notes: Sequence[str] = (),
) -> Figure:  # fmt: skip
    """Of each of two classes how many images have which probability of the positive label, with the model's threshold.

    The axis is that of the log odds, so that probabilities near 0 and 1 are told apart. The line of class `cut` is what
    a page's slider moves from the model's threshold, from `LEFT` at the lowest point to `RIGHT` at the highest.

    Args:
        odds: log odds of the positive label [n], by class.
    """
    xs = Scale(points.log_odds[0], points.log_odds[-1], LEFT, RIGHT)
    step = (points.log_odds[-1] - points.log_odds[0]) / (len(points.log_odds) - 1)
    width = step * max(1, -(-len(points.log_odds) // _BINS))
    own = points.log_odds[points.own]
    edges = own + width * np.arange(
        np.floor((xs.low - own) / width + 1e-9), np.ceil((xs.high - own) / width - 1e-9) + 1
    )
    titles = [f"{capitalized(spoken(label))}: {len(of):,} {task.noun}s" for label, of in odds.items()]
    board, bottom, counts = _panels(titles, list(odds.values()), edges, xs, _share, 52.0)
    _probability_axis(board, xs, bottom, f"probability of {spoken(task.positive)}")
    at, text = xs(own), f"the model's threshold, {_share(own)}"
    board.text(board.inner(at, text, left=4, right=WIDTH - 4), 14, text, "ink num", "middle", 11)
    bottoms = bottom - _HIGH - _GAP, bottom
    line = [
        (at, 24),
        (at, 34),
        *((x, y) for low in bottoms for x, y in ((math.nan, 0), (at, low - _HIGH + 12), (at, low))),
    ]
    board.path(line, "axis dashed")
    board.path(line[2:], "axis cut")
    below = [int((of < own).sum()) for of in odds.values()]
    said = "; ".join(
        f"{label}: {len(of):,}, of which {under:,} lie below the threshold, from {_share(of.min())} to "
        f"{_share(of.max())}, median {_share(float(np.median(of)))}"
        if len(of) else f"{label}: none"
        for (label, of), under in zip(odds.items(), below, strict=True)
    )  # fmt: skip
    alt = f"Histogram of the probability of {spoken(task.positive)} by class, threshold {_share(own)}. {said}."
    return board.figure(caption, alt, notes, edges=edges.tolist(), counts=dict(zip(odds, counts, strict=True)))


def confidence(
    caption: str, shares: NDArray[np.float64], right: NDArray[np.bool_], classes: int, *, notes: Sequence[str] = ()
) -> Figure:
    """Of right and of wrong answers how many have which probability.

    Args:
        shares: [N] the probability of each answer; `right`: whether it is the label.
    """
    low = np.floor(20 / classes) / 20
    edges = np.arange(low, 1.0001, 0.025)
    xs = Scale(float(low), 1.0, LEFT, RIGHT)
    groups = {"right": shares[right], "wrong": shares[~right]}
    titles = [f"{capitalized(name)} answers: {len(of):,}" for name, of in groups.items()]
    board, bottom, counts = _panels(titles, list(groups.values()), edges, xs, as_percent, 20.0)
    board.x_axis(xs, bottom, "probability of the answer", as_percent)
    said = "; ".join(
        f"{len(of):,} {name}" + (f", median {float(np.median(of)):.0%}" if len(of) else "")
        for name, of in groups.items()
    )
    alt = f"Histogram of the probability of the model's answers: {said}."
    return board.figure(caption, alt, notes, edges=edges.tolist(), counts=dict(zip(groups, counts, strict=True)))


def _panels(
    titles: Sequence[str],
    groups: Sequence[NDArray[Any]],
    edges: NDArray[np.float64],
    xs: Scale,
    said: Label,
    top: float,
) -> tuple[Drawing, float, list[list[int]]]:
    """A panel a group, each with its own scale, one below the other; the height of the last base line, the counts."""
    bottoms = [top + _HIGH + number * (_HIGH + _GAP) for number in range(len(groups))]
    board = Drawing(WIDTH, bottoms[-1] + _BOTTOM)
    found = []
    for number, (title, values, bottom) in enumerate(zip(titles, groups, bottoms, strict=True)):
        inside = np.clip(values, edges[0], edges[-1])
        counts = np.histogram(inside, edges)[0].tolist()
        ys = Scale(0, max(1, *counts), bottom, bottom - _HIGH + 14)
        board.text(LEFT, bottom - _HIGH, cut(title, RIGHT - LEFT), "ink", size=11)
        whole = [value for value in ys.ticks(2) if value == round(value)]
        for value in whole:
            board.line(LEFT, ys(value), RIGHT, ys(value), "grid")
            board.text(LEFT - 6, ys(value), tick_label(value), "faint num", "end", 11)
        for low, high, images in zip(edges[:-1].tolist(), edges[1:].tolist(), counts, strict=True):
            x, end = max(LEFT, xs(low)), min(RIGHT, xs(high))
            if images and end > x:
                told = f"{said(low)} to {said(high)}: {images:,} images"
                board.rect(
                    x, ys(images), max(1.0, end - x - 1), bottom - ys(images), f"c{number} bar", told, opacity=0.75
                )
        if number < len(groups) - 1:
            board.line(LEFT, bottom, RIGHT, bottom, "axis")
        found.append(counts)
    return board, bottoms[-1], found


def _probability_axis(board: Drawing, xs: Scale, bottom: float, name: str) -> None:
    """Round probabilities on an axis of log odds, the middle ones first; those that would touch are left out."""
    kept: list[float] = []
    for share in _ROUND:
        odds = float(np.log(share) - np.log1p(-share))
        half = text_width(as_percent(share), 11) / 2 + 5
        free = all(abs(xs(odds) - xs(one)) > half + text_width(_share(one), 11) / 2 for one in kept)
        if xs.low <= odds <= xs.high and free:
            kept.append(odds)
    board.x_axis(xs, bottom, name, _share, ticks=sorted(kept) if len(kept) > 1 else xs.ticks())


def _share(odds: float) -> str:
    """Log odds as a probability in per cent, with as many decimals as tell it from 0 and 1."""
    share = float(sigmoid(odds))
    near = min(share, 1 - share)
    decimals = 1 if near >= 0.001 else 2 if near >= 0.0001 else 4
    return f"{100 * share:.{decimals}f}".rstrip("0").rstrip(".") + "%"
