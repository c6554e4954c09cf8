"""`edgekit init`: what is there, and which commands come next."""

from pathlib import Path

import click

from edgekit.cli import candidates
from edgekit.cli import options as shared
from edgekit.cli.output import show


@click.command("init")
@click.argument("what", metavar="DATA|MODEL", shell_complete=candidates.data)
@click.option("--out", type=shared.PATH, help="Write the recipe for DATA there, such as recipe.json.")
@shared.json_option
def init_command(what: str, out: Path | None, as_json: bool) -> None:
    """See what is in a folder of images, a set (see --data elsewhere) or a model, and which commands come next.

    MODEL is a .tflite, the folder of build-model, or one that comes with edgekit, such as chest_xray.

    Nothing is written but the recipe that --out asks for.
    """
    from edgekit.files import write_json
    from edgekit.pipeline.first_steps import first_steps
    from edgekit.report.document import Code, Facts, Prose

    found = first_steps(what, out)
    if out is not None:
        write_json(out, found.recipe)
    show((Facts(found.facts, what), Prose("Next:"), *map(Code, found.commands)), found, as_json)
