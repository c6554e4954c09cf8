"""What a build found out: the figures of each seed, the table of all stages, and the card.

In: what the stages of a build made. Out: a `SeedResult`, the rows of the table, a `Card`, the `Evidence` of its report.
Writes nothing.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from numpy.typing import NDArray

from edgekit.compile import compile_model
from edgekit.errors import EdgekitError
from edgekit.metrics.decisions import agreement, choose_threshold, rule_in_words
from edgekit.metrics.scores import score, spread
from edgekit.pipeline.stages import (
    BuildStages,
    Ensemble,
    Files,
    Trained,
    runtime_of,
)
from edgekit.recipes.build import Recipe
from edgekit.report.card import Card, CardThreshold, InputFacts, Metrics, ModelFacts, OutputFacts
from edgekit.report.pages.model import Evidence
from edgekit.report.pages.sections import Answers
from edgekit.report.tables import StageRow
from edgekit.tflite.model import count
from edgekit.values.evaluation import EvalReport, Threshold
from edgekit.values.images import ImageSplits
from edgekit.values.networks import Student
from edgekit.values.program import Program

_VERSIONS_OF = (
    "edgekit", "torch", "torchvision", "tensorflow", "onnx2tf", "onnx", "tflite-micro", "ai-edge-litert", "numpy",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SeedResult:
    """One student, from its training to its int8 file and that file's figures. `margins` are int8's on val and test."""

    distilled: Trained
    pruned: Trained
    files: Files
    margins: Mapping[str, NDArray[Any]]
    threshold: Threshold
    validation: EvalReport
    test: EvalReport


def seed_result(
    stages: BuildStages, splits: ImageSplits, distilled: Trained, pruned: Trained, files: Files, seed: int
) -> SeedResult:
    """Scores a seed's int8 file through TFLM, at the threshold that validation chooses."""
    model = files.models["int8"]
    margins = stages.margins_of_file(splits, files, "int8", f"int8-{seed}")
    output = model.output_q
    threshold = _chosen(stages, splits, margins, output.scale if output else None)
    validation, test = (
        score(margins[part], labels, threshold, runtime="tflm", model_sha256=model.sha256, data=splits.info)
        for part, labels in (("val", splits.val.labels), ("test", splits.test.labels))
    )
    return SeedResult(distilled, pruned, files, margins, threshold, validation, test)


def stage_rows(
    stages: BuildStages, splits: ImageSplits, teacher: Ensemble | None, plain: Trained | None, first: SeedResult
) -> tuple[StageRow, ...]:
    """The table of all stages on test, each at its own threshold from validation; int8 as `first` has it."""
    base = len(first.files.models["float32"].flatbuffer)
    rows: list[StageRow] = []
    before: tuple[NDArray[Any], Threshold] | None = None

    def add(name: str, margins: NDArray[Any], report: EvalReport, size: int) -> None:
        nonlocal before
        same = agreement(margins, before[0], report.threshold, before[1]) if before is not None else None
        rows.append(StageRow(name, report, size, base / size, same))
        before = (margins, report.threshold)

    def at_own(name: str, margins: Mapping[str, NDArray[Any]], runtime: str, size: int, sha256: str = "") -> None:
        threshold = _chosen(stages, splits, margins)
        report = score(
            margins["test"], splits.test.labels, threshold, runtime=runtime, model_sha256=sha256, data=splits.info
        )
        add(name, margins["test"], report, size)

    if teacher is not None:
        at_own("teacher", teacher.margins, "torch", teacher.bytes)
    for name, trained in (("student (plain)", plain), ("distilled", first.distilled), ("pruned", first.pruned)):
        if trained is not None:
            stage = name.split(maxsplit=1)[0]
            at_own(name, stages.margins_of_student(splits, trained.student, stage), "torch", base)
    for variant in ("float16", "dynamic"):
        model = first.files.models[variant]
        margins = stages.margins_of_file(splits, first.files, variant, variant)
        at_own(variant, margins, runtime_of(variant), len(model.flatbuffer), model.sha256)
    add("int8", first.margins["test"], first.test, len(first.files.models["int8"].flatbuffer))
    return tuple(rows)


