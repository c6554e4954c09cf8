"""The command that makes a page which flashes a board."""

from dataclasses import asdict
from pathlib import Path

import click

from edgekit.cli import options as shared
from edgekit.cli.output import show


@click.command("flash-page")
@click.option("--out", required=True, type=shared.FOLDER, help="Folder of the page: new, empty, or an earlier page's.")
@click.option("--build", type=shared.PATH, help="Folder of the .bin files; PlatformIO's if left out.")
@shared.model_option
@shared.json_option
def flash_page_command(out: Path, build: Path | None, model: Path, as_json: bool) -> None:
    """Write a page that flashes the built firmware from a browser, by Web Serial.

    It holds all that it needs and loads nothing from a network: open it as a file, or put the folder on any web server
    with https. --model names the model that was built in, which the page states.
    """
    from edgekit.flash_page.build import flash_page
    from edgekit.report.document import Code, Facts, Prose

    done = flash_page(out, build, model)
    facts = (
        ("board", done.board),
        ("image", f"{done.image_bytes:,} bytes, SHA-256 {done.image_sha256}"),
        ("model", f"SHA-256 {done.model_sha256}"),
    )
    values = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(done).items()}
    how = Prose("Open it in Chrome, Edge or Opera on a computer: as a file, from localhost or from https://.")
    show([Code(str(done.page)), Facts(facts), how], values, as_json)
