"""What a build found out: the figures of each seed and of each stage, the card, and the evidence of the report.

In: what the stages of a build made. Out: values alone; writes nothing.
"""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import pairwise

from edgekit.errors import EdgekitError
from edgekit.metrics.decisions import agreement, choose_threshold, rule_in_words
from edgekit.metrics.scores import score, spread, spread_by_class
from edgekit.pipeline.cache import Arrays
from edgekit.pipeline.loading import program_of
from edgekit.pipeline.measure import audit_data, examples_for, logits_of_file, logits_of_student, runtime_of
from edgekit.pipeline.stages import BuildStages, Ensemble, Files, Trained
from edgekit.report.card import (
    MEDICAL_USE,
    OTHER_USE,
    Card,
    CardThreshold,
    InputFacts,
    Metrics,
    ModelFacts,
    OutputFacts,
    time_facts,
)
from edgekit.report.pages.model import Evidence
from edgekit.report.pages.sections import Answers
from edgekit.report.tables_build import StageRow
from edgekit.tflite.model import count
from edgekit.training.channels import channels_of, parameters_of
from edgekit.values.evaluation import EvalReport, Threshold
from edgekit.values.networks import Student
from edgekit.values.task import Task

_VERSIONS_OF = (
    "edgekit", "torch", "torchvision", "tensorflow", "onnx2tf", "onnx", "tflite-micro", "ai-edge-litert", "numpy",
)  # fmt: skip
_CONVENTIONAL = "student (plain)"  # the student without a teacher, by the name that cards have given it since 0.1


@dataclass(frozen=True, slots=True)
class Scored:
    """A model of the build: its logits on val and test, its figures on both, its size in bytes, its output's scale."""

    logits: Arrays
    validation: EvalReport
    test: EvalReport
    size: int
    scale: float | None = None

    @property
    def threshold(self) -> Threshold | None:
        """That validation chose; None where the greatest logit decides."""
        return self.test.threshold


@dataclass(frozen=True, slots=True)
class SeedResult:
    """One student, from its training to its files, and its int8 file's figures."""

    distilled: Trained
    pruned: Trained
    files: Files
    int8: Scored


def seed_result(stages: BuildStages, distilled: Trained, pruned: Trained, files: Files, seed: int) -> SeedResult:
    """Scores a seed's int8 file through TFLM, at the threshold that validation chooses."""
    return SeedResult(distilled, pruned, files, _scored_file(stages, files, "int8", f"int8-{seed}"))


def stage_results(
    stages: BuildStages, teacher: Ensemble | None, conventional: Trained | None, first: SeedResult
) -> dict[str, Scored]:
    """The models of the build by the names of their stages, each at its own threshold; int8 as `first` has it."""
    found: dict[str, Scored] = {}
    if teacher is not None:
        found["teacher"] = _scored(stages, teacher.held_out, "torch", teacher.bytes)
    base = len(first.files.models["float32"].flatbuffer)
    for name, trained in ((_CONVENTIONAL, conventional), ("distilled", first.distilled), ("pruned", first.pruned)):
        if trained is not None:
            logits = logits_of_student(stages, trained.student, name.split(maxsplit=1)[0])
            pruned_away = parameters_of(trained.student) - parameters_of(first.pruned.student)
            found[name] = _scored(stages, logits, "torch", base + 4 * pruned_away)
    for variant in ("float16", "dynamic"):
        found[variant] = _scored_file(stages, first.files, variant, variant)
    return {**found, "int8": first.int8}


