"""A page as one HTML file without network, as Markdown, or as JSON: the same words and figures in each.

In: a `Page`. Out: files.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgekit import files
from edgekit.errors import EdgekitError
from edgekit.report.document import Page
from edgekit.report.render_html import html, standalone
from edgekit.report.render_json import page_json
from edgekit.report.render_markdown import figure_files, markdown


def write(page: Page, path: Path, extra: Mapping[str, Any] | None = None) -> None:
    """Writes one file in the form of its extension: .html, .md or .json, the last with `extra` besides its `page`.

    Raises:
        EdgekitError: another extension, or the file cannot be written.
    """
    check_name(path)
    if path.suffix == ".json":
        files.write_json(path, {**extra, "page": page_json(page)} if extra else page_json(page))
    else:
        files.write_text(path, html(page) if path.suffix == ".html" else markdown(page))


def check_name(path: Path) -> None:
    """Refuses a file that is not a report by its extension, before hours of work.

    Raises:
        EdgekitError: it is none of .html, .md and .json.
    """
    if path.suffix not in (".html", ".md", ".json"):
        raise EdgekitError(f"{path} has no ending that a report can have.", "Name it .html, .md or .json.")


def write_all(page: Page, folder: Path) -> None:
    """Writes report.html, report.json, report.md and the figures that the Markdown links to, `figures/*.svg`.

    Raises:
        EdgekitError: a file cannot be written.
    """
    for name in ("report.html", "report.json"):
        write(page, folder / name)
    drawn = figure_files(page)
    for old in (folder / "figures").glob("*.svg"):
        if old.name not in drawn:
            old.unlink()
    for name, figure in drawn.items():
        files.write_text(folder / "figures" / name, standalone(figure))
    files.write_text(folder / "report.md", markdown(page, "figures"))
