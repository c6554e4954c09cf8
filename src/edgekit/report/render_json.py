"""A page as JSON-ready values: the same words and figures as in HTML and Markdown; drawings and images are left out.

In: a `Page`. Out: a dict.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgekit.report.document import (
    Bullets,
    Cell,
    Code,
    Facts,
    Figure,
    Gallery,
    Highlights,
    Page,
    Part,
    Prose,
    Section,
    Table,
)
from edgekit.values.codec import to_document, to_json

JsonPart = Mapping[str, Any]  # `kind` (`table`, `figure`, ...) and what a part of that kind holds


@dataclass(frozen=True, slots=True)
class JsonSection:
    """A section; `results` says whether figures of a model stand in it."""

    title: str
    results: bool
    parts: tuple[JsonPart, ...]
    sections: tuple["JsonSection", ...]


@dataclass(frozen=True, slots=True)
class JsonPage:
    """A page as its JSON shows it; `disclaimer` is empty where the page's task has no domain."""

    title: str
    disclaimer: str
    synthetic: bool
    warnings: tuple[str, ...]
    lead: tuple[str, ...]
    highlights: JsonPart | None
    sections: tuple[JsonSection, ...]
    footer: tuple[str, ...]


def page_json(page: Page) -> dict[str, Any]:
    """The page as a document of its schema (`edgekit/schemas/report.schema.json`)."""
    highlights = _part_json(page.highlights) if page.highlights else None
    sections = tuple(map(_section_json, page.sections))
    return to_document(
        JsonPage(
            page.title, page.domain, page.synthetic, tuple(page.warnings), tuple(page.lead), highlights, sections,
            tuple(page.footer),
        )
    )  # fmt: skip


def _section_json(section: Section) -> JsonSection:
    return JsonSection(
        section.title, section.results, tuple(map(_part_json, section.parts)),
        tuple(map(_section_json, section.sections)),
    )  # fmt: skip


def _part_json(part: Part) -> dict[str, Any]:
    kind = {"kind": type(part).__name__.lower()}
    match part:
        case Table(caption, columns, rows, notes):
            return kind | {
                "caption": caption,
                "columns": [column.heading for column in columns],
                "rows": [[_cell_json(cell) for cell in row] for row in rows],
                "notes": list(notes),
            }
        case Facts(items, caption):
            return kind | {"caption": caption, "items": {name: _cell_json(value) for name, value in items}}
        case Highlights(items):
            return kind | {"items": {name: _cell_json(cell) for name, cell in items}}
        case Figure(caption, _, alt, notes, data):
            return kind | {"caption": caption, "alt": alt, "notes": list(notes), "data": to_json(data)}
        case Gallery(caption, pictures, notes):
            return kind | {"caption": caption, "pictures": [one.caption for one in pictures], "notes": list(notes)}
        case Prose() | Bullets() | Code():
            return kind | to_json(part)  # type: ignore[no-any-return]


def _cell_json(cell: Cell | str | None) -> Any:
    """A text, a number where the cell has one, or null; with its detail where it has one."""
    if cell is None or isinstance(cell, str):
        return cell
    value = cell.text if cell.value is None else to_json(cell.value)
    return {"value": value, "text": cell.text, "detail": cell.detail} if cell.detail else value
