"""A page as one HTML file without network, as Markdown, or as JSON: the same words and figures in each.

In: a `Page`. Out: files.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgekit import files
from edgekit.errors import EdgekitError
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
from edgekit.report.render_html import html, standalone
from edgekit.report.render_markdown import figure_files, markdown
from edgekit.report.tables import DISCLAIMER
from edgekit.values.plain import to_plain


def write(page: Page, path: Path, extra: Mapping[str, Any] | None = None) -> None:
    """Writes one file in the form of its extension: .html, .md or .json; see `check_name`.

    Args:
        extra: what the JSON holds besides the page, which is its key `page` then.

    Raises:
        EdgekitError: another extension, or the file cannot be written.
    """
    check_name(path)
    if path.suffix == ".json":
        files.write_json(path, {**extra, "page": as_json(page)} if extra else as_json(page))
    else:
        files.write_text(path, html(page) if path.suffix == ".html" else markdown(page))


def check_name(path: Path) -> None:
    """Refuses a file that is no report by its extension, before hours of work.

    Raises:
        EdgekitError: it is none of .html, .md and .json.
    """
    if path.suffix not in (".html", ".md", ".json"):
        raise EdgekitError(f"{path} has no ending that a report can have.", "Name it .html, .md or .json.")


def write_all(page: Page, folder: Path, stem: str = "report") -> None:
    """Writes {stem}.html, {stem}.json, {stem}.md and the figures that the Markdown links to, `figures/*.svg`.

    Raises:
        EdgekitError: a file cannot be written.
    """
    for suffix in (".html", ".json"):
        write(page, folder / f"{stem}{suffix}")
    drawn = figure_files(page)
    for old in (folder / "figures").glob("*.svg"):
        if old.name not in drawn:
            old.unlink()
    for name, figure in drawn.items():
        files.write_text(folder / "figures" / name, standalone(figure))
    files.write_text(folder / f"{stem}.md", markdown(page, "figures"))


def as_json(page: Page) -> dict[str, Any]:
    """The page as JSON-ready values; every part names its kind. Drawings and images are left out."""
    return {
        "title": page.title,
        "disclaimer": DISCLAIMER,
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
                "columns": [f"{c.group}: {c.title}" if c.group else c.title for c in columns],
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
                "data": to_plain(part.data),
            }
        case Gallery(caption, pictures, notes):
            return kind | {"caption": caption, "pictures": [one.caption for one in pictures], "notes": list(notes)}
        case Prose() | Bullets() | Code():
            return kind | to_plain(part)  # type: ignore[no-any-return]


def _cell_json(cell: Cell | str | None) -> Any:
    """A text, a number where the cell has one, or null; with its detail where it has one."""
    if cell is None or isinstance(cell, str):
        return cell
    value = cell.text if cell.value is None else to_plain(cell.value)
    return {"value": value, "text": cell.text, "detail": cell.detail} if cell.detail else value
