"""A page as JSON-ready values: the same words and figures as in HTML and Markdown; drawings and images are left out.

In: a `Page`. Out: a dict.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from edgekit.report.document import Cell, Column, Facts, Highlights, Page, Part, Picture, Section
from edgekit.values.codec import to_document

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
    return to_document(
        JsonPage(
            page.title, page.domain, page.synthetic, page.warnings, page.lead,
            _part_json(page.highlights) if page.highlights else None, tuple(map(_section_json, page.sections)),
            page.footer,
        )
    )  # fmt: skip


def _section_json(section: Section) -> JsonSection:
    parts, inner = tuple(map(_part_json, section.parts)), tuple(map(_section_json, section.sections))
    return JsonSection(section.title, section.results, parts, inner)


def _part_json(part: Part) -> JsonPart:
    values = {field.name: _value_json(getattr(part, field.name)) for field in fields(part) if field.name != "svg"}
    if isinstance(part, Facts | Highlights):
        values["items"] = dict(values["items"])
    return {"kind": type(part).__name__.lower(), **values}


def _value_json(value: Any) -> Any:
    """Headings and captions for columns and pictures; of a cell its text, or the number that it has, with its detail
    where it has one."""
    match value:
        case Cell(text, detail, _, number):
            shown = text if number is None else number
            return {"value": shown, "text": text, "detail": detail} if detail else shown
        case Column():
            return value.heading
        case Picture():
            return value.caption
        case tuple():
            return [_value_json(one) for one in value]
        case _:
            return value
