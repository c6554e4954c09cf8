"""The command `search`: the best student inside a budget, a folder with the study, a report and recipes."""

from pathlib import Path

import click

from edgekit.cli import options as shared
from edgekit.cli.output import show, typed
from edgekit.errors import stopped_says


@click.command("search")
@shared.data_option
@click.option("--recipe", "recipe_name", default="esp32", metavar="RECIPE", help=shared.RECIPES)
@shared.set_option
@click.option("--max-ram", type=click.IntRange(min=1), help="Bytes of RAM: arena, input, output, weights kept there.")
@click.option("--max-flash", type=click.IntRange(min=1), help="Bytes of flash: constants and code.")
@click.option("--max-ms", type=click.FloatRange(min=0, min_open=True), help="Estimated milliseconds of a run.")
@click.option("--trials", type=click.IntRange(min=1), default=50, help="Students to train, at least for a short time.")
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), help="Begin nothing more after so many hours.")
@click.option("--jobs", type=click.IntRange(min=1), help="Trainings side by side [one a core; 1 on a GPU].")
@click.option("--ray", metavar="ADDRESS", help="Train on this Ray cluster; local starts one.")
@click.option("--sampler", type=click.Choice(["tpe", "nsga2"]), default="tpe", help="Who proposes students.")
@shared.optimize_option
@shared.flash_mode_option
@click.option("--out", type=shared.FOLDER, help="Folder; run again to go on [build/search-RECIPE].")
@shared.accelerator_option
@shared.json_option
def search_command(
    data: str, recipe_name: str, changes: tuple[str, ...], max_ram: int | None, max_flash: int | None,
    max_ms: float | None, trials: int, hours: float | None, jobs: int | None, ray: str | None, sampler: str,
    optimize: str, flash_mode: str, out: Path | None, accelerator: str, as_json: bool,
) -> None:  # fmt: skip
    """Find the best students that meet a budget on an ESP32, without looking at the test set.

    What exceeds the budget is refused before it is trained. Short trainings first, then the best in full with several
    seeds. Stop it at any moment: the same command goes on. --set search.FIELD changes what is chosen among.
    """
    from edgekit.cli.progress_search import SearchBars
    from edgekit.compile import CompileOptions
    from edgekit.recipes.reading import recipe_named
    from edgekit.report.render import write_all
    from edgekit.search.cost import Budget
    from edgekit.search.front import front_of, points_of, write_recipes
    from edgekit.search.page import front_parts, search_json, search_page
    from edgekit.search.request import Request
    from edgekit.search.run import search

    recipe = recipe_named(recipe_name, changes)
    out = out or Path("build") / f"search-{recipe.name}"
    ram = max_ram if optimize == "speed" else None  # then weights go to RAM, as far as the budget allows
    options = CompileOptions(target="esp32", optimize=optimize, flash_mode=flash_mode, max_ram=ram)  # type: ignore[arg-type]
    hint = "What was trained is kept: the same command goes on where it stopped."
    with stopped_says(hint), SearchBars(trials) as bars:
        found = search(Request(
            recipe, data, Budget(max_ram, max_flash, max_ms), out, trials, hours, jobs or 0, ray or "",
            sampler, options, accelerator,  # type: ignore[arg-type]  # click has checked it
            command=typed(), on_progress=bars.told, on_warning=bars.warn,
        ))  # fmt: skip
    front = front_of(points_of(found.trials, recipe))
    recipes = write_recipes(front, recipe, found.info.task, out)
    write_all(search_page(found, recipes), out)
    show(front_parts(found, recipes), search_json(found, recipes), as_json)
