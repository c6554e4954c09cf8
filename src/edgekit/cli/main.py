"""The command line, thin: parse, call, print. Each handler imports what it needs, so that `--help` is quick."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from edgekit import __version__
from edgekit.cli.compile import COMPILE_COMMANDS
from edgekit.cli.device import DEVICE_COMMANDS, typed
from edgekit.cli.output import show
from edgekit.cli.profile import PROFILE_COMMANDS
from edgekit.cli.reproduce import REPRODUCE_COMMANDS
from edgekit.errors import EdgekitError, stopped_says

_DATA_HELP = "A folder of X-rays, chest-xray, pneumoniamnist[-28|-64|-128|-224] or phantom (drawn, the default)."
_RECIPE_HELP = "esp32, paper, demo, smoke, or the recipe.json beside a model."
_Handler = TypeVar("_Handler", bound=Callable[..., Any])


def data_option(handler: _Handler) -> _Handler:
    """--data, the same in every command."""
    return click.option("--data", default="phantom", show_default=True, metavar="DATA", help=_DATA_HELP)(handler)


def json_option(handler: _Handler) -> _Handler:
    """--json, the same in every command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")(handler)


def set_option(handler: _Handler) -> _Handler:
    """--set, the same in every command."""
    wording = "Change a recipe field, e.g. distill.temperature=4; repeatable. `edgekit recipe` lists them."
    return click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE", help=wording)(handler)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="edgekit")
def cli() -> None:
    """Put a neural network on an ESP32 and know that it works there.

    A research demonstration, not a medical device.
    """


@cli.command("build-model")
@click.option("--recipe", "recipe_name", default="esp32", show_default=True, metavar="RECIPE", help=_RECIPE_HELP)
@set_option
@data_option
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the model [build/RECIPE].")
@click.option("--fresh", is_flag=True, help="Forget finished stages and start again.")
@click.option("--strict", is_flag=True, help="Stop at the first image that cannot be read.")
@click.option("--weights-dir", type=click.Path(path_type=Path), help="Folder of torchvision's ImageNet weight files.")
@click.option("--accelerator", default="auto", show_default=True, help="auto, cpu, cuda or mps: where to train.")
@json_option
def build_model(
    recipe_name: str, changes: tuple[str, ...], data: str, out: Path | None, fresh: bool, strict: bool,
    weights_dir: Path | None, accelerator: str, as_json: bool,
) -> None:  # fmt: skip
    """Make an int8 model, its C array and its card from X-rays.

    Teach, distill, prune, convert, embed. Stop it at any moment: the same command goes on where it stopped.
    """
    from edgekit.cli.progress import StageBars
    from edgekit.pipeline.build_model import build_model
    from edgekit.pipeline.stages import Options
    from edgekit.recipes.reading import recipe_named
    from edgekit.report.card import card_json
    from edgekit.report.document import Code
    from edgekit.report.tables import seeds_parts, stages_parts

    recipe = recipe_named(recipe_name, changes)
    out = out or Path("build") / recipe.name
    kept = "Finished stages are kept: the same command goes on where it stopped."
    with stopped_says(kept), StageBars() as bars:
        options = Options(
            fresh=fresh, strict=strict, weights_dir=weights_dir, accelerator=accelerator, command=typed(),
            on_stage=bars.stage, on_epoch=bars.epoch, on_warning=bars.warn,
        )  # fmt: skip
        card = build_model(recipe, data, out, options)
    seeds = seeds_parts(card.seeds, card.data) if len(recipe.seeds) > 1 else ()
    written = (
        Code(f"{out}/student_int8.tflite: {card.model.bytes:,} bytes, TFLM arena {card.model.arena_bytes:,} bytes."),
        Code(f"Its card is {out}/card.md, its C array {out}/model_data.cc."),
    )
    show((*stages_parts(card.stages, card.data), *seeds, *written), card_json(card), as_json)


@cli.command()
@click.argument("model", type=click.Path(path_type=Path))
@data_option
@click.option(
    "--runtime",
    type=click.Choice(["tflm", "litert", "torch", "onnx"]),
    help="What runs it [by the file: tflm for int8].",
)
@click.option("--split", type=click.Choice(["test", "val"]), default="test", show_default=True)
@click.option("--strict", is_flag=True, help="Stop at the first image that cannot be read.")
@json_option
def evaluate(model: Path, data: str, runtime: str | None, split: str, strict: bool, as_json: bool) -> None:
    """Score MODEL on DATA at the threshold stored in its card.

    MODEL is a .tflite, .onnx or .npz of build-model, or its folder for the int8 model.
    """
    from edgekit.pipeline.evaluate import evaluate_file
    from edgekit.report.tables import evaluation_parts, to_json

    report = evaluate_file(model, data, runtime=runtime, split=split, strict=strict)
    show(evaluation_parts(report), to_json(report), as_json)


@cli.command()
@click.argument("name", default="esp32", metavar="[RECIPE]")
@set_option
@json_option
def recipe(name: str, changes: tuple[str, ...], as_json: bool) -> None:
    """Show each field of RECIPE, its value and what it takes.

    RECIPE is esp32 (the default), paper, demo, smoke, or the recipe.json beside a model.
    """
    from edgekit.recipes.fields import leaves
    from edgekit.recipes.reading import recipe_named, to_dict
    from edgekit.report.tables import fields_table

    chosen = recipe_named(name, changes)
    show([fields_table(chosen.name, leaves(chosen))], to_dict(chosen), as_json)


@cli.group("data")
def data_group() -> None:
    """Look at a data set."""


@data_group.command("info")
@click.argument("data", default="phantom")
@json_option
def data_info(data: str, as_json: bool) -> None:
    """Audit DATA: counts, sizes, patients, duplicates, bad files.

    Duplicates are told by their bytes and by their pixels, within and across splits.
    """
    from edgekit.data.audit import audit
    from edgekit.report.pages.sections import data_section
    from edgekit.values.plain import to_plain

    found = audit(data)
    show(data_section(found.info, found).parts, to_plain(found), as_json)


for command in (*COMPILE_COMMANDS, *DEVICE_COMMANDS, *PROFILE_COMMANDS, *REPRODUCE_COMMANDS):
    cli.add_command(command)


def main() -> None:
    """Runs the command line: an EdgekitError is two lines and exit code 1, Ctrl-C a line and 130."""
    try:
        cli(standalone_mode=False, prog_name="edgekit")
        sys.stdout.flush()
    except EdgekitError as error:
        click.echo(f"error: {error.message}", err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
        sys.exit(1)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("edgekit"):
            raise
        click.echo(f"error: The package {error.name} is not installed.", err=True)
        click.echo(
            "  Building and evaluating models takes more than a board does: pip install 'edgekit[build]'", err=True
        )
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort) as stop:  # click makes an Abort of a Ctrl-C
        click.echo(f"\nStopped. {stop.__cause__ or stop}".rstrip(), err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except OSError as error:  # of stdout itself, or of the machine where no room of ours expected it
        _give_up_stdout()
        if not isinstance(error, BrokenPipeError):  # a reader that has seen enough, such as head, needs no message
            where = f" ({error.filename})" if error.filename else ""
            click.echo(f"error: The system refused: {error.strerror or error}{where}.", err=True)
            click.echo("  Check the disk's room and permissions, then run the command again.", err=True)
        sys.exit(1)


def _give_up_stdout() -> None:
    """Where stdout takes no more, drops what it holds: Python flushes it once more at its end, with a traceback."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
