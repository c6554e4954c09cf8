"""The command line, thin: parse, call, print. Each handler imports what it needs, so that `--help` is quick."""

import os
import sys

import click

from edgekit import __version__
from edgekit.cli import desktop, device
from edgekit.cli.analyze import analyze_command
from edgekit.cli.compare import compare_command
from edgekit.cli.completion import completion_command
from edgekit.cli.export import export_command
from edgekit.cli.flash_page import flash_page_command
from edgekit.cli.init import init_command
from edgekit.cli.output import take_any_encoding
from edgekit.cli.reproduce import reproduce_command
from edgekit.cli.search import search_command
from edgekit.cli.watch import watch_command
from edgekit.errors import EdgekitError, printable
from edgekit.extras import not_installed

_NO_ARGUMENTS = getattr(click.exceptions, "NoArgsIsHelpError", ())  # click 8.1 prints the help itself


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110, "show_default": True})
@click.version_option(__version__, prog_name="edgekit")
def cli() -> None:
    """Put a neural network on an ESP32 and know that it works there."""


for command in (
    desktop.build_model_command, desktop.evaluate_command, desktop.predict_command, desktop.recipe_command,
    desktop.data_group, desktop.compile_command, export_command, desktop.inspect_command, device.eval_device_command,
    device.profile_command, device.selftest_command, device.flash_command, device.doctor_command,
    flash_page_command, device.firmware_command, watch_command, init_command, reproduce_command, search_command,
    compare_command, analyze_command, completion_command,
):  # fmt: skip
    cli.add_command(command)


def main() -> None:
    """Runs the command line: an error is two lines and exit code 1 (2 for wrong options), Ctrl-C a line and 130."""
    take_any_encoding()
    try:
        cli(standalone_mode=False, prog_name="edgekit")
        sys.stdout.flush()
    except EdgekitError as error:
        _end(error.message, error.hint)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("edgekit"):
            raise
        missing = not_installed((error.name or "").partition(".")[0])
        _end(missing.message, missing.hint)
    except (KeyboardInterrupt, click.Abort) as stop:  # click makes an Abort of a Ctrl-C
        click.echo(printable(f"\nStopped. {stop.__cause__ or stop}".rstrip()), err=True)
        sys.exit(130)
    except click.ClickException as error:
        if isinstance(error, _NO_ARGUMENTS):
            click.echo(error.format_message(), err=True)
            sys.exit(error.exit_code)
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "edgekit"
        _end(error.format_message(), f"{path} --help lists what it takes.", error.exit_code)
    except OSError as error:  # of stdout itself, or of the machine where nothing expected it
        _give_up_stdout()
        if isinstance(error, BrokenPipeError):  # a reader that has seen enough, such as head, needs no message
            sys.exit(1)
        where = f" ({error.filename})" if error.filename else ""
        hint = "Check the disk's room and permissions, then run the command again."
        _end(f"The system refused: {error.strerror or error}{where}.", hint)


def _end(message: str, hint: str, code: int = 1) -> None:
    click.echo(f"error: {printable(message)}", err=True)
    if hint:
        click.echo(f"  {printable(hint)}", err=True)
    sys.exit(code)


def _give_up_stdout() -> None:
    """Where stdout takes no more, drops what it holds: Python flushes it once more at its end, with a traceback."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
