"""A small drawing board: scales, ticks, axes and marks as lean SVG.

In: numbers. Out: one `<svg>` without ids, styles or colours: classes alone, which `figure.css` colours for light, dark
and paper. Written here and not by matplotlib because that is a tenth of the bytes, the same on every machine and in
every version, legible on a phone, and needs nothing where `eval-device` runs.

Classes: `c0` to `c7` set the colour of series 0 to 7; `line`, `band`, `dot`, `bar`, `grid`, `axis`, `faint`, `ink`,
`fill` say what is painted with it.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

FONT = 12.0
Label = Callable[[float], str]
_NARROW, _BROAD = frozenset("iljtfrI.,:;|!'()[] -"), frozenset("mwMW@%")


def text_width(text: str, size: float = FONT) -> float:
    """The width of a text in a broad sans serif (DejaVu Sans), so that it fits in any other."""
    units = sum(0.36 if c in _NARROW else 0.95 if c in _BROAD else 0.7 if c.isupper() else 0.63 for c in text)
    return units * size


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
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def as_percent(value: float) -> str:
    """A share as a tick's label in per cent."""
    return f"{tick_label(round(100 * value, 6))}%"


class Drawing:
    """Marks in the order of painting, in units of about a pixel.

    Args:
        width, height: of the viewBox; the page scales it.
    """

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._marks: list[str] = []

    def svg(self, alt: str) -> str:
        """The element, labelled by its text alternative."""
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(self.width)} {_n(self.height)}"'
        return f'{head} role="img" aria-label={quoteattr(alt)}>{"".join(self._marks)}</svg>'

    def text(self, x: float, y: float, text: str, classes: str = "", anchor: str = "start", size: float = FONT) -> None:
        """A line of text, or nothing for an empty one; `y` is the middle of its small letters."""
        if not text:
            return
        attributes = [f' class="{classes}"' if classes else "", "" if anchor == "start" else f' text-anchor="{anchor}"']
        attributes.append("" if size == FONT else f' font-size="{_n(size)}"')
        self._marks.append(f'<text x="{_n(x)}" y="{_n(y + 0.34 * size)}"{"".join(attributes)}>{escape(text)}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, classes: str) -> None:
        """A straight line."""
        self.path([(x1, y1), (x2, y2)], classes)

    def path(self, points: Sequence[tuple[float, float]], classes: str, closed: bool = False) -> None:
        """A broken line, or a polygon; points that are not finite break it."""
        words, pen = [], "M"
        for x, y in points:
            if not (math.isfinite(x) and math.isfinite(y)):
                pen = "M"
                continue
            words.append(f"{pen}{_n(x)} {_n(y)}")
            pen = "L"
        if words:
            self._marks.append(f'<path class="{classes}" d="{"".join(words)}{"Z" if closed else ""}"/>')

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        classes: str,
        title: str = "",
        opacity: float | None = None,
    ) -> None:
        """A rectangle; `title` is shown where the pointer rests."""
        see = "" if opacity is None else f' fill-opacity="{opacity:.2f}"'
        shape = f'<rect class="{classes}" x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"{see}'
        self._marks.append(f"{shape}><title>{escape(title)}</title></rect>" if title else f"{shape}/>")

    def dot(self, x: float, y: float, classes: str, shape: int = 0, r: float = 3.5) -> None:
        """A mark: 0 a disc, 1 a square, 2 a diamond, 3 a triangle, 4 a ring. Shape tells what colour may not."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return
        if shape in (0, 4):
            name = classes if shape == 0 else f"{classes} ring"
            self._marks.append(f'<circle class="{name}" cx="{_n(x)}" cy="{_n(y)}" r="{_n(r)}"/>')
            return
        corners = {
            1: ((-1, -1), (1, -1), (1, 1), (-1, 1)),
            2: ((0, -1.35), (1.35, 0), (0, 1.35), (-1.35, 0)),
            3: ((0, -1.3), (1.2, 0.9), (-1.2, 0.9)),
        }[shape]
        self.path([(x + r * 0.95 * a, y + r * 0.95 * b) for a, b in corners], classes, closed=True)

    def y_axis(self, scale: Scale, left: float, right: float, label: Label = tick_label, about: int = 5) -> None:
        """Grid lines from `left` to `right` with their labels at the left."""
        for value in scale.ticks(about):
            self.line(left, scale(value), right, scale(value), "grid")
            self.text(left - 6, scale(value), label(value), "faint num", "end", 11)

    def x_axis(
        self, scale: Scale, bottom: float, label: Label = tick_label, about: int = 6, ticks: Sequence[float] = ()
    ) -> None:
        """The base line with ticks and their labels; labels that would touch the one before are left out."""
        self.line(scale.start, bottom, scale.end, bottom, "axis")
        reached = -math.inf
        for value in ticks or scale.ticks(about):
            x, text = scale(value), label(value)
            self.line(x, bottom, x, bottom + 4, "axis")
            half = text_width(text, 11) / 2
            middle = min(x, self.width - half)
            if text and middle - half > reached:
                self.text(middle, bottom + 14, text, "faint num", "middle", 11)
                reached = middle + half + 6

    def end_labels(
        self, x: float, labels: Sequence[tuple[float, str, str]], low: float, high: float, gap: float = 15
    ) -> None:
        """Names beside the ends of lines, moved apart so that none covers another.

        Args:
            labels: (y of the line's end, text, classes).
            low, high: the least and greatest y that a label may have.
        """
        wanted = sorted(labels, key=lambda label: label[0])
        for (y, text, classes), placed in zip(wanted, spread_out([w[0] for w in wanted], low, high, gap), strict=True):
            if abs(placed - y) > 3:
                self.line(x + 2, y, x + 10, placed, f"{classes} leader")
            self.text(x + 13, placed, text, f"{classes} ink")


def spread_out(wanted: Sequence[float], low: float, high: float, gap: float) -> list[float]:
    """Ascending positions near the ascending `wanted`, at least `gap` apart and within [low, high] where they fit."""
    placed: list[float] = []
    for y in wanted:
        placed.append(max(y, low if not placed else placed[-1] + gap))
    ceiling = high
    for i in range(len(placed) - 1, -1, -1):
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - gap
    return placed


def _n(value: float) -> str:
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text
