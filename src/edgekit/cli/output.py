"""The one place where a command prints its result: as JSON for a script, or as tables for a person.

In: what a command found out. Out: stdout.
"""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:  # `edgekit --help` comes without numpy and rich
    from edgekit.report.document import Part


def show(parts: "Iterable[Part]", plain: Mapping[str, Any], as_json: bool) -> None:
    """Prints `plain` as JSON where `--json` was given, else the parts."""
    if as_json:
        click.echo(json.dumps(plain, indent=2, ensure_ascii=False))
        return
    from edgekit.report.render_terminal import print_parts

    print_parts(parts)
