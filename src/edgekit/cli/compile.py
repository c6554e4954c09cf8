"""The commands of the compiler: `compile` writes a model as a C library. `cli.py` adds COMPILE_COMMANDS.

In: a .tflite and options. Out: the library, and the plan as a table, a drawing or JSON.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgekit.cli.output import show
from edgekit.errors import EdgekitError

if TYPE_CHECKING:  # `edgekit --help` comes without numpy
    from edgekit.boards.toolchains import Sizes
    from edgekit.compile import Compiled
    from edgekit.report.document import Part

_Handler = TypeVar("_Handler", bound=Callable[..., Any])

TWIN = (
    "Target esp32: code size and instructions are those of the portable twin of its kernels, because the cross "
    "compiler and the emulated core have no MAC16."
)


def optimize_option(handler: _Handler) -> _Handler:
    """--optimize, the same in every command."""
    return click.option(
        "--optimize",
        type=click.Choice(["size", "speed"]),
        default="size",
        show_default=True,
        help="The smallest program, or the fewest instructions.",
    )(handler)


def target_option(handler: _Handler) -> _Handler:
    """--target, the same in every command."""
    return click.option(
        "--target",
        type=click.Choice(["generic", "esp32"]),
        default="generic",
        show_default=True,
        help="Any core, or the classic ESP32's.",
    )(handler)


def report_option(handler: _Handler) -> _Handler:
    """--report, the same in every command."""
    return click.option(
        "--report",
        type=click.Path(path_type=Path),
        help="Also write the result as a page: .html, .md or .json.",
    )(handler)


def compress_option(handler: _Handler) -> _Handler:
    """--compress, the same in every command."""
    return click.option(
        "--compress",
        type=click.Choice(["auto", "never"]),
        default="auto",
        show_default=True,
        help="Store pruned and clustered weights compressed where it pays.",
    )(handler)


@click.command("compile")
@click.argument("model", type=click.Path(path_type=Path))
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
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")
def compile_command(
    model: Path, out: Path, target: Any, optimize: Any, compress: Any, name: str, max_ram: int | None,
    max_flash: int | None, report: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Write the int8 MODEL (.tflite) as a C library: header, source, example, CMake and PlatformIO manifests.

    C99, integers only, no heap, no library function besides memcpy; byte for byte the outputs of TensorFlow Lite Micro.
    """
    from edgekit import files
    from edgekit.boards.toolchains import LX106, sizes_of
    from edgekit.compile import CompileOptions, compile_model
    from edgekit.compile.layers import check_flash, check_ram
    from edgekit.compile.library import library_files
    from edgekit.compile.program import tflm_arena_bytes
    from edgekit.report import render
    from edgekit.report.document import Code

    if report is not None:
        render.check_name(report)
    content = read_model(model)
    compiled = compile_model(content, CompileOptions(name, optimize, target, compress=compress))
    if max_ram is not None:
        check_ram(compiled, max_ram)
    sizes = sizes_of(compiled.files)
    if max_flash is not None:
        if sizes is None:
            raise EdgekitError(
                "Flash cannot be measured: the cross compiler is not installed.",
                f"On Debian or Ubuntu: apt-get install --no-install-recommends {LX106.packages}",
            )
        check_flash(compiled, sizes.code_bytes, sizes.constant_bytes, max_flash)
    arena = tflm_arena_bytes(content)
    written = library_files(compiled)
    for path, text in written.items():
        files.write_text(out / path, text)
    plain = _plain(compiled, sizes, arena) | {"out": str(out), "files": sorted(written)}
    if report is not None:
        from edgekit.report.pages.program import plan_page

        render.write(plan_page(plain), report, plain)
    show((*_parts(compiled, sizes, arena), Code(f"{out}: {', '.join(sorted(written))}")), plain, as_json)


COMPILE_COMMANDS = (compile_command,)


def read_model(path: Path) -> bytes:
    """The file's bytes. Raises EdgekitError where there is none."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise EdgekitError(f"{path} cannot be read: {error.strerror or error}.", "Name a .tflite file.") from error


def _plain(compiled: "Compiled", sizes: "Sizes | None", arena: int | None) -> dict[str, Any]:
    from edgekit.compile.layers import layers_of, ram_bytes

    layers = layers_of(compiled)
    return {
        "options": asdict(compiled.options),
        "sha256": compiled.graph.sha256.hex(),
        "layers": [asdict(layer) for layer in layers],
        "total": {
            "macs": sum(layer.macs for layer in layers),
            "arena_bytes": compiled.plan.arena_bytes,
            "input_bytes": compiled.graph.input.size,
            "output_bytes": compiled.graph.output.size,
            "ram_bytes": ram_bytes(compiled),
            "weight_bytes": sum(layer.weight_bytes for layer in layers),
            "code_bytes": sizes.code_bytes if sizes else None,
            "constant_bytes": sizes.constant_bytes if sizes else None,
            "compiler": sizes.compiler if sizes else None,
        },
        "tflm_arena_bytes": arena,
        "spans": [asdict(span) for span in compiled.plan.spans],
    }


def _parts(compiled: "Compiled", sizes: "Sizes | None", arena: int | None) -> "list[Part]":
    from edgekit.compile.layers import drawing, layers_of, ram_bytes
    from edgekit.report.document import Code, Column, Prose, Row, Table
    from edgekit.report.tables import count

    layers = layers_of(compiled)
    words = (Column("layer", "left"), Column("kernel", "left"))
    heads = (Column("step"), *words, *map(Column, ("MACs", "weights", "live", "at")))
    rows: list[Row] = [
        (str(step), layer.op, layer.kernel, *map(count, (layer.macs, layer.weight_bytes, layer.bytes)), layer.place)
        for step, layer in enumerate(layers)
    ]
    legend = (
        "weights: bytes of constants in flash. live: bytes of arena in use. at: where the output begins; rows: so many "
        "live at once, because its operator takes turns with the next.",
    )
    ends = compiled.graph.input.size + compiled.graph.output.size
    peak, needed = compiled.plan.arena_bytes, ram_bytes(compiled)
    beside = f", {needed / arena:.0%} of TFLM's arena of {arena:,} bytes" if arena else ""
    lines = [
        f"MACs: {sum(layer.macs for layer in layers):,}.",
        f"RAM: {needed:,} bytes ({peak:,} of arena at the peak, {ends:,} of input and output){beside}.",
        f"Flash: {sizes.code_bytes:,} bytes of code, {sizes.constant_bytes:,} of constants ({sizes.compiler})."
        if sizes
        else f"Flash: {sum(layer.weight_bytes for layer in layers):,} bytes of weights; the code's size is not known "
        "without the cross compiler (gcc-xtensa-lx106).",
        *([TWIN] if compiled.options.target == "esp32" else []),
    ]
    plan = "The arena, step by step: # activations, - scratch rows, = written over what has been read"
    return [Table("Layers", heads, tuple(rows), legend), Code(drawing(compiled), "", plan), *map(Prose, lines)]
