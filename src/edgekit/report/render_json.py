"""A page as JSON-ready values: the same words and figures as in HTML and Markdown; drawings and images are left out.

In: a `Page`. Out: a dict.
"""

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
from edgekit.values.codec import to_json


def page_json(page: Page) -> dict[str, Any]:
    """The page; every part names its kind. `disclaimer` is empty where the page's task has no domain."""
    return {
        "title": page.title,
        "disclaimer": page.domain,
        "synthetic": page.synthetic,
        "warnings": list(page.warnings),
        "lead": list(page.lead),
        "highlights": _part_json(page.highlights) if page.highlights else None,
        "sections": [_section_json(section) for section in page.sections],
        "footer": list(page.footer),
    }


def _section_json(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "results": section.results,
        "parts": [_part_json(part) for part in section.parts],
        "sections": [_section_json(inner) for inner in section.sections],
    }


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
        case Figure():
            return kind | {
                "caption": part.caption,
                "alt": part.alt,
                "notes": list(part.notes),
                "data": to_json(part.data),
            }
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
