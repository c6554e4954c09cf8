"""Parts of a document on the terminal: the words and tables of the HTML page, fitted to the terminal's width.

In: parts. Out: lines on a rich console. No text is taken for rich's markup; colours end where stdout is no terminal or
NO_COLOR is set. A drawing is its text alternative here, and an image its caption.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from edgekit.report.document import (
    Bullets,
    Cell,
    Code,
    Column,
    Facts,
    Figure,
    Gallery,
    Highlights,
    Part,
    Prose,
    Table,
    as_cell,
    inline,
)

_STYLES = {"": "", "code": "bold", "strong": "bold", "muted": "dim"}
_LAYOUTS = ((True, True), (False, True), (False, False))  # (in a box, with the optional columns), widest first


def print_parts(parts: Iterable[Part], console: Console | None = None) -> None:
    """Prints the parts one below the other, to stdout unless another console is given.

    Sentences break between words; `Code` stays as it is, however wide: paths, commands, drawings.
    """
    console = console or Console()
    for part in parts:
        console.print(_drawn(part), crop=False)


def _drawn(part: Part) -> RenderableType:  # noqa: PLR0911 (one a kind)
    match part:
        case Prose(text):
            return _words(text)
        case Bullets(items):
            return _below("", *(Text("- ") + _words(item) for item in items))
        case Code(text, _, caption):
            return _below(caption, Text(text, no_wrap=True, overflow="ignore"))
        case Facts(items, caption):
            return _below(caption, _Fitted(Table("", (Column("", "left"), Column("", "left")), items)))
        case Highlights(items):
            return _drawn(Facts(items))
        case Table(caption, _, _, notes):
            return _below(caption, _Fitted(part), *map(_words, notes))
        case Figure(caption, _, alt, notes):
            return _below(caption, Text(alt), *map(_words, notes))
        case Gallery(caption, pictures, notes):
            return _below(caption, *(Text("- ") + _words(one.caption) for one in pictures), *map(_words, notes))


def _below(caption: str, *shown: RenderableType) -> Group:
    heading = _words(caption)
    heading.stylize("italic")
    return Group(*([heading] if caption else []), *shown)


def _words(text: str) -> Text:
    return Text.assemble(*((piece, _STYLES[kind]) for piece, kind in inline(text)))


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A table in the widest layout that the terminal has room for; in the narrowest, words are folded.

    A table without headings has two columns, and its narrowest layout is a line a row: a hash stays whole.
    """

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for boxed, whole in _LAYOUTS:
            drawn: RenderableType = _rich_table(self.table, boxed, whole)
            fits = Measurement.get(console, options.update(width=10_000), drawn).maximum <= options.max_width
            if fits:
                break
        if not fits and not any(column.title for column in self.table.columns):
            drawn = Group(*(Text(": ").join(_cell(as_cell(cell)) for cell in row) for row in self.table.rows))
        yield drawn
        shortened = [column for column in self.table.columns if column.short] if not boxed else []
        if shortened:
            yield Text(" ".join(f"{column.short}: {column.title}." for column in shortened))


def _rich_table(table: Table, boxed: bool, whole: bool) -> RichTable:
    shown = [whole or not column.optional for column in table.columns]
    headed = any(column.title for column in table.columns)
    if boxed:
        drawn = RichTable(show_header=headed)
    else:
        drawn = RichTable(
            box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), show_header=headed
        )
    for position, (column, kept) in enumerate(zip(table.columns, shown, strict=True)):
        if kept:
            heading = column.heading if boxed else column.short or column.heading
            whole_words = column.align == "right" or position == 0  # figures, and what heads a row
            drawn.add_column(Text(heading), justify=column.align, no_wrap=whole_words, overflow="fold")
    for row in table.rows:
        if len(row) == 1 < len(table.columns):
            drawn.add_row(Text(as_cell(row[0]).text, "bold"))
        else:
            drawn.add_row(*(_cell(as_cell(cell)) for cell, kept in zip(row, shown, strict=True) if kept))
    return drawn


def _cell(cell: Cell) -> Text:
    text = _words(cell.text)
    text.stylize(_STYLES[cell.mark])
    return text + Text(f" ({cell.detail})") if cell.detail else text
