"""The commands that look without changing anything: `evaluate` scores a model, `data info` audits a data set."""

from pathlib import Path

import click

from edgekit.cli.options import data_option, json_option, model_argument, strict_option
from edgekit.cli.output import show


@click.command("evaluate")
@model_argument
@data_option
@click.option(
    "--runtime",
    type=click.Choice(["tflm", "litert", "torch", "onnx"]),
    help="What runs it [by the file: tflm for int8].",
)
@click.option("--split", type=click.Choice(["test", "val"]), default="test", show_default=True)
@strict_option
@json_option
def evaluate_command(model: Path, data: str, runtime: str | None, split: str, strict: bool, as_json: bool) -> None:
    """Score MODEL on DATA at the threshold stored in its card.

    MODEL is a .tflite, .onnx or .npz of build-model, or its folder for the int8 model.
    """
    from edgekit.pipeline.evaluate import evaluate
    from edgekit.report.tables import evaluation_parts
    from edgekit.values.codec import to_document

    report = evaluate(model, data, runtime=runtime, split=split, strict=strict)
    show(evaluation_parts(report), to_document(report), as_json)


@click.group("data")
def data_group() -> None:
    """Look at a data set."""


@data_group.command("info")
@click.argument("data", default="phantom")
@json_option
def data_info(data: str, as_json: bool) -> None:
    """Audit DATA: counts, sizes, patients, duplicates, bad files.

    Duplicates are found by their bytes and by their pixels, within and across splits.
    """
    from edgekit.data.audit import audit
    from edgekit.report.pages.sections import data_section

    found = audit(data)
    show(data_section(found.info, found).parts, found, as_json)
