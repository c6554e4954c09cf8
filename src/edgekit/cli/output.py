"""What every command does with its result: prints it, as tables for a person or as JSON for a script.

In: what a command found out. Out: stdout; what goes on meanwhile, on stderr.
"""

import codecs
import json
import re
import shlex
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import click

from edgekit.errors import printable

if TYPE_CHECKING:  # `edgekit --help` comes without numpy and rich
    from edgekit.report.document import Part

_NUMBERS = re.compile(r"\[\n\s+(?=[-\d])[^\[\]{}\"]*\]")  # a list of numbers, which is printed in one line

# of what edgekit writes itself, for a stream that takes no Unicode: a pipe on Windows, the C locale
_PLAIN = {"█": "#", "━": "-", "–": "-", "…": "...", "±": "+-", "µ": "u", "∞": "inf"}


def take_any_encoding() -> None:
    """What the encoding of stdout or stderr lacks is written with plain characters, or as JSON writes it."""
    codecs.register_error("edgekit", _plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="edgekit")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(one) or json.dumps(one)[1:-1] for one in lacking), error.end


def show(parts: "Iterable[Part]", value: Any, as_json: bool) -> None:
    """Prints the value, a dataclass or a mapping, as JSON where `--json` was given, else the parts."""
    if as_json:
        from edgekit.values.codec import to_json

        text = json.dumps(to_json(value), indent=2, ensure_ascii=False)
        click.echo(printable(_NUMBERS.sub(_in_a_line, text)))
        return
    from edgekit.report.render_terminal import print_parts

    print_parts(parts)


def _in_a_line(numbers: re.Match[str]) -> str:
    return f"[{', '.join(one.strip() for one in numbers.group()[1:-1].split(','))}]"


def waiting(for_what: str) -> AbstractContextManager[object]:
    """Says what is going on for as long as it is open, on a terminal."""
    from rich.console import Console
    from rich.markup import escape

    return Console(stderr=True).status(escape(printable(for_what)))


def typed() -> str:
    """The command as the user typed it; bytes that are no UTF-8 as `printable` writes them, for a card's JSON."""
    return printable(shlex.join(["edgekit", *sys.argv[1:]]))
