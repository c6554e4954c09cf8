"""What a terminal of a given width shows of a document's parts."""

from collections.abc import Iterable

from rich.console import Console

from edgekit.report.document import Part
from edgekit.report.render_terminal import print_parts


def printed(parts: Iterable[Part], width: int = 100) -> str:
    """The lines, without colours."""
    console = Console(width=width)
    with console.capture() as capture:
        print_parts(parts, console)
    return capture.get()
