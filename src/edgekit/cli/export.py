"""`edgekit export`: a model as a library for the build system of somebody's project."""

from pathlib import Path
from typing import Any

import click

from edgekit.cli import options as shared
from edgekit.cli.output import show

_FORMATS = ("esp-idf", "arduino", "platformio", "cmake", "zephyr")  # as edgekit.export, which --help does not import


@click.command("export")
@shared.model_argument
@click.option("--as", "format", required=True, type=click.Choice(_FORMATS), help="What becomes of it.")
@click.option("--out", required=True, type=shared.FOLDER, help="Folder of the library: a new or an empty one.")
@click.option("--name", help="The library's name, made a valid one [the model's].")
@click.option("--picture", type=shared.PATH, help="What the example classifies [a drawn picture].")
@click.option("--library-version", default="1.0.0", metavar="X.Y.Z", help="For the manifests, as the next two are.")
@click.option("--author", default="edgekit", help="Who publishes it.")
@click.option("--url", default="", help="Where it is published.", show_default=False)
@click.option("--force", is_flag=True, help="Replace an earlier export in which files were edited or added.")
@shared.compile_options
@shared.json_option
def export_command(
    model: Path, format: str, out: Path, name: str | None, picture: Path | None, library_version: str, author: str,
    url: str, force: bool, asked: Any, as_json: bool,
) -> None:  # fmt: skip
    """Write the int8 MODEL (.tflite) as a library: ESP-IDF component, Arduino, PlatformIO, CMake or Zephyr.

    The C of `edgekit compile`, what makes pixels its input and its output an answer, an example that classifies a
    built-in picture and checks its bytes, a README, licences. The folder is written as a whole or not at all; an
    earlier export that nobody edited is replaced.
    """
    from edgekit.export import FORMATS, Publishing, export_model
    from edgekit.report.document import Code, Column, Facts, Table

    done = export_model(
        model, format, out, asked=asked, name=name, picture=picture, force=force,
        publishing=Publishing(library_version, author, url),
    )  # fmt: skip
    flash = [] if done.flash_bytes is None else [("flash", f"about {done.flash_bytes:,} bytes (gcc -O2 for Xtensa)")]
    facts = (
        ("library", f"{done.name} {library_version}, {FORMATS[format].title}"),
        ("RAM", f"{done.ram_bytes:,} bytes"),
        *flash,
        *([("the example says", done.example)] if done.example else []),
    )
    rows = tuple((path, f"{size:,}") for path, size in done.files.items())
    table = Table("", (Column("file", "left"), Column("bytes", "right")), rows)
    show([Facts(facts), table, Code(f"{out}: how to use it is in README.md")], done, as_json)
