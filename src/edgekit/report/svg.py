"""A small drawing board: scales, ticks, axes and marks as lean SVG.

In: numbers. Out: a `Figure` of one `<svg>` without ids, styles or colours: classes alone, which `figure.css` colours
for light, dark and paper. Written here and not by matplotlib because that is a tenth of the bytes, the same on
every machine and in every version, legible on a phone, and needs nothing where `eval-device` runs.

Classes: `c0` to `c7` set the colour of series 0 to 7; `line`, `band`, `dot`, `bar`, `grid`, `axis`, `faint`, `ink`,
`fill` say what is painted with it.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from xml.sax.saxutils import escape, quoteattr

from edgekit.report.document import Figure
from edgekit.values.codec import to_json

FONT = 12.0
_CORNERS = {
    1: ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    2: ((0, -1.35), (1.35, 0), (0, 1.35), (-1.35, 0)),
    3: ((0, -1.3), (1.2, 0.9), (-1.2, 0.9)),
}
Label = Callable[[float], str]
_NARROW, _BROAD = frozenset("iljtfrI.,:;|!'()[] -"), frozenset("mwMW@%")


def text_width(text: str, size: float = FONT) -> float:
    """The width of a text in a broad sans serif (DejaVu Sans), so that it fits in any other."""
    units = sum(0.36 if c in _NARROW else 0.95 if c in _BROAD else 0.7 if c.isupper() else 0.63 for c in text)
    return units * size


def cut(text: str, width: float, size: float = FONT) -> str:
    """The text, or as much of it as fits."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(f"{text}…", size) > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps [low, high] to [start, end], by logarithms where `log` is set."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        at = math.log(value) if self.log else value
        return self.start + (at - low) / ((high - low) or 1) * (self.end - self.start)

    def ticks(self, about: int = 5) -> tuple[float, ...]:
        """Round values within [low, high]: multiples of 1, 2 or 5 times a power of ten; by powers of two if `log`."""
        if self.log:
            least, most = math.ceil(math.log2(self.low) - 1e-9), math.floor(math.log2(self.high) + 1e-9)
            every = max(1, math.ceil((most - least) / max(1, about)))
            return tuple(2.0**k for k in range(least, most + 1, every))
        step = nice_step(self.high - self.low, about)
        first = math.ceil(self.low / step - 1e-9)
        return tuple(k * step for k in range(first, math.floor(self.high / step + 1e-9) + 1))


def nice_step(extent: float, about: int) -> float:
    """The smallest of 1, 2, 5 times a power of ten that cuts `extent` into at most `about` + 1 parts."""
    rough = (extent or 1) / max(1, about)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough - 1e-12)


def around(values: Iterable[float], about: int = 5, least: float = 0.0) -> tuple[float, float]:
    """Round bounds about the finite values, at least `least` apart; (0, 1) where there are none."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    if high - low < max(least, 1e-9):
        middle, half = (low + high) / 2, max(least, 1e-9 if high or low else 1.0, abs(high) * 1e-3) / 2
        low, high = middle - half, middle + half
    step = nice_step(high - low, about)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def tick_label(value: float) -> str:
    """A tick's label: no zeros that say nothing, thousands in groups."""
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:.4g}"


def as_percent(value: float) -> str:
    """A share as a tick's label in per cent."""
    return f"{tick_label(round(100 * value, 6))}%"


def points(xs: Scale, ys: Scale, x: Iterable[float], y: Iterable[float]) -> list[tuple[float, float]]:
    """Where on a drawing some pairs of values are."""
    return [(xs(a), ys(b)) for a, b in zip(x, y, strict=True)]


