"""The commands of a build: `build-model` makes a model from images, `recipe` shows by what."""

from pathlib import Path

import click

from edgekit.cli.options import (
    RECIPES,
    accelerator_option,
    data_option,
    json_option,
    set_option,
    strict_option,
    weights_dir_option,
)
from edgekit.cli.output import show, typed
from edgekit.errors import stopped_says


@click.command("build-model")
@click.option("--recipe", "recipe_name", default="esp32", show_default=True, metavar="RECIPE", help=RECIPES)
@set_option
@data_option
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the model [build/RECIPE].")
@click.option("--fresh", is_flag=True, help="Forget finished stages and start again.")
@strict_option
@weights_dir_option
@accelerator_option
@json_option
def build_model_command(
    recipe_name: str, changes: tuple[str, ...], data: str, out: Path | None, fresh: bool, strict: bool,
    weights_dir: Path | None, accelerator: str, as_json: bool,
) -> None:  # fmt: skip
    """Make an int8 model, its C array and its card from X-rays.

    Teach, distill, prune, convert, embed. Stop it at any moment: the same command goes on where it stopped.
    A research demonstration, not a medical device.
    """
    from edgekit.cli.progress import StageBars
    from edgekit.pipeline.build_model import build_model
    from edgekit.pipeline.stages import Options
    from edgekit.recipes.reading import recipe_named
    from edgekit.report.document import Code
    from edgekit.report.tables import seeds_parts, stages_parts
    from edgekit.values.codec import to_document

    recipe = recipe_named(recipe_name, changes)
    out = out or Path("build") / recipe.name
    with stopped_says("Finished stages are kept: the same command goes on where it stopped."), StageBars() as bars:
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
    show((*stages_parts(card.stages, card.data), *seeds, *written), to_document(card), as_json)


@click.command("recipe")
@click.argument("name", default="esp32", metavar="[RECIPE]")
@set_option
@json_option
def recipe_command(name: str, changes: tuple[str, ...], as_json: bool) -> None:
    """Show each field of RECIPE, its value and what it takes.

    RECIPE is esp32 (the default), paper, demo, smoke, or the recipe.json beside a model.
    """
    from edgekit.recipes.fields import leaves
    from edgekit.recipes.reading import recipe_named
    from edgekit.report.tables import fields_table
    from edgekit.values.codec import to_document

    recipe = recipe_named(name, changes)
    show([fields_table(recipe.name, leaves(recipe))], to_document(recipe), as_json)
