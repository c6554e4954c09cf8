"""What int8 costs a model, layer by layer."""

from pathlib import Path

import click

from edgekit.cli import options as shared
from edgekit.cli.output import show


@click.command("analyze")
@shared.model_argument
@shared.data_option
@click.option("--float", "floats", type=shared.PATH, help="Its float32 .tflite, .onnx or student.npz [beside it].")
@click.option("--images", type=click.IntRange(min=1), default=64, help="At most so many, evenly spread.")
@shared.input_range_option
@shared.labels_option
@shared.strict_option
@shared.report_option
@shared.json_option
def analyze_command(
    model: Path, data: str, floats: Path | None, images: int, input_range: tuple[float, float] | None,
    labels: str | None, strict: bool, report: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Say which layer of the int8 MODEL (.tflite) loses what, beside its float model.

    Both run on the validation images of DATA, layer by layer: signal-to-noise ratios of each layer as it runs and by
    its own rounding, its part of the noise in the output, what its range clips or leaves unused. It takes the packages
    of the convert extra.
    """
    from edgekit.analysis.analyze import analyze
    from edgekit.report.pages.analysis import analysis_page, analysis_parts
    from edgekit.report.render import write
    from edgekit.values.codec import to_document

    found = analyze(model, data, floats=floats, images=images, input_range=input_range, labels=labels, strict=strict)
    values = to_document(found)
    if report is not None:
        write(analysis_page(found), report, values)
    show(analysis_parts(found), values, as_json)
