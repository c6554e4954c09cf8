"""The command line, thin: parse, call, print. Each handler imports what it needs, so that `--help` is quick."""

import json
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from edgekit import __version__
from edgekit.errors import EdgekitError

_DATA_HELP = "A folder of X-rays, chest-xray, pneumoniamnist[-28|-64|-128|-224] or phantom (drawn, the default)."
_Handler = TypeVar("_Handler", bound=Callable[..., Any])


def data_option(handler: _Handler) -> _Handler:
    """--data, the same in every command."""
    return click.option("--data", default="phantom", show_default=True, metavar="DATA", help=_DATA_HELP)(handler)


def json_option(handler: _Handler) -> _Handler:
    """--json, the same in every command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")(handler)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="edgekit")
def cli() -> None:
    """Put a neural network on an ESP32 and know that it works there.

    A research demonstration, not a medical device.
    """


@cli.group("data")
def data_group() -> None:
    """Look at a data set."""


@data_group.command("info")
@click.argument("data", default="phantom")
@json_option
def data_info(data: str, as_json: bool) -> None:
    """Audit DATA: counts, sizes, patients, duplicates within and across splits, unreadable files."""
    from edgekit.data.audit import audit, render
    from edgekit.report.plain import to_plain

    found = audit(data)
    _print(to_plain(found) if as_json else render(found))


def main() -> None:
    """Runs the command line: an EdgekitError is two lines and exit code 1, Ctrl-C a line and 130."""
    try:
        cli(standalone_mode=False)
    except EdgekitError as error:
        click.echo(f"error: {error.message}", err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nStopped. Finished stages are kept: the same command goes on where it stopped.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


def _print(value: Any) -> None:
    if isinstance(value, dict):
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        Console().print(value)