def card_of(
    stages: BuildStages, splits: ImageSplits, seeds: Sequence[SeedResult], rows: tuple[StageRow, ...], arena_bytes: int
) -> Card:
    """The card of the first seed's int8 model.

    Raises:
        EdgekitError: the model is not quantised at its ends.
    """
    recipe, first = stages.recipe, seeds[0]
    model, task = first.files.models["int8"], splits.info.task
    if model.input_q is None or model.output_q is None:
        raise EdgekitError("The int8 model has no quantised input and output.", "Run again with --fresh.")
    float_margins = stages.margins_of_file(splits, first.files, "float32", "float32")["test"]
    height, width, channels = model.input_shape
    counts = count(model.flatbuffer)
    return Card(
        name=f"{splits.info.name} student ({recipe.name} recipe)",
        model=ModelFacts(
            "student_int8.tflite", model.sha256, len(model.flatbuffer), counts.parameters,
            counts.parameters - _zeroed(first.pruned.student), counts.macs, arena_bytes, model.ops,
        ),
        input=InputFacts(height, width, channels, model.input_q.scale, model.input_q.zero_point),
        output=OutputFacts(model.output_q.scale, model.output_q.zero_point, task.labels),
        threshold=_card_threshold(first.threshold, recipe),
        metrics=Metrics(first.validation, first.test),
        seeds=spread([seed.test for seed in seeds]),
        agreement_int8_float32=agreement(first.margins["test"], float_margins),
        stages=rows,
        data=splits.info,
        recipe=recipe,
        command=stages.options.command,
        versions=versions(),
        disclaimer=splits.info.task.domain,
        made_on=f"{platform.system()} {platform.machine()}, trained on {', '.join(sorted(stages.made_on))}",
    )  # fmt: skip


def evidence_of(
    stages: BuildStages, splits: ImageSplits, teacher: Ensemble | None, plain: Trained | None, first: SeedResult
) -> Evidence:
    """What the report shows besides the card; everything but the audit is in the cache by now."""
    model = first.files.models["int8"]
    scale = model.output_q.scale if model.output_q else 1.0
    answers = [Answers("int8", first.margins["test"], first.threshold, scale)]
    others = {"distilled": stages.margins_of_student(splits, first.distilled.student, "distilled")}
    if plain is not None:
        others["student (plain)"] = stages.margins_of_student(splits, plain.student, "student")
    if teacher is not None:
        others["teacher"] = teacher.margins
    for name, margins in others.items():
        answers.append(Answers(name, margins["test"], _chosen(stages, splits, margins)))
    zeroed = _zeroed(first.pruned.student) / sum(v.size for v in first.pruned.student.weights.values() if v.ndim > 1)
    return Evidence(
        splits.test, tuple(answers), first.pruned.sweep, zeroed, _program(model.flatbuffer), stages.audit(splits)
    )


def _chosen(
    stages: BuildStages, splits: ImageSplits, margins: Mapping[str, NDArray[Any]], scale: float | None = None
) -> Threshold:
    """The threshold that validation chooses by the recipe's rule; `scale` is an int8 model's output scale."""
    positive = splits.info.task.is_positive(splits.val.labels)
    return choose_threshold(margins["val"], positive, stages.recipe.threshold.kept_sensitivity, scale)


def _program(flatbuffer: bytes) -> Program | None:
    """The model as compiled C; None where the compiler does not take it."""
    try:
        return compile_model(flatbuffer).program
    except EdgekitError:
        return None


def _card_threshold(threshold: Threshold, recipe: Recipe) -> CardThreshold:
    return CardThreshold(threshold.probability, threshold.margin_q, rule_in_words(recipe.threshold.kept_sensitivity))


def _zeroed(student: Student) -> int:
    """The weights that pruning set to zero; they are zero in the int8 file, too."""
    return sum(int((value == 0).sum()) for value in student.weights.values() if value.ndim > 1)


def versions() -> dict[str, str]:
    """Of Python and of the packages that shape a model."""
    found = {"python": platform.python_version()}
    for package in _VERSIONS_OF:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
