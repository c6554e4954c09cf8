"""How well a model tells labels apart: ROC curves, reliability diagram, confusion matrix.

In: what `metrics.curves` made of logits, or a report, and the task, whose words are used. Out: a `Figure`.
"""

import math
from collections.abc import Sequence

from edgekit.metrics.curves import Reliability, Roc
from edgekit.report.charts import WIDTH
from edgekit.report.document import Figure
from edgekit.report.svg import Drawing, Scale, as_percent, cut, points, text_width
from edgekit.values.evaluation import EvalReport, labelled_matrix
from edgekit.values.task import Task, spoken

_TOP = 30.0


def roc(caption: str, models: Sequence[Roc], task: Task, *, notes: Sequence[str] = ()) -> Figure:
    """ROC curves (`curves.roc`) with a 95 % band of the recall, the AUC with its interval, and where the model decides:
    of the positive label, a curve a model, or where there is none a curve a class.

    The band is drawn for a single model only: bands of several hide each other.
    """
    key = [(m.name, f"AUC {m.auc:.3f} ({m.interval[0]:.3f} to {m.interval[1]:.3f})") for m in models]
    if task.positive:
        positives, negatives, positive = _all(task, task.positive), _all(task, task.negative), spoken(task.positive)
    else:
        positives, negatives, positive = f"{task.noun}s of the class", "others", "so"
    board, xs, ys = _square("recall", f"{negatives} called {positive}", key, lines=True)
    said = [f"{name}: {area}" for name, area in key]
    for i, model in enumerate(models):
        if len(models) == 1:
            board.band(xs, ys, model.false_alarms, model.low, model.high, "c0")
        board.path(points(xs, ys, model.false_alarms, model.recall), _line(i))
        px, py = xs(model.point[0]), ys(model.point[1])
        board.line(xs(model.point_x[0]), py, xs(model.point_x[1]), py, f"c{i % 8} line")
        board.line(px, ys(model.point_y[0]), px, ys(model.point_y[1]), f"c{i % 8} line")
        board.dot(px, py, f"c{i % 8} dot", i % 4, 4)
        finds = f"it finds {model.point[1]:.1%} of the {positives}"
        decides = "at its threshold" if task.positive else "by the greatest output"
        said[i] += f", {decides} {finds} and calls {model.point[0]:.1%} of the {negatives} {positive}"
    alt = f"ROC curve: recall against the share of {negatives} called {positive}. {'; '.join(said)}."
    return board.figure(caption, alt, notes, models=models)


def reliability(caption: str, models: Sequence[Reliability], task: Task, *, notes: Sequence[str] = ()) -> Figure:
    """Reliability diagram (`curves.reliability`): what the model says against what is found, with 95 % intervals.

    The area of a mark grows with the images in its bin.
    """
    key = [(model.name, f"Brier {model.brier:.3f}, calibration error {model.error:.3f}") for model in models]
    share = f"share that is {spoken(task.positive)}" if task.positive else "share that is right"
    said_of = "probability that the model gives" if task.positive else "probability of the model's answer"
    board, xs, ys = _square(share, said_of, key)
    told = []
    for i, model in enumerate(models):
        bins = []
        for said, found, low, high, n in zip(model.said, model.found, model.low, model.high, model.images, strict=True):
            board.line(xs(said), ys(low), xs(said), ys(high), f"c{i % 8} line thin")
            board.dot(xs(said), ys(found), f"c{i % 8} dot", i % 4, 2.5 + 5 * math.sqrt(n / max(model.images)))
            bins.append(f"says {said:.0%}, finds {found:.0%} of {n}")
        errors = f"Brier score {model.brier:.3f}, expected calibration error {model.error:.3f}"
        told.append(f"{model.name}: {errors}; {', '.join(bins)}")
    shown = f"share of {_all(task, task.positive)}" if task.positive else share
    axes = f"the {shown} against the {said_of}"
    alt = f"Reliability diagram: {axes}. {'; '.join(told)}."
    return board.figure(caption, alt, notes, models=models)


