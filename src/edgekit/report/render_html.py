"""A page as one HTML file: styles and drawings inline, images as data, nothing from a network. A page with a slider has
one script, named by its hash; all else stands without it.

In: a `Page`. Out: text; the same page renders to the same bytes. The template and its styles are in `templates`.
"""

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files as package_files
from itertools import chain, count, groupby
from typing import Any

from markupsafe import Markup

from edgekit.metrics.decisions import sigmoid
from edgekit.report.charts_histogram import LEFT, RIGHT
from edgekit.report.document import Column, Figure, Page, Section, Slider, Table, as_cell, inline, slug, synthetic_says
from edgekit.report.svg import text_width
from edgekit.values.codec import to_json

_PHONE, _GAP, _LETTERS = 288.0, 16.0, 14.4  # pixels: of a page on a small phone, between columns, of a table's letters
_TAGS = {"": "{}", "code": "<code>{}</code>", "strong": "<strong>{}</strong>"}


def html(page: Page) -> str:
    """The file's text."""
    parts = (part for one in page.sections for inner in (one, *one.sections) for part in inner.parts)
    script = _resource("slider.js") if any(isinstance(part, Slider) for part in parts) else ""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = template("page.html").render(
        page=page, synthetic=synthetic_says(page.domain), outline=_outline(page), script=Markup(script),
        script_hash=f"sha256-{digest}",
    )  # fmt: skip
    return f"{text}\n"


@cache
def template(name: str) -> Any:
    """A template of this package; in one of HTML, every text is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("edgekit.report", "templates"), autoescape=name.endswith(".html"), trim_blocks=True,
        lstrip_blocks=True, undefined=StrictUndefined,
    )  # fmt: skip
    environment.filters |= {
        "words": _words,
        "base64": lambda content: base64.b64encode(content).decode(),
        "cell": as_cell,
        "heads": _heads,
        "json": lambda value: json.dumps(to_json(value), separators=(",", ":")),
        "probability": lambda odds: f"{float(sigmoid(odds)):.4f}",
        "kind": lambda part: type(part).__name__,
        "wide": _wide,
        "svg": lambda figure: Markup(figure.svg),  # our own drawing, escaped where it was made
    }
    environment.globals["axis_width"] = RIGHT - LEFT
    environment.globals["style"] = Markup(_resource("page.css") + _resource("figure.css"))
    return environment.get_template(name)


def standalone(figure: Figure) -> str:
    """The figure as an SVG file of its own, light or dark as its viewer is."""
    head, rest = figure.svg.split(">", 1)
    return f"{head}><style>{_resource('figure.css')}</style>{rest}\n"


def stylesheet() -> str:
    """The styles of edgekit's pages, for one that is not made of a `Page`."""
    return _resource("page.css")


@cache
def _resource(name: str) -> str:
    return (package_files("edgekit.report") / "templates" / name).read_text(encoding="utf-8")


def _words(text: str) -> Markup:
    """Escaped text with its `code` and **strong** words."""
    return Markup("").join(Markup(_TAGS[kind]).format(piece) for piece, kind in inline(text))


def _heads(columns: tuple[Column, ...]) -> list[tuple[str, int]]:
    """(group, number of columns) from left to right; empty where no column has a group."""
    runs = groupby(enumerate(columns), lambda column: column[1].group or column[0])  # without a group: each its own
    heads = [(group if isinstance(group, str) else "", len([*run])) for group, run in runs]
    return heads if any(group for group, _ in heads) else []


def _wide(table: Table) -> bool:
    """Whether a phone has no room for the columns side by side, by the widest word or figure of each."""
    columns = zip(*(row for row in table.rows if len(row) == len(table.columns)), strict=True)
    cells = [[as_cell(cell) for cell in column] for column in columns] or [[] for _ in table.columns]
    texts = [
        [*column.title.split(), *(text for cell in found for text in (cell.text, cell.detail))]
        for column, found in zip(table.columns, cells, strict=True)
    ]
    texts[0] = [word for text in texts[0] for word in text.split()]  # what heads a row may take several lines
    least = [max((text_width(text, _LETTERS) for text in of), default=0.0) for of in texts]
    return sum(least) + _GAP * (len(least) - 1) > _PHONE


def _outline(page: Page) -> list[dict[str, Any]]:
    """Each section with an anchor made of its title (`key`), and those below it likewise (`inner`)."""
    used: set[str] = set()

    def entry(section: Section) -> dict[str, Any]:
        base = slug(section.title)
        key = next(key for key in chain([base], (f"{base}-{number}" for number in count(2))) if key not in used)
        used.add(key)
        return {"section": section, "key": key, "inner": [entry(inner) for inner in section.sections]}

    return [entry(section) for section in page.sections]
