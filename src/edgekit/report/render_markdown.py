"""A page as Markdown: the same words and tables, each figure as its text alternative or as a link to its file.

In: a `Page`. Out: text, ended by a newline; no text of the page is a tag
or a control code there. The template is in `templates`.
"""

import re
from collections.abc import Iterable
from typing import Any

from edgekit.errors import printable
from edgekit.report import document as doc
from edgekit.report.render_html import template


def markdown(page: doc.Page, figures: str = "") -> str:
    """The page as Markdown, ended by a newline.

    Args:
        figures: folder of the figures' SVG files that `write_all` writes, relative to the file; without it a figure is
            its text alternative.
    """
    said = [text for text in (page.domain, doc.synthetic_says(page.domain) if page.synthetic else "") if text]
    files = {id(figure): f"{figures}/{name}" for name, figure in figure_files(page).items()} if figures else {}
    return _rendered(page=page, said=said, files=files) + "\n"


def parts_markdown(parts: Iterable[doc.Part]) -> str:
    """Some parts on their own, for a file that has more than a page's text; no newline at the end."""
    return _rendered(page=None, parts=parts, said=(), files={})


def _rendered(**values: Any) -> str:
    return str(
        template("page.md").render(id=id, table=_table, md=words, fence=fence, printable=printable, **values)
    ).rstrip()


def words(text: str) -> str:
    """A text without tags and control codes; what stands in backticks is no tag."""
    pieces = re.split(r"(`[^`]+`)", printable(text))
    return "".join(one if one[:1] == "`" else re.sub(r"<(?=[A-Za-z/!?])", "&lt;", one) for one in pieces)


def fence(text: str) -> str:
    """What begins and ends a block of code: more backticks than there are in it."""
    return "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 0)


def _table(part: doc.Table | doc.Facts | doc.Highlights) -> str:
    """A table in GitHub's Markdown. A column's group stands before its title, a cell's detail in brackets."""
    columns, rows = _columns_and_rows(part)
    lines = [[column.heading for column in columns], ["---" if c.align == "left" else "---:" for c in columns]]
    for row in rows:
        if len(row) == 1 < len(columns):
            lines.append([f"**{doc.as_cell(row[0]).text}**", *[""] * (len(columns) - 1)])
        else:
            lines.append([_cell(doc.as_cell(cell)) for cell in row])
    return "\n".join(f"| {' | '.join(words(cell).replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _columns_and_rows(
    part: doc.Table | doc.Facts | doc.Highlights,
) -> tuple[tuple[doc.Column, ...], tuple[doc.Row, ...]]:
    match part:
        case doc.Table():
            return part.columns, part.rows
        case doc.Facts(items):
            return (doc.Column("fact", "left"), doc.Column("value", "left")), items
        case doc.Highlights(items):
            return tuple(doc.Column(name) for name, _ in items), (tuple(cell for _, cell in items),)


def _cell(cell: doc.Cell) -> str:
    text = f"**{cell.text}**" if cell.mark == "strong" else cell.text
    return f"{text} ({cell.detail})" if cell.detail else text


def figure_files(page: doc.Page) -> dict[str, doc.Figure]:
    """The page's figures by the names of their files, in order."""
    sections = [inner for section in page.sections for inner in (section, *section.sections)]
    found = [part for section in sections for part in section.parts if isinstance(part, doc.Figure)]
    return {f"{number:02d}-{doc.slug(figure.caption)}.svg": figure for number, figure in enumerate(found, 1)}
