"""Parts of a document on the terminal: the words and tables of the HTML page, fitted to the terminal's width.

In: parts. Out: lines on a rich console. No text is taken for rich's markup or obeyed by the terminal; colours end where
stdout is no terminal or NO_COLOR is set. A drawing is its text alternative here, and an image its caption.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from edgekit.errors import printable
from edgekit.report import document as doc

_STYLES = {"": "", "code": "bold", "strong": "bold", "muted": "dim"}
# (in a box, with the optional columns, with the cells' details), widest first
_LAYOUTS = ((True, True, True), (False, True, True), (False, False, True), (False, False, False))
_NO_DETAILS = "Without intervals for want of room: a wider terminal or --json gives them."


def print_parts(parts: Iterable[doc.Part], console: Console | None = None) -> None:
    """Prints the parts one below the other, to stdout unless another console is given.

    Sentences break between words; `Code` stays as it is, however wide: paths, commands, drawings.
    """
    console = console or Console()
    for part in parts:
        console.print(_drawn(part), crop=False)


def _drawn(part: doc.Part) -> RenderableType:
    shown: Iterable[RenderableType]
    match part:
        case doc.Prose(text):
            shown = (_words(text),)
        case doc.Bullets(items):
            shown = (Text("- ") + _words(item) for item in items)
        case doc.Code(text):
            shown = (Text(printable(text), no_wrap=True, overflow="ignore"),)
        case doc.Facts(items) | doc.Highlights(items):
            shown = (_Fitted(doc.Table("", (doc.Column("", "left"), doc.Column("", "left")), items)),)
        case doc.Table():
            shown = (_Fitted(part),)
        case doc.Figure():
            shown = (Text(printable(part.alt)),)
        case doc.Gallery():
            shown = (Text("- ") + _words(one.caption) for one in part.pictures)
        case doc.Slider():
            shown = ()
    heading = _words(getattr(part, "caption", ""))
    heading.stylize("italic")
    return Group(*([heading] if heading else []), *shown, *map(_words, getattr(part, "notes", ())))


def _words(text: str) -> Text:
    return Text.assemble(*((piece, _STYLES[kind]) for piece, kind in doc.inline(printable(text))))


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A table in the widest layout that the terminal has room for; in the narrowest, the details of cells are left out,
    which is said, and words are folded.

    A table without headings has two columns, and its narrowest layout is a line a row: a hash stays whole.
    """

    table: doc.Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        detailed = any(isinstance(cell, doc.Cell) and cell.detail for row in self.table.rows for cell in row)
        for boxed, whole, details in _LAYOUTS:
            drawn: RenderableType = _rich_table(self.table, boxed, whole, details)
            fits = Measurement.get(console, options.update(width=10_000), drawn).maximum <= options.max_width
            if fits:
                break
        if not fits and not any(column.title for column in self.table.columns):
            drawn = Group(*(Text(": ").join(_cell(doc.as_cell(cell)) for cell in row) for row in self.table.rows))
        yield drawn
        shortened = [column for column in self.table.columns if column.short] if not boxed else []
        if shortened:
            yield Text(" ".join(f"{column.short}: {column.title}." for column in shortened))
        if detailed and not details:
            yield Text(_NO_DETAILS)


def _rich_table(table: doc.Table, boxed: bool, whole: bool, details: bool) -> RichTable:
    shown = [whole or not column.optional for column in table.columns]
    headed = any(column.title for column in table.columns)
    lean: dict[str, Any] = {"box": box.SIMPLE_HEAD, "show_edge": False, "pad_edge": False, "padding": (0, 1, 0, 0)}
    drawn = RichTable(show_header=headed, **({} if boxed else lean))
    for position, (column, kept) in enumerate(zip(table.columns, shown, strict=True)):
        if kept:
            heading = column.heading if boxed else column.short or column.heading
            # figures, and what heads a row where there is room for it
            whole_words = column.align == "right" or (position == 0 and details)
            drawn.add_column(Text(printable(heading)), justify=column.align, no_wrap=whole_words, overflow="fold")
    for row in table.rows:
        if len(row) == 1 < len(table.columns):
            drawn.add_row(Text(printable(doc.as_cell(row[0]).text), "bold"))
        else:
            drawn.add_row(*(_cell(doc.as_cell(cell), details) for cell, kept in zip(row, shown, strict=True) if kept))
    return drawn


def _cell(cell: doc.Cell, details: bool = True) -> Text:
    text = _words(cell.text)
    text.stylize(_STYLES[cell.mark])
    return text + Text(f" ({printable(cell.detail)})") if cell.detail and details else text
