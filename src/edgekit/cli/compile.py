"""The command `compile`: an int8 .tflite becomes a C library."""

from pathlib import Path
from typing import Any

import click

from edgekit.cli.options import (
    compress_option,
    json_option,
    model_argument,
    optimize_option,
    report_option,
    target_option,
)
from edgekit.cli.output import show


@click.command("compile")
@model_argument
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder of the library.")
@target_option
@optimize_option
@compress_option
@click.option(
    "--name", default="model", show_default=True, help="C identifier: prefix of all that the header declares."
)
@click.option("--max-ram", type=click.IntRange(min=0), metavar="BYTES", help="Refuse a model that needs more RAM.")
@click.option("--max-flash", type=click.IntRange(min=0), metavar="BYTES", help="Refuse one that needs more flash.")
@report_option
@json_option
def compile_command(
    model: Path, out: Path, target: Any, optimize: Any, compress: Any, name: str, max_ram: int | None,
    max_flash: int | None, report: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Write the int8 MODEL (.tflite) as a C library: header, source, example, CMake and PlatformIO manifests.

    C99, integers only, no heap, no library function besides memcpy; byte for byte the outputs of TensorFlow Lite Micro.
    """
    from edgekit.boards.toolchains import sizes_of
    from edgekit.compile import CompileOptions, compile_model
    from edgekit.compile.library import library_files
    from edgekit.compile.limits import check_flash, check_ram
    from edgekit.compile.program import drawing, program_json, tflm_arena_bytes
    from edgekit.files import read_bytes, write_text
    from edgekit.report.document import Code
    from edgekit.report.pages.program import plan_page, plan_parts
    from edgekit.report.render import write

    content = read_bytes(model, "Name a .tflite file.")
    compiled = compile_model(content, CompileOptions(name, optimize, target, compress=compress))
    if max_ram is not None:
        check_ram(compiled, max_ram)
    sizes = sizes_of(compiled.files)
    if max_flash is not None:
        check_flash(compiled, sizes, max_flash)
    values = program_json(compiled, sizes, tflm_arena_bytes(content))
    library = library_files(compiled)
    for path, text in library.items():
        write_text(out / path, text)
    values |= {"out": str(out), "files": sorted(library)}
    program = compiled.program
    if report is not None:
        write(plan_page(program, values), report, values)
    written = Code(f"{out}: {', '.join(sorted(library))}")
    show((*plan_parts(program, values, drawing(program)), written), values, as_json)
