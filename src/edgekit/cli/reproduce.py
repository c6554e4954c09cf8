"""The command `reproduce`: the paper as one command, a folder with finished units and a report."""

from pathlib import Path

import click

from edgekit.cli import options as shared
from edgekit.cli.output import show, typed
from edgekit.errors import EdgekitError, stopped_says

_ONLY = "table1, table2, table3, table4, figure3, figure4, pruning, temperature"


def _numbers(context: click.Context, option: click.Parameter, text: str) -> tuple[int, ...]:
    try:
        found = tuple(int(word) for word in text.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not a list of whole numbers such as 0,1,2") from error
    if min(found) < 0 or max(found) >= 2**31 or len(set(found)) < len(found):
        raise click.BadParameter(f"{text!r} holds a number twice, or one that is not between 0 and {2**31 - 1}")
    return found


@click.command("reproduce")
@click.option("--only", show_default=False, default=_ONLY.replace(" ", ""), metavar="PARTS", help=f"Of {_ONLY} [all].")
@click.option("--seeds", default="0,1,2", callback=_numbers, help="One whole run each.")
@click.option(
    "--budget",
    default="smoke",
    help="full: as the paper. cpu: small images, a night on two cores. smoke: a rehearsal of minutes.",
)
@shared.data_option
@click.option("--out", required=True, type=shared.FOLDER, help="Folder; run again to go on.")
@click.option("--weights", type=click.Choice(["none", "imagenet"]), help="Of the networks [as the budget says].")
@shared.weights_dir_option
@click.option("--workers", type=click.IntRange(min=1), help="Units side by side [one a core; 1 on a GPU].")
@click.option("--ray", metavar="ADDRESS", help="Run the units on this Ray cluster; local starts one.")
@shared.accelerator_option
@click.option("--report-only", is_flag=True, help="Write the report of what is finished, and do no more.")
@shared.json_option
def reproduce_command(
    only: str, seeds: tuple[int, ...], budget: str, data: str, out: Path, weights: str | None, weights_dir: Path | None,
    workers: int | None, ray: str | None, accelerator: str, report_only: bool, as_json: bool,
) -> None:  # fmt: skip
    """Run the paper: every system, table and figure, with the statistics that it lacks, into one report.

    A research demonstration, not a medical device.
    """
    from edgekit.cli.progress import UnitBars
    from edgekit.report.document import Code, Prose
    from edgekit.report.render import write_all
    from edgekit.report.render_json import page_json
    from edgekit.reproduction.page import page_of
    from edgekit.reproduction.reading import results_of
    from edgekit.reproduction.run import Request, reproduce
    from edgekit.reproduction.work import Settings

    with UnitBars() as bars, stopped_says("Finished units are kept: the same command goes on where it stopped."):
        done = reproduce(Request(
            Settings(budget, data, out, weights or "", weights_dir, accelerator), seeds=seeds,
            parts=tuple(word.strip() for word in only.split(",")), workers=workers or 0, ray=ray or "",
            report_only=report_only, command=typed(), on_progress=bars.unit, on_warning=bars.warn,
        ))  # fmt: skip
    page = page_of(done, results_of(done))
    write_all(page, out)
    said = (
        Prose(f"{len(done.units)} units of work: {done.made} made now, {len(done.missing)} missing."),
        Code(f"The report is {out}/report.html, also as report.md and report.json."),
    )
    failed = {str(unit): problem for unit, problem in done.problems.items()}
    show(said, {**page_json(page), "failed": failed}, as_json)
    if failed:
        raise EdgekitError(
            f"{len(failed)} units failed: " + "; ".join(f"{name}: {why}" for name, why in list(failed.items())[:3]),
            "The others are finished and in the report. The same command tries the failed ones again.",
        )
