"""What a board has little of: memory over the steps of a program, work by layer, and time.

In: numbers and names. Out: a `Figure`, as in `charts`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgekit.report.charts import WIDTH
from edgekit.report.document import Figure
from edgekit.report.svg import Drawing, Scale, nice_step, text_width, tick_label
from edgekit.values.program import Span

_STEP = 24.0  # height of a row
_PATCH = 0.3  # opacity of a block: a text on two of them, one on the other, stays legible by night
_COLOURS = {"activation": "c0", "scratch": "c1"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of `bars`. `text` stands beside the bar in place of the number."""

    name: str
    value: float
    text: str = ""


def memory_plan(
    caption: str, spans: Sequence[Span], steps: Sequence[str], total_bytes: int, *, notes: Sequence[str] = ()
) -> Figure:
    """Who holds which bytes of the arena while which step runs: steps go down, addresses go right.

    A darker patch is memory that a step overwrites while it still reads from it.

    Args:
        steps: the program's operators, in order.
        total_bytes: the arena's size.
    """
    names = [f"{number} {name}" for number, name in enumerate(steps)]
    left = 14 + min(170.0, max(text_width(name, 11) for name in names))
    right, top = WIDTH - 10.0, 30.0
    bottom = top + _STEP * len(steps)
    board = Drawing(WIDTH, bottom + 62)
    xs = Scale(0, max(1, total_bytes), left, right)
    board.text(right, 12, f"{total_bytes:,} bytes", "ink num", "end")
    for row, name in enumerate(names):
        y = top + _STEP * row
        board.line(left, y, right, y, "grid")
        board.text(left - 8, y + _STEP / 2, _cut(name, left - 14), "faint", "end", 11)
    for span in spans:
        x, wide = xs(span.offset), max(1.5, xs(span.offset + span.size) - xs(span.offset))
        y, high = top + _STEP * span.first, _STEP * (span.last - span.first + 1)
        during = f"step {span.first}" if span.first == span.last else f"steps {span.first} to {span.last}"
        title = f"{span.kind}: {span.size:,} bytes at {span.offset:,}, {during}"
        colour = _COLOURS[span.kind]
        board.rect(x, y + 1, wide, high - 2, f"{colour} bar edge", title, opacity=_PATCH)
        size = f"{span.size:,}"
        if text_width(size, 10) + 6 < wide:
            board.text(x + wide / 2, y + _STEP / 2, size, "ink num", "middle", 10)
    board.x_axis(xs, bottom, "address in the arena", about=4, name_at=30)
    x = 6.0
    for kind in dict.fromkeys(span.kind for span in spans):
        board.rect(x, bottom + 46, 10, 10, f"{_COLOURS[kind]} bar", opacity=_PATCH)
        board.text(x + 15, bottom + 51, kind, "ink", size=11)
        x += 30 + text_width(kind, 11)
    held = [[b.size for b in spans if b.first <= step <= b.last] for step in range(len(names))]
    shown = "; ".join(f"{name}: {sum(of):,} bytes in {len(of)} blocks" for name, of in zip(names, held, strict=True))
    alt = f"Memory plan of an arena of {total_bytes:,} bytes, step by step. {shown}. Blocks that overlap share memory."
    blocks = [{"offset": s.offset, "size": s.size, "first": s.first, "last": s.last, "kind": s.kind} for s in spans]
    return board.figure(caption, alt, notes, blocks=blocks, steps=steps, total_bytes=total_bytes)


def bars(caption: str, rows: Sequence[Bar], *, x: str, notes: Sequence[str] = ()) -> Figure:
    """One bar a row from zero, with its number: work by layer, sizes side by side.

    Args:
        x: what is counted, with its unit.
    """
    said = [row.text or tick_label(row.value) for row in rows]
    left = 14 + min(190.0, max(text_width(row.name, 11) for row in rows))
    right = WIDTH - 14 - max(text_width(text, 11) for text in said)
    top = 26.0
    board = Drawing(WIDTH, top + _STEP * len(rows) + 4)
    xs = Scale(0, max((row.value for row in rows), default=1) or 1, left, right)
    board.text(left, 12, x, "faint")
    for i, row in enumerate(rows):
        y = top + _STEP * i
        board.text(left - 8, y + _STEP / 2, _cut(row.name, left - 14), "ink", "end", 11)
        board.rect(left, y + 3, max(0.5, xs(row.value) - left), _STEP - 6, "c0 bar", row.name, opacity=0.75)
        board.text(xs(row.value) + 6, y + _STEP / 2, said[i], "ink num", size=11)
    board.line(left, top, left, top + _STEP * len(rows), "axis")
    alt = f"Bar chart of {x}. {'; '.join(f'{row.name}: {text}' for row, text in zip(rows, said, strict=True))}."
    return board.figure(caption, alt, notes, rows=rows, x=x)


def histogram(
    caption: str, values: Sequence[float], *, x: str, marks: Mapping[str, float], notes: Sequence[str] = ()
) -> Figure:
    """How often each value occurs, in some 30 bins, with named values marked.

    Args:
        values: at least one.
        x: what was measured, with its unit.
        marks: `p50`, `p95`.
    """
    low, high = min(values), max(values)
    width = nice_step(high - low, 30) if high > low else max(1.0, nice_step(abs(high) or 1.0, 100))
    first = math.floor(low / width)
    counts = [0] * (math.floor(high / width) - first + 1)
    for value in values:
        counts[math.floor(value / width) - first] += 1
    board = Drawing(WIDTH, 250.0)
    top, bottom = 44.0, 206.0
    ys = Scale(0, max(counts), bottom, top)
    left = 14 + text_width(tick_label(max(counts)), 11)
    xs = Scale(first * width, (first + len(counts)) * width, left, WIDTH - 14)
    board.text(4, 12, "images", "faint")
    board.y_axis(ys, left, WIDTH - 14, about=4)
    board.x_axis(xs, bottom, x, about=4)
    for number, count in enumerate(counts):
        if count:
            begin, end, y = (first + number) * width, (first + number + 1) * width, ys(count)
            title = f"{tick_label(begin)} to {tick_label(end)}: {count:,} images"
            wide = max(1.0, xs(end) - xs(begin) - 1)
            board.rect(xs(begin), y, wide, bottom - y, "c0 bar", title, opacity=0.75)
    reached = -math.inf
    for name, value in sorted(marks.items(), key=lambda mark: mark[1]):
        text = f"{name} {tick_label(value)}"
        at = xs(value)
        board.line(at, top - 8, at, bottom, "axis dashed")
        middle = board.inner(at, text, left=max(left, reached + 8), right=WIDTH - 14)
        board.text(middle, top - 16, text, "ink num", "middle", 11)
        reached = middle + text_width(text, 11) / 2
    said = ", ".join(f"{name} {tick_label(value)}" for name, value in marks.items())
    alt = f"Histogram of {x} over {len(values):,} images: from {tick_label(low)} to {tick_label(high)}, {said}."
    return board.figure(caption, alt, notes, x=x, bin=width, first=first * width, counts=counts, marks=marks)


def _cut(text: str, room: float) -> str:
    """The text, shortened where it is wider than its room."""
    shorter = (f"{text[:kept]}…" for kept in range(len(text) - 1, 0, -1))
    return next((shown for shown in (text, *shorter) if text_width(shown, 11) <= room), "…")
