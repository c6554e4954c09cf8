"""The commands that need no board: make a model, look at recipes and images, score a model, compile it."""

from pathlib import Path
from typing import Any

import click

from edgekit.cli import options as shared
from edgekit.cli.candidates import data as data_sets
from edgekit.cli.candidates import recipes
from edgekit.cli.output import show, typed
from edgekit.errors import stopped_says


@click.command("build-model")
@click.option("--recipe", "recipe_name", default="esp32", metavar="RECIPE", help=shared.RECIPES, shell_complete=recipes)
@shared.set_option
@shared.data_option
@click.option("--out", type=shared.FOLDER, help="Folder for the model [build/RECIPE].")
@click.option("--fresh", is_flag=True, help="Forget finished stages and start again.")
@shared.strict_option
@shared.weights_dir_option
@shared.accelerator_option
@shared.json_option
def build_model_command(
    recipe_name: str, changes: tuple[str, ...], data: str, out: Path | None, fresh: bool, strict: bool,
    weights_dir: Path | None, accelerator: str, as_json: bool,
) -> None:  # fmt: skip
    """Make an int8 model, its C array and its card from images.

    Teach, distill, prune, convert, embed. Stop it at any moment: the same command goes on where it stopped.
    """
    from edgekit.cli.progress import StageBars
    from edgekit.pipeline.build_model import build_model
    from edgekit.pipeline.stages import Options
    from edgekit.recipes.reading import recipe_named
    from edgekit.report.document import Code
    from edgekit.report.tables_build import seeds_parts, stages_parts
    from edgekit.values.codec import to_document

    recipe = recipe_named(recipe_name, changes)
    out = out or Path("build") / recipe.name
    with stopped_says("Finished stages are kept: the same command goes on where it stopped."), StageBars() as bars:
        options = Options(
            fresh=fresh, strict=strict, weights_dir=weights_dir, accelerator=accelerator, command=typed(),
            on_stage=bars.stage, on_epoch=bars.epoch, on_warning=bars.warn,
        )  # fmt: skip
        card = build_model(recipe, data, out, options)
    by = card.metrics.test.runtime
    seeds = seeds_parts(card.seeds, card.data, card.seeds_by_class, by) if len(recipe.seeds) > 1 else ()
    written = (
        Code(f"{out}/student_int8.tflite: {card.model.bytes:,} bytes, TFLM arena {card.model.arena}."),
        Code(f"Its card is {out}/card.md, its C array {out}/model_data.cc."),
    )
    show((*stages_parts(card.stages, card.data), *seeds, *written), to_document(card), as_json)


@click.command("recipe")
@click.argument("name", default="esp32", metavar="[RECIPE]", shell_complete=recipes)
@shared.set_option
@shared.json_option
def recipe_command(name: str, changes: tuple[str, ...], as_json: bool) -> None:
    """Show each field of RECIPE, its value and what it takes.

    RECIPE is esp32 (the default), paper, demo, smoke, digits, shapes, or the recipe.json beside a model.
    """
    from edgekit.recipes.reading import leaves, recipe_named
    from edgekit.report.tables_build import fields_table
    from edgekit.values.codec import to_document

    recipe = recipe_named(name, changes)
    show([fields_table(recipe.name, leaves(recipe))], to_document(recipe), as_json)