def card_of(stages: BuildStages, seeds: Sequence[SeedResult], results: dict[str, Scored], arena_bytes: int) -> Card:
    """The card of the first seed's int8 model.

    Raises:
        EdgekitError: the model is not quantised at its ends.
    """
    recipe, info, first = stages.recipe, stages.student_splits.info, seeds[0]
    model, int8, cut = first.files.models["int8"], first.int8, first.int8.threshold
    if model.input_q is None or model.output_q is None:
        raise EdgekitError("The int8 model has no quantised input and output.", "Run again with --fresh.")
    float_logits = logits_of_file(stages, first.files, "float32", "float32")["test"]
    height, width, channels = model.input_shape
    counts = count(model.flatbuffer)
    rule = rule_in_words(recipe.threshold.kept_sensitivity)
    return Card(
        name=f"{info.name} student ({recipe.name} recipe)",
        model=ModelFacts(
            "student_int8.tflite", model.sha256, len(model.flatbuffer), counts.parameters,
            counts.parameters - _zeroed(first.pruned.student), counts.macs, arena_bytes, model.ops, *_channels(first),
        ),
        input=InputFacts(height, width, channels, model.input_q.scale, model.input_q.zero_point),
        output=OutputFacts(model.output_q.scale, model.output_q.zero_point, info.task.labels),
        threshold=CardThreshold(cut.probability, cut.margin_q, rule) if cut else None,
        metrics=Metrics(int8.validation, int8.test),
        seeds=spread([seed.int8.test for seed in seeds]),
        seeds_by_class=spread_by_class([seed.int8.test for seed in seeds]),
        agreement_int8_float32=agreement(int8.logits["test"], float_logits, info.task),
        stages=_rows(results, info.task, len(first.files.models["float32"].flatbuffer)),
        data=info,
        recipe=recipe,
        command=stages.options.command,
        versions=versions(),
        use=MEDICAL_USE if info.task.domain else OTHER_USE,
        disclaimer=info.task.domain,
        time=time_facts(program) if (program := program_of(model)) else None,
        made_on=f"{platform.system()} {platform.machine()}, trained on {', '.join(sorted(stages.made_on))}",
        quantization=first.files.quantization,
    )  # fmt: skip


def evidence_of(stages: BuildStages, first: SeedResult, results: dict[str, Scored]) -> Evidence:
    """What the report shows besides the card."""
    answers = tuple(
        Answers(name, one.logits["test"], one.threshold, one.scale or 1.0)
        for name in ("int8", "distilled", _CONVENTIONAL, "teacher")
        if (one := results.get(name))
    )
    student = first.pruned.student
    if stages.recipe.prune.method == "magnitude":
        gone = _zeroed(student) / sum(value.size for value in student.weights.values() if value.ndim > 1)
    else:
        gone = 1 - parameters_of(student) / parameters_of(first.distilled.student)
    program = program_of(first.files.models["int8"])
    examples = examples_for(stages, first.files, answers[0])
    test = stages.student_splits.test
    return Evidence(test, answers, first.pruned.sweep, gone, program, audit_data(stages), examples)


def versions() -> dict[str, str]:
    """Of Python and of the packages that shape a model."""
    found = {"python": platform.python_version()}
    for package in _VERSIONS_OF:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _rows(results: dict[str, Scored], task: Task, base: int) -> tuple[StageRow, ...]:
    """The table of the stages on test; `base` is the size that ratios refer to."""
    same = [
        agreement(one.logits["test"], before.logits["test"], task, one.threshold, before.threshold)
        for before, one in pairwise(results.values())
    ]
    return tuple(
        StageRow(name, one.test, one.size, base / one.size, agreeing)
        for (name, one), agreeing in zip(results.items(), (None, *same), strict=True)
    )


def _scored_file(stages: BuildStages, files: Files, variant: str, name: str) -> Scored:
    model, logits = files.models[variant], logits_of_file(stages, files, variant, name)
    scale = model.output_q.scale if model.output_q else None
    return _scored(stages, logits, runtime_of(model).name, len(model.flatbuffer), scale, model.sha256)


def _scored(
    stages: BuildStages, logits: Arrays, runtime: str, size: int, scale: float | None = None, sha256: str = ""
) -> Scored:
    """At the threshold that validation chooses by the recipe's rule; `scale` is that of an int8 model's output."""
    splits = stages.student_splits
    sensitivity = stages.recipe.threshold.kept_sensitivity
    threshold = choose_threshold(logits["val"], splits.val.labels, splits.info.task, sensitivity, scale)
    validation, test = (
        score(
            logits[part], labels, threshold, scale=scale or 1.0, runtime=runtime, model_sha256=sha256, data=splits.info
        )
        for part, labels in (("val", splits.val.labels), ("test", splits.test.labels))
    )
    return Scored(logits, validation, test, size, scale)


def _channels(first: SeedResult) -> tuple[int, int]:
    """How many channels the student had and how many of them were pruned; 0 where it kept all."""
    before, after = channels_of(first.distilled.student.spec), channels_of(first.pruned.student.spec)
    return (before, before - after) if first.pruned.student.spec.widths else (0, 0)


def _zeroed(student: Student) -> int:
    """The weights that pruning set to zero; they are zero in the int8 file, too."""
    return sum(int((value == 0).sum()) for value in student.weights.values() if value.ndim > 1)