def _square(y: str, x: str, key: Sequence[tuple[str, str]], lines: bool = False) -> tuple[Drawing, Scale, Scale]:
    """A board with both axes from 0 to 100 % and the diagonal, and below it the key: names with their figures, side by
    side where all have room and else one below the other."""
    left, right, bottom, room = 52.0, WIDTH - 16, 346.0, WIDTH - 40
    apart = any(text_width(f"{name}: {figures}") > room for name, figures in key)
    step = 33.0 if apart else 17.0
    board = Drawing(WIDTH, bottom + 44 + step * len(key))
    xs, ys = Scale(0, 1, left, right), Scale(0, 1, bottom, _TOP)
    board.text(12, 12, y, "faint")
    board.y_axis(ys, left, right, as_percent)
    board.x_axis(xs, bottom, x, as_percent)
    board.line(xs(0), ys(0), xs(1), ys(1), "axis dashed")
    for i, (name, figures) in enumerate(key):
        at = bottom + 54 + step * i
        if lines:
            board.line(12, at, 30, at, _line(i))
        board.dot(21, at, f"c{i % 8} dot", i % 4)
        board.text(38, at, name if apart else f"{name}: {figures}", "ink")
        if apart:
            board.text(38, at + 15, figures, "faint num", size=11)
    return board, xs, ys


def confusion(caption: str, report: EvalReport, *, notes: Sequence[str] = ()) -> Figure:
    """The confusion of a report, truth by row; each count with its share of the row."""
    names, rows = labelled_matrix(report)
    board = _two_by_two(names, rows) if len(names) == 2 else _heat_map(names, rows)
    alt = "Confusion matrix."
    for name, values in zip(names, rows, strict=True):
        called = ", ".join(f"{value:,} called {other}" for other, value in zip(names, values, strict=True))
        alt += f" Of {sum(values):,} {name}: {called}."
    if report.confusion:
        return board.figure(caption, alt, notes, counts=report.confusion, names=names)
    return board.figure(caption, alt, notes, matrix=rows, names=names)


def _two_by_two(names: Sequence[str], rows: Sequence[Sequence[int]]) -> Drawing:
    board = Drawing(WIDTH, 222.0)
    left, top, wide, high = 104.0, 44.0, 148.0, 88.0
    board.text(left, 12, "the model says", "faint")
    board.text(4, 12, "truth", "faint")
    for column, name in enumerate(names):
        board.text(left + wide * (column + 0.5), 32, cut(name, wide - 8), "ink", "middle")
    for row, values in enumerate(rows):
        board.text(4, top + high * (row + 0.5), cut(names[row], left - 10), "ink")
        total = sum(values)
        for column, value in enumerate(values):
            x, y = left + wide * column, top + high * row
            share = value / total if total else 0.0
            kind = "c0" if row == column else "c1"
            board.rect(x + 1, y + 1, wide - 4, high - 4, f"{kind} bar", opacity=0.06 + 0.4 * share)
            board.text(x + wide / 2 - 1, y + high / 2 - 10, f"{value:,}", "ink num", "middle", 22)
            board.text(x + wide / 2 - 1, y + high / 2 + 16, f"{share:.1%} of {total:,}", "ink num", "middle", 11)
    return board


def _heat_map(names: Sequence[str], rows: Sequence[Sequence[int]]) -> Drawing:
    """Classes numbered in the head and named at the rows; counts where they have room, shares by the pointer."""
    left, top = 128.0, 44.0
    side = min(60.0, (WIDTH - left - 4) / len(names))
    high = max(16.0, min(side, 36.0))
    digits = max(text_width(f"{value:,}", 11) for values in rows for value in values)
    board = Drawing(WIDTH, top + high * len(names) + 8)
    board.text(left, 12, "the model says", "faint")
    board.text(4, 12, "truth", "faint")
    for row, (name, values) in enumerate(zip(names, rows, strict=True)):
        y, total = top + high * row, sum(values)
        if side >= 13 or row % 5 == 4:
            board.text(left + side * (row + 0.5), 32, f"{row + 1}", "faint num", "middle", 11)
        board.text(4, y + high / 2, cut(f"{row + 1} {name}", left - 12, 11), "ink", size=11)
        for column, value in enumerate(values):
            x, share = left + side * column, value / total if total else 0.0
            kind = "c0" if row == column else "c1"
            told = f"{name}, called {names[column]}: {value:,}, {share:.1%} of {total:,}"
            board.rect(x + 0.5, y + 0.5, side - 1, high - 1, f"{kind} bar", told, opacity=0.04 + 0.42 * share)
            if value and digits <= side - 3:
                board.text(x + side / 2, y + high / 2, f"{value:,}", "ink num", "middle", 11)
    return board


def _line(number: int) -> str:
    """The classes of a curve: eight colours, then the same with dashes."""
    return f"c{number % 8} line{' dashed' if number >= 8 else ''}"


def _all(task: Task, label: str) -> str:
    """`normal chest X-rays`."""
    return f"{spoken(label)} {task.noun}s"
