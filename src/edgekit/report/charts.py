"""Lines, sweeps and dots: numbers and names in, a `Figure` out, each with a text alternative that holds its numbers.

Shares are given in [0, 1]; `percent=True` labels them in per cent. Captions end without a full stop. Every line and
dot is labelled where it stands, has a colour and a shape of its own, and shows its 95 % interval where one is given.
`charts_scores` draws ROC curves, reliability and confusion; `charts_board` draws memory and time.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgekit.report.document import Figure
from edgekit.report.svg import Drawing, Label, Scale, around, as_percent, points, text_width, tick_label

WIDTH = 400.0  # so narrow that a phone of 360 px shows it at four fifths and its text stays legible
_TOP, _BOTTOM = 30.0, 44.0


@dataclass(frozen=True, slots=True)
class Series:
    """One line. `low` and `high`, where given as many as `y`, are drawn as a band. NaN breaks the line."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Dot:
    """One row of `dots`: a value, its interval, and what stands beside it (the paper's figure)."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    beside: float | None = None


def over_seeds(name: str, runs: Sequence[Sequence[float]], x: Sequence[float] = ()) -> Series:
    """The mean of several runs with the band from the least to the greatest of them.

    Args:
        runs: one sequence a seed, all of a length: a figure by epoch.
        x: where; 1, 2, 3, ... if left out.
    """
    columns = list(zip(*runs, strict=True))
    x = x or tuple(range(1, len(columns) + 1))
    means = [sum(column) / len(column) for column in columns]
    if len(runs) < 2:
        return Series(name, x, means)
    return Series(name, x, means, [min(c) for c in columns], [max(c) for c in columns])


def curves(
    caption: str, series: Sequence[Series], *, x: str = "epoch", y: str = "accuracy", percent: bool = False,
    notes: Sequence[str] = (),
) -> Figure:  # fmt: skip
    """Lines over a common x: accuracy or loss by epoch, one line a network, with bands over the seeds."""
    height = max(300.0, 15.0 * len(series) + 90)
    board = Drawing(WIDTH, height)
    _panel(board, series, (_TOP, height - _BOTTOM), x=x, y=y, percent=percent)
    alt = f"Line chart of {y} against {x}. {'; '.join(_in_words(one, percent) for one in series)}."
    return board.figure(caption, alt, notes, series=series, x=x, y=y)


def sweep(
    caption: str, accuracy: Sequence[Series], zeroed: Series, *, chosen: Mapping[str, float],
    y: str = "balanced accuracy", notes: Sequence[str] = (),
) -> Figure:  # fmt: skip
    """A pruning sweep: accuracy above, the share of zeroed weights below, against alpha on one logarithmic axis.

    Two panels and not two scales in one, which can be made to cross anywhere.

    Args:
        accuracy: one line each for validation, test, ...; x is alpha (finite).
        zeroed: share of zeroed weights in [0, 1] by alpha.
        chosen: alphas to mark, by who chose them (`validation`, `test, as the paper did`); infinity (no pruning) is
            said in the text alone.
    """
    finite = {alpha for alpha in chosen.values() if math.isfinite(alpha)}
    marked = {alpha: "; ".join(name for name, one in chosen.items() if one == alpha) for alpha in sorted(finite)}
    middle, gap = 216.0, 46.0 + 14 * len(marked)
    height = middle + gap + 110 + _BOTTOM
    board = Drawing(WIDTH, height)
    sides = (12 + text_width("100%", 11), max(text_width(one.name) for one in (*accuracy, zeroed)))
    xs = _panel(board, accuracy, (_TOP, middle), x="", y=y, percent=True, log=True, sides=sides)
    _panel(
        board, (zeroed,), (middle + gap, height - _BOTTOM), x="alpha: weights below std / alpha go",
        y="weights zeroed", percent=True, bounds=(0.0, 1.0), log=True, first=len(accuracy), sides=sides,
    )  # fmt: skip
    for row, (alpha, name) in enumerate(marked.items()):
        at, text = xs(alpha), f"{alpha:g}: {name}"
        board.line(at, _TOP, at, middle + 7 + 14 * row, "axis dashed")
        board.line(at, middle + gap, at, height - _BOTTOM, "axis dashed")
        board.text(board.inner(at, text), middle + 14 + 14 * row, text, "ink", "middle", 11)
    choices = ((name, f"alpha {a:g}" if math.isfinite(a) else "not to prune") for name, a in chosen.items())
    said = "; ".join(f"{name} chose {choice}" for name, choice in choices)
    shown = "; ".join(_in_words(one, True) for one in (*accuracy, zeroed))
    alt = f"Two line charts against alpha, {y} above and the share of zeroed weights below. {shown}. {said}."
    return board.figure(caption, alt, notes, accuracy=accuracy, zeroed=zeroed, chosen=chosen)


def dots(
    caption: str, rows: Sequence[Dot], *, x: str = "accuracy", beside: str = "paper", notes: Sequence[str] = ()
) -> Figure:
    """A share a row with its interval as a bar, and what stands beside it as a ring; in the order given.

    Args:
        beside: whose values the rings are.
    """
    left = 14 + max(text_width(row.name) for row in rows)
    right, top, step = WIDTH - 58.0, 34.0, 26.0
    bottom = top + step * len(rows)
    ringed = any(row.beside is not None for row in rows)
    board = Drawing(WIDTH, bottom + (62 if ringed else 42))
    everything = [v for row in rows for v in (row.value, row.low, row.high, row.beside) if v is not None]
    xs = Scale(*around(everything, 4, 0.02), left, right)
    for value in xs.ticks(4):
        board.line(xs(value), top - 6, xs(value), bottom, "grid")
    board.x_axis(xs, bottom, "", as_percent, about=4)
    board.text(WIDTH - 4, 14, x, "faint", "end")
    shown = []
    for i, row in enumerate(rows):
        y = top + step * (i + 0.5)
        said = f"{row.name} {say(row.value, True)}"
        board.text(left - 10, y, row.name, "ink", "end")
        if row.low is not None and row.high is not None:
            board.line(xs(row.low), y, xs(row.high), y, "c0 line")
            said += f" ({say(row.low, True)} to {say(row.high, True)})"
        if row.beside is not None:
            board.dot(xs(row.beside), y, "c1", 4, 5)
            said += f", {beside} {say(row.beside, True)}"
        board.dot(xs(row.value), y, "c0 dot", 0, 4)
        board.text(WIDTH - 4, y, say(row.value, True), "ink num", "end")
        shown.append(said)
    if ringed:
        y, here = bottom + 44, "here, with 95 % interval"
        at = left + 30 + text_width(here, 11)
        board.dot(left + 4, y, "c0 dot", 0, 4)
        board.text(left + 14, y, here, "ink", size=11)
        board.dot(at, y, "c1", 4, 5)
        board.text(at + 10, y, beside, "ink", size=11)
    return board.figure(caption, f"Dot plot of {x}. {'; '.join(shown)}.", notes, rows=rows, x=x, beside=beside)


def _panel(
    board: Drawing, series: Sequence[Series], rows: tuple[float, float], *, x: str, y: str, percent: bool,
    bounds: tuple[float, float] | None = None, log: bool = False, first: int = 0,
    sides: tuple[float, float] = (0.0, 0.0),
) -> Scale:  # fmt: skip
    """Axes and lines between the two heights; returns the scale of x. `sides`: least room for what stands left and
    right of the panel; `first`: number of the first colour; without `x` the ticks have no labels."""
    label: Label = as_percent if percent else tick_label
    top, bottom = rows
    values = [v for one in series for v in (*one.y, *one.low, *one.high)]
    lowest, highest = bounds or around(values, 5, 0.02 if percent else 0.0)
    if percent and not bounds:
        lowest, highest = max(0.0, lowest), min(1.0, highest)
    ys = Scale(lowest, highest, bottom, top)
    left = max(sides[0], 12 + max(text_width(label(value), 11) for value in ys.ticks()))
    end = WIDTH - 18 - max(sides[1], *(text_width(one.name) for one in series))
    across = [v for one in series for v in one.x]
    xs = Scale(min(across, default=0), max(across, default=1), left, end, log)
    board.text(4, top - 18, y, "faint")
    board.y_axis(ys, left, end, label)
    ticks = sorted({*across}) if len({*across}) <= 6 else ()
    board.x_axis(xs, bottom, x, tick_label if x else lambda value: "", ticks=ticks)
    labels: list[tuple[float, str, str]] = []
    for i, one in enumerate(series, first):
        colour = f"c{i % 8}{' dashed' if i >= 8 else ''}"
        line = points(xs, ys, one.x, one.y)
        if one.low and one.high:
            board.band(xs, ys, one.x, one.low, one.high, colour)
        board.path(line, f"{colour} line")
        for at in line if len(line) <= 16 else ():
            board.dot(*at, f"{colour} dot", i % 4, 3)
        labels += [(height, one.name, colour) for _, height in line if math.isfinite(height)][-1:]
    board.end_labels(end, labels, top, bottom)
    return xs


def _in_words(one: Series, percent: bool) -> str:
    finite = [(a, b) for a, b in zip(one.x, one.y, strict=True) if math.isfinite(b)]
    if not finite:
        return f"{one.name}: no value"
    (x0, y0), (x1, y1) = finite[0], finite[-1]
    best = max(finite, key=lambda point: point[1])
    text = f"{one.name}: {say(y0, percent)} at {tick_label(x0)}"
    if best[0] not in (x0, x1):
        text += f", at most {say(best[1], percent)} at {tick_label(best[0])}"
    return text + (f", {say(y1, percent)} at {tick_label(x1)}" if x1 != x0 else "")


def say(value: float | None, percent: bool) -> str:
    """A value as the figures write it: one decimal of a per cent, or three decimals."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{100 * value:.1f}%" if percent else f"{value:.3f}" if abs(value) < 10 else tick_label(round(value, 1))