@click.command("evaluate")
@shared.model_argument
@shared.data_option
@click.option(
    "--runtime",
    type=click.Choice(["tflm", "litert", "compiled", "torch", "onnx"]),
    help="What runs it [by the file: tflm for int8, or, where that is not installed, compiled C].",
)
@click.option("--split", type=click.Choice(["test", "val"]), default="test")
@shared.input_range_option
@shared.labels_option
@shared.strict_option
@shared.report_option
@shared.json_option
def evaluate_command(
    model: Path, data: str, runtime: str | None, split: str, input_range: tuple[float, float] | None,
    labels: str | None, strict: bool, report: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Score MODEL on DATA at the threshold stored in its card.

    MODEL is a .tflite, .onnx or .npz of build-model, its folder for the int8 model, or any .tflite. What no picture is
    comes as FILE.npz with x and y; outputs that are no classes are compared with y.
    """
    from edgekit.pipeline.evaluate import evaluated
    from edgekit.pipeline.examples import examples_of
    from edgekit.report.pages.evaluation import evaluation_page
    from edgekit.report.render import write
    from edgekit.report.tables import evaluation_parts
    from edgekit.values.codec import to_document

    done = evaluated(model, data, runtime=runtime, split=split, strict=strict, input_range=input_range, labels=labels)
    values = to_document(done.scored)
    show(evaluation_parts(done.scored), values, as_json)
    if report is not None:
        images, info = done.inputs.inputs, done.inputs.info
        examples = examples_of(images, done.answers, getattr(info, "task", None), done.ask, done.scored.runtime)
        page = evaluation_page(
            done.scored, images, info, done.answers, name=model.name, split=split, command=typed(), examples=examples
        )
        write(page, report, values)


@click.command("predict")
@shared.model_argument
@click.argument("images", nargs=-1, required=True, type=shared.PATH, metavar="IMAGE...")
@shared.port_option("emulator", "native", "qemu-esp32", required=False)
@shared.input_range_option
@shared.labels_option
@shared.baud_option
@shared.lines_option
@shared.json_option
def predict_command(
    model: Path, images: tuple[Path, ...], port: str | None, input_range: tuple[float, float] | None,
    labels: str | None, baud: int | None, lines: Any, as_json: bool,
) -> None:  # fmt: skip
    """Ask the int8 MODEL what it says of each IMAGE: class, probability, bytes.

    IMAGE is a picture, a folder of them, or an .npz with x where the model takes no pictures. With a port a board
    answers, else this computer.
    """
    from edgekit.cli.output import waiting
    from edgekit.pipeline.predict import predict
    from edgekit.report.answers import answers_table

    answers = predict(
        model, images, input_range=input_range, labels=labels, port=port, baud=baud, on_wait=waiting, lines=lines
    )
    rows = [(str(one.path), one.label, one.probabilities, one.outputs_q, one.values) for one in answers]
    names = ("path", "label", "probabilities", "outputs_q", "values")
    show([answers_table(rows)], [dict(zip(names, row, strict=True)) for row in rows], as_json)


@click.group("data")
def data_group() -> None:
    """Look at a data set."""


@data_group.command("info")
@click.argument("data", default="phantom", shell_complete=data_sets)
@shared.json_option
def data_info(data: str, as_json: bool) -> None:
    """Audit DATA: counts, sizes, groups, duplicates, bad files.

    Duplicates are found by their bytes and by their pixels, within and across splits.
    """
    from edgekit.data.audit import audit, audit_json
    from edgekit.report.pages.sections import data_section

    found = audit(data)
    show(data_section(found.info, found).parts, audit_json(found), as_json)


@click.command("inspect")
@shared.model_argument
@shared.target_option
@shared.optimize_option
@shared.flash_mode_option
@shared.json_option
def inspect_command(model: Path, target: Any, optimize: Any, flash_mode: str, as_json: bool) -> None:
    """Say what MODEL (.tflite) holds, what it needs, and whether it compiles; no compiler is needed.

    Operators, shapes, quantization, estimated milliseconds, parameters, MACs, RAM beside TFLM's arena, and everything
    that is in the way.
    """
    from edgekit.compile import CompileOptions
    from edgekit.compile.inspection import inspected, inspection_json
    from edgekit.report.pages.inspection import inspection_parts

    options = CompileOptions(optimize=optimize, target=target, flash_mode=flash_mode)
    found = inspected(model, options)
    show(inspection_parts(found), inspection_json(found, options), as_json)


@click.command("compile")
@shared.model_argument
@click.option("--out", required=True, type=shared.FOLDER, help="Folder of the library.")
@click.option("--name", default="model", help="C identifier: prefix of all that the header declares.")
@shared.compile_options
@shared.report_option
@shared.json_option
def compile_command(model: Path, out: Path, name: str, asked: Any, report: Path | None, as_json: bool) -> None:
    """Write the int8 MODEL (.tflite) as a C library: header, source, example, CMakeLists.txt.

    C99, integers only, no heap, no library function besides memcpy; byte for byte the outputs of TensorFlow Lite Micro.
    An .onnx of one image is made an int8 .tflite first: that takes --calibrate and the packages of the extra convert.
    """
    from edgekit.compile.library import library_files
    from edgekit.compile.program import drawing, program_json
    from edgekit.files import write_bytes, write_text
    from edgekit.pipeline.compile_named import compile_named
    from edgekit.report.document import Code, Prose
    from edgekit.report.pages.program import plan_page, plan_parts
    from edgekit.report.render import write
    from edgekit.runtimes.tflm import arena_bytes_apart

    made = compile_named(model, asked, name)
    compiled = made.compiled
    values = program_json(compiled, made.sizes, arena_bytes_apart(made.content))
    library = library_files(compiled)
    for path, text in library.items():
        write_text(out / path, text)
    if made.converted:
        write_bytes(out / f"{name}.tflite", made.content)
    written = sorted([*library, *([f"{name}.tflite"] if made.converted else [])])
    values |= {"out": str(out), "files": written}
    program = compiled.program
    if report is not None:
        write(plan_page(program, values), report, values)
    parts = [*plan_parts(program, values, drawing(program)), Code(f"{out}: {', '.join(written)}")]
    if any((*compiled.graph.float_inputs, *compiled.graph.float_outputs)):
        floats = (
            f"The .tflite's ends are floats: {name}_invoke_float takes these, {name}_invoke the int8 values inside."
        )
        parts.insert(-1, Prose(floats))
    show(tuple(parts), values, as_json)
