"""What a report is made of: frozen values, drawn for the terminal, HTML, Markdown and JSON by the `render_` modules.

In: figures and words that a command found out. Out: parts for the terminal (`render_terminal`), or a `Page` of them,
which `render` writes as one HTML file, Markdown or JSON. `charts`, `charts_scores` and `charts_board` make each
`Figure`; `metrics.curves` makes what ROC and reliability diagrams show of margins and labels.

Every text of a page (but not `Code.text`) may hold `code` in backticks and **strong** words; nothing else is markup,
and everything is escaped. A page's `domain`, and that its images are synthetic, are said once, before any figure.
"""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.metrics.operating_points import OperatingPoints

Align = Literal["left", "right"]
Mark = Literal["", "strong", "muted"]
_INLINE = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: what is read; give a column the same number of decimals all the way down, so that they align.
        detail: a second, smaller line below it: an interval, a spread, a p-value.
        mark: `strong` for the best of a column, `muted` for what only stands beside (the paper's figure).
        value: what the JSON gives in place of the text: a number where the text is one.
    """

    text: str
    detail: str = ""
    mark: Mark = ""
    value: Any = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        group: neighbours of the same group share a heading above theirs.
        short: the heading on a narrow terminal, which explains it below the table; `title` if empty.
        optional: left out on a narrow terminal.
    """

    title: str
    align: Align = "right"
    group: str = ""
    short: str = ""
    optional: bool = False

    @property
    def heading(self) -> str:
        """The title with its group, where both stand in one line."""
        return f"{self.group}: {self.title}" if self.group else self.title


Row = tuple[Cell | str | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the caption says what it shows, without a full stop, and the notes are small print below.

    Attributes:
        rows: each as long as `columns`; the first cell heads its row, None is a dash ("not measured"). A row of one
            cell in a table of several columns is a heading across all of them.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) not in (1, len(self.columns)):
                raise ValueError(f"a row of {len(row)} cells in the table {self.caption!r} of {len(self.columns)}")


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with its caption, as in `Table`; take it from `charts`, `charts_scores` or `charts_board`.

    Attributes:
        svg: one `<svg>` element whose colours are CSS classes of `figure.css`, with `alt` as its label.
        alt: the text alternative: what a person who cannot see the figure must know, figures included.
        data: the numbers that were drawn, JSON-ready; they go into the JSON only.
    """

    caption: str
    svg: str
    alt: str
    notes: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of short sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be copied as it is: a command, a recipe as JSON. Long text scrolls within its box."""

    text: str
    language: str = "sh"
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, one a line: a model's identity, the environment."""

    items: tuple[tuple[str, Cell | str], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Highlights:
    """The three to five figures that a reader came for, set large, by their labels; `detail` holds the interval."""

    items: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """One image of a gallery, a file with a line or two below it and what it is in words; take it from `picture`."""

    content: bytes  # PNG or JPEG
    caption: str
    alt: str

    @property
    def kind(self) -> str:
        """As a media type names it."""
        return "jpeg" if self.content[:2] == b"\xff\xd8" else "png"


@dataclass(frozen=True, slots=True)
class Gallery:
    """Images side by side, of twice the width where `wide`. `notes` must hold their licence and attribution
    (`DataInfo.licence`)."""

    caption: str
    pictures: tuple[Picture, ...]
    notes: tuple[str, ...] = ()
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Slider:
    """A threshold that a reader may move, where the page is HTML and its script runs.

    Its section holds, besides it, the `charts_histogram.scores_by_class` of the same points, a table of the confusion
    and one of the rates, in that order and at the model's own threshold, which it moves along.

    Attributes:
        of: what reaches the threshold: `probability of pneumonia`.
    """

    points: OperatingPoints
    of: str


Part = Prose | Bullets | Code | Facts | Highlights | Table | Figure | Gallery | Slider


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it.

    Attributes:
        results: True where figures of a model stand in it, for who reads the JSON.
        sections: subsections, one level deep.
        folded: shown as a line that opens at a click (recipes, environments, long tables); open in print.
    """

    title: str
    parts: tuple[Part, ...] = ()
    results: bool = False
    sections: tuple["Section", ...] = ()
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A report: warnings, lead and highlights, the table of contents, the sections, the footer.

    Attributes:
        warnings: what must be read before any figure.
        synthetic: the images were drawn by a program; said at the top.
        domain: what must be said of such results (`Task.domain`), at the top; empty for what is not about a task.
        footer: when and by what this was made. The same page renders to the same bytes: a time is the caller's to give.
    """

    title: str
    sections: tuple[Section, ...]
    lead: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    synthetic: bool = False
    domain: str = ""
    highlights: Highlights | None = None
    footer: tuple[str, ...] = ()


def synthetic_says(domain: str) -> str:
    """What must be said of figures on images that a program drew, by what must be said of such results anyway."""
    if domain:
        return "The images are synthetic phantoms, drawn by a program: the figures say nothing about patients."
    return "The images are synthetic, drawn by a program: the figures say nothing about real ones."


def picture(image: NDArray[np.uint8], caption: str, alt: str, *, most: int = 128) -> Picture:
    """A `Picture` of an image uint8 [H, W, 1 or 3], made smaller where a side is above `most` pixels."""
    shown = Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image)
    shown.thumbnail((most, most))
    return Picture(encoded(shown), caption, alt)


def encoded(shown: Image.Image) -> bytes:
    """The file of an image: a grey one as PNG, whole; one in colours as JPEG, which takes a tenth of it."""
    stored = io.BytesIO()
    if shown.mode == "L":
        shown.save(stored, "PNG", optimize=True)
    else:
        shown.convert("RGB").save(stored, "JPEG", quality=88, optimize=True)
    return stored.getvalue()


def percent(share: float, low: float | None = None, high: float | None = None, mark: Mark = "") -> Cell:
    """A share as a cell in per cent with two decimals, with its interval below; NaN is a dash."""
    if not np.isfinite(share):
        return Cell("–", mark=mark)
    detail = "" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f}"
    return Cell(f"{100 * share:.2f}", detail, mark, value=share)


def as_cell(cell: Cell | str | None) -> Cell:
    """A table's entry as a `Cell`."""
    return Cell("–", mark="muted") if cell is None else Cell(cell) if isinstance(cell, str) else cell


def inline(text: str) -> Iterator[tuple[str, Literal["", "code", "strong"]]]:
    """The pieces of a text, each with what it is marked as, without the marks."""
    kinds: Iterator[Literal["", "code", "strong"]] = cycle(("", "code", "strong"))  # as the groups of the expression
    return ((piece, kind) for piece, kind in zip(_INLINE.split(text), kinds) if piece)  # noqa: B905 (kinds has no end)


def slug(text: str) -> str:
    """The text as an anchor or a file name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].rstrip("-") or "part"
