"""A page as one HTML file: styles and drawings inline, images as data, nothing from a network, no script.

In: a `Page`. Out: text; the same page renders to the same bytes. The template and its styles are in `templates`.
"""

import base64
from functools import cache
from importlib.resources import files as package_files
from typing import Any, NamedTuple

from markupsafe import Markup

from edgekit.report.document import SYNTHETIC, Column, Figure, Page, Part, Section, as_cell, inline, slug

_TAGS = {"": "{}", "code": "<code>{}</code>", "strong": "<strong>{}</strong>"}


class Entry(NamedTuple):
    """A section where it stands in the page."""

    section: Section
    key: str
    inner: "list[Entry]"


def html(page: Page) -> str:
    """One file: styles and drawings inline, images as data, nothing from a network, no script."""
    return str(_template().render(page=page, synthetic=SYNTHETIC, outline=_outline(page))) + "\n"


@cache
def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("edgekit.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["words"] = _words
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode()
    environment.filters["cell"] = as_cell
    environment.filters["heads"] = _heads
    environment.filters["grouped"] = _grouped
    environment.filters["kind"] = lambda part: type(part).__name__
    environment.filters["svg"] = lambda figure: Markup(figure.svg)  # our own drawing, escaped where it was made
    environment.globals["style"] = Markup(_resource("page.css") + _resource("figure.css"))
    return environment.get_template("page.html")


def standalone(figure: Figure) -> str:
    """The figure as an SVG file of its own, light or dark as its viewer is."""
    head, rest = figure.svg.split(">", 1)
    return f"{head}><style>{_resource('figure.css')}</style>{rest}\n"


@cache
def _resource(name: str) -> str:
    return (package_files("edgekit.report") / "templates" / name).read_text(encoding="utf-8")


def _words(text: str) -> Markup:
    """Escaped text with its `code` and **strong** words."""
    return Markup("").join(Markup(_TAGS[kind]).format(piece) for piece, kind in inline(text))


def _heads(columns: tuple[Column, ...]) -> list[tuple[str, int]]:
    """(group, number of columns) from left to right; empty where no column has a group."""
    runs: list[tuple[str, int]] = []
    for column in columns:
        if runs and column.group and runs[-1][0] == column.group:
            runs[-1] = (column.group, runs[-1][1] + 1)
        else:
            runs.append((column.group, 1))
    return runs if any(group for group, _ in runs) else []


def _grouped(parts: tuple[Part, ...]) -> list[list[Part]]:
    """The parts in runs: neighbouring figures share one, every other part has its own."""
    runs: list[list[Part]] = []
    for part in parts:
        if runs and isinstance(part, Figure) and isinstance(runs[-1][-1], Figure):
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


def _outline(page: Page) -> list[Entry]:
    """Each section with an anchor made of its title, and those below it likewise."""
    used: set[str] = set()

    def entry(section: Section) -> Entry:
        base = key = slug(section.title)
        number = 2
        while key in used:
            key, number = f"{base}-{number}", number + 1
        used.add(key)
        return Entry(section, key, [entry(inner) for inner in section.sections])

    return [entry(section) for section in page.sections]