class Drawing:
    """Marks in the order of painting, in units of about a pixel of the viewBox, which the page scales."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._marks: list[str] = []

    def figure(self, caption: str, alt: str, notes: Iterable[str], **data: object) -> Figure:
        """What was drawn, labelled by its text alternative, with the numbers that it shows."""
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(self.width)} {_n(self.height)}"'
        svg = f'{head} role="img" aria-label={quoteattr(alt)}>{"".join(self._marks)}</svg>'
        return Figure(caption, svg, alt, tuple(notes), to_json(data))

    def text(self, x: float, y: float, text: str, classes: str = "", anchor: str = "", size: float = FONT) -> None:
        """A line of text, or nothing for an empty one; `y` is the middle of its small letters."""
        if text:
            other = "" if size == FONT else _n(size)
            at = {"x": x, "y": y + 0.34 * size}
            self._mark("text", escape(text), **at, class_=classes, text_anchor=anchor, font_size=other)

    def line(self, x1: float, y1: float, x2: float, y2: float, classes: str) -> None:
        """A straight line."""
        self.path([(x1, y1), (x2, y2)], classes)

    def path(self, corners: Iterable[tuple[float, float]], classes: str, closed: bool = False) -> None:
        """A broken line, or a polygon; points that are not finite break it."""
        words, pen = "", "M"
        for x, y in corners:
            finite = math.isfinite(x) and math.isfinite(y)
            words += f"{pen}{_n(x)} {_n(y)}" if finite else ""
            pen = "L" if finite else "M"
        if words:
            self._mark("path", class_=classes, d=words + ("Z" if closed else ""))

    def band(
        self, xs: Scale, ys: Scale, x: Sequence[float], low: Iterable[float], high: Iterable[float], colour: str
    ) -> None:
        """What lies between two lines over the same x."""
        self.path([*points(xs, ys, x, high), *reversed(points(xs, ys, x, low))], f"{colour} band", closed=True)

    def rect(
        self, x: float, y: float, width: float, height: float, classes: str, title: str = "", *, opacity: float
    ) -> None:
        """A rectangle; `title` is shown where the pointer rests."""
        shown = f"<title>{escape(title)}</title>" if title else ""
        self._mark("rect", shown, class_=classes, x=x, y=y, width=width, height=height, fill_opacity=f"{opacity:.2f}")

    def dot(self, x: float, y: float, classes: str, shape: int = 0, r: float = 3.5) -> None:
        """A mark: 0 a disc, 1 a square, 2 a diamond, 3 a triangle, 4 a ring. Shape tells what colour may not."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return
        if shape in _CORNERS:
            self.path([(x + r * 0.95 * a, y + r * 0.95 * b) for a, b in _CORNERS[shape]], classes, closed=True)
        else:
            self._mark("circle", class_=f"{classes} ring" if shape else classes, cx=x, cy=y, r=r)

    def _mark(self, tag: str, content: str = "", /, **attributes: float | str) -> None:
        said = "".join(
            f' {name.strip("_").replace("_", "-")}="{value if isinstance(value, str) else _n(value)}"'
            for name, value in attributes.items()
            if value != ""
        )
        self._marks.append(f"<{tag}{said}>{content}</{tag}>" if content else f"<{tag}{said}/>")

    def y_axis(self, scale: Scale, left: float, right: float, label: Label = tick_label, about: int = 5) -> None:
        """Grid lines from `left` to `right` with their labels at the left."""
        for value in scale.ticks(about):
            self.line(left, scale(value), right, scale(value), "grid")
            self.text(left - 6, scale(value), label(value), "faint num", "end", 11)

    def x_axis(
        self, scale: Scale, bottom: float, name: str, label: Label = tick_label, *, about: int = 6,
        ticks: Sequence[float] = (), name_at: float = 32,
    ) -> None:  # fmt: skip
        """The base line with ticks, their labels, and its name so far below; a label that would touch the one before
        is left out."""
        self.line(scale.start, bottom, scale.end, bottom, "axis")
        reached = -math.inf
        for value in ticks or scale.ticks(about):
            x, text = scale(value), label(value)
            self.line(x, bottom, x, bottom + 4, "axis")
            middle, half = self.inner(x, text), text_width(text, 11) / 2
            if text and middle - half > reached:
                self.text(middle, bottom + 14, text, "faint num", "middle", 11)
                reached = middle + half + 6
        self.text(scale.end, bottom + name_at, name, "faint", "end")

    def end_labels(self, x: float, labels: Iterable[tuple[float, str, str]], low: float, high: float) -> None:
        """Names beside the ends of lines, moved apart within [low, high] so that none covers another.

        Args:
            labels: (y of the line's end, text, classes).
        """
        wanted = sorted(labels, key=lambda label: label[0])
        for (y, text, classes), placed in zip(wanted, spread_out([w[0] for w in wanted], low, high, 15), strict=True):
            if abs(placed - y) > 3:
                self.line(x + 2, y, x + 10, placed, f"{classes} leader")
            self.text(x + 13, placed, text, f"{classes} ink")

    def inner(self, x: float, text: str, size: float = 11, left: float = 0.0, right: float = math.inf) -> float:
        """The middle nearest to `x` of a text that is to stay between `left` and `right`, or the drawing's edge."""
        half = text_width(text, size) / 2
        return min(max(x, left + half), min(right, self.width) - half)


def spread_out(wanted: Sequence[float], low: float, high: float, gap: float) -> list[float]:
    """Ascending positions near the ascending `wanted`, at least `gap` apart and within [low, high] where they fit."""
    down = list(accumulate(wanted, lambda above, y: max(y, above + gap), initial=low - gap))[1:]
    up = list(accumulate(reversed(down), lambda below, y: min(y, below - gap), initial=high + gap))[1:]
    return up[::-1]


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
