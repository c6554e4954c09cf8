"""What accuracy costs: many models as dots, and the line that no other is above.

In: values of the models. Out: a `Figure` with a text alternative that holds the numbers of the line.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.report.charts import WIDTH, say
from edgekit.report.document import Figure
from edgekit.report.svg import Drawing, Scale, around, text_width, tick_label

_TOP, _BOTTOM, _HEIGHT = 30.0, 44.0, 300.0
_SHAPES = (4, 2, 0)  # by rung: rings, diamonds, discs


@dataclass(frozen=True, slots=True)
class Spot:
    """A model: what it is called, what it costs, its accuracy, and how long it was trained, as a position in
    `rungs`."""

    name: str
    cost: float
    accuracy: float
    rung: int


def front(
    caption: str, spots: Sequence[Spot], *, cost: str, accuracy: str, rungs: Sequence[str], limit: float | None = None,
    notes: Sequence[str] = (),
) -> Figure:  # fmt: skip
    """Accuracy against a cost, with the front of those models that none beats at no more cost.

    Args:
        rungs: how long the models were trained, in words, the shortest first.
        limit: of the cost, drawn as a dashed line.
    """
    line = front_line(spots)
    board = Drawing(WIDTH, _HEIGHT + 18 * len(rungs))
    ys = Scale(*around([one.accuracy for one in spots], 5, 0.005), _HEIGHT - _BOTTOM, _TOP)
    left = 12 + max(text_width(tick_label(value), 11) for value in ys.ticks())
    costs = [one.cost for one in spots] + ([] if limit is None else [limit])
    xs = Scale(*around(costs, 5, 0.0), left, WIDTH - 18)
    board.text(4, _TOP - 18, accuracy, "faint")
    board.y_axis(ys, left, WIDTH - 18)
    board.x_axis(xs, _HEIGHT - _BOTTOM, cost)
    if limit is not None:
        board.line(xs(limit), _TOP, xs(limit), _HEIGHT - _BOTTOM, "axis dashed")
        board.text(board.inner(xs(limit), "limit"), _TOP - 6, "limit", "faint", "middle", 11)
    steps: list[tuple[float, float]] = []
    for one in line:
        steps += [(xs(one.cost), steps[-1][1])] if steps else []
        steps.append((xs(one.cost), ys(one.accuracy)))
    board.path(steps, "c0 line")
    for one in spots:
        colour = "c0 dot" if one in line else "c1 dot"
        board.dot(xs(one.cost), ys(one.accuracy), colour, _shape(one.rung, rungs), 4)
    reached = WIDTH
    for one in reversed(line):  # the most accurate have their names; those that would touch the next one's do not
        at, half = board.inner(xs(one.cost), one.name, right=WIDTH - 18), text_width(one.name, 11) / 2
        if at + half < reached:
            board.text(at, ys(one.accuracy) - 11, one.name, "ink", "middle", 11)
            reached = at - half - 3
    for row, words in enumerate(rungs):
        y = _HEIGHT + 4 + 18 * row
        board.dot(left + 4, y, "c1 dot", _shape(row, rungs), 4)
        board.text(left + 14, y, words, "ink", size=11)
    said = "; ".join(f"{one.name}: {say(one.accuracy, False)} at {tick_label(one.cost)}" for one in line)
    alt = f"Scatter plot of {accuracy} against {cost} of {len(spots)} models. The front, by rising cost: {said}."
    return board.figure(caption, alt, notes, spots=spots, front=[one.name for one in line], limit=limit)


def front_line(spots: Sequence[Spot]) -> list[Spot]:
    """Those that none beats at no more cost, by rising cost."""
    found: list[Spot] = []
    for one in sorted(spots, key=lambda one: (one.cost, -one.accuracy)):
        if not found or one.accuracy > found[-1].accuracy:
            found.append(one)
    return found


def _shape(rung: int, rungs: Sequence[str]) -> int:
    """The longest trained are discs."""
    return _SHAPES[max(0, len(_SHAPES) - len(rungs) + rung)]
