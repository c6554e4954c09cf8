"""A card as a page: results first, then what the model is, its limits, and how to make it again.

In: a `Card`, and for the full report what the build found out besides. Out: a `Page`, the text of `card.md`, and the
figures of the README.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.data.audit import Audit
from edgekit.report import charts
from edgekit.report.card import Card, InputFacts, OutputFacts
from edgekit.report.charts import Dot, Series
from edgekit.report.document import Bullets, Cell, Code, Facts, Figure, Page, Part, Prose, Section, Table
from edgekit.report.pages.sections import Answers, answers_figures, data_section, headline, mistakes, program_parts
from edgekit.report.render_markdown import markdown, parts_markdown
from edgekit.report.tables import confusion_table, runtime_name, scores_table, stages_table
from edgekit.values.codec import to_json
from edgekit.values.images import ImageSet
from edgekit.values.program import Program
from edgekit.values.task import Task, capitalized, spoken


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the build found out besides the card.

    Attributes:
        test: the images that the answers are about.
        answers: of the shipped model first, then of others to compare, in the order of `test`.
        sweep: float [K, 3] of alpha, share of zeroed weights, balanced accuracy on validation; alpha is infinite where
            nothing was pruned.
        zeroed: the share of zeroed weights that the shipped student has.
        program: the model as compiled C; None where the compiler does not take it.
        audit: of the data set.
    """

    test: ImageSet
    answers: tuple[Answers, ...]
    sweep: NDArray[Any]
    zeroed: float
    program: Program | None
    audit: Audit


def card_markdown(card: Card, more: tuple[Section, ...] = ()) -> str:
    """The text of `card.md`; `more` sections go before how to make it again."""
    return markdown(_page(card, None, more))


def model_page(card: Card, evidence: Evidence) -> Page:
    """The full report of a build, `report.html`."""
    return _page(card, evidence)


def figures_markdown(card: Card) -> str:
    """Test and validation figures with intervals, the seeds, the sizes and the stages, for the README."""
    return parts_markdown((*_figures(card), _stages(card)))


def _page(card: Card, evidence: Evidence | None, more: tuple[Section, ...] = ()) -> Page:
    results = [Section("Figures", (*_figures(card), *([] if evidence else [confusion_table(card.metrics.test)])))]
    if evidence:
        shown = answers_figures(card.metrics.test, evidence.test.labels, evidence.answers)
        results.append(Section("Answers on test", shown))
    stages: list[Part] = [_stages(card)]
    if evidence:
        stages += [_by_stage(card), *([_sweep(evidence)] if len(evidence.sweep) > 1 else [])]
    results.append(Section("Stages of the build, on test", tuple(stages)))
    model: list[Part] = [_model(card), *_words(card)]
    if evidence and evidence.program:
        model += program_parts(evidence.program, card.model.arena_bytes)
    sections = [
        Section("Results", results=True, sections=tuple(results)),
        *([mistakes(evidence.test, evidence.answers[0], card.data)] if evidence else []),
        Section("The model", tuple(model)),
        Section("Intended use and limits", (Bullets((*_limits(card.data.task), card.hardware)),)),
        data_section(card.data, evidence.audit if evidence else None),
        *more,
        _again(card, evidence is not None),
    ]
    task = card.data.task
    return Page(
        title=card.name,
        lead=(
            f"Tells {spoken(task.positive)} from {spoken(task.negative)} in {task.noun}s of {card.input.height} x "
            f"{card.input.width} {'grey' if task.channels == 1 else 'RGB'} pixels, with {card.model.parameters:,} "
            f"parameters in {card.model.bytes:,} bytes of int8 TFLite.",
            f"Use: {card.use}. {card.hardware}",
        ),
        sections=tuple(sections),
        synthetic=card.data.synthetic,
        domain=task.domain,
        highlights=headline(
            card.metrics.test, ("size", Cell(f"{card.model.bytes:,}", "bytes of int8 TFLite", value=card.model.bytes))
        )
        if evidence
        else None,
    )


def _figures(card: Card) -> tuple[Part, ...]:
    test, validation = card.metrics.test, card.metrics.validation
    synthetic = ", synthetic phantoms" if card.data.synthetic else ""
    reports = {f"test ({test.n:,} images{synthetic})": test, f"validation ({validation.n:,})": validation}
    return (
        scores_table("The int8 model", reports, card.seeds),
        Prose(
            f"Runtime: {runtime_name(test.runtime)}. The threshold was chosen on validation. int8 and float32 give the "
            f"same answer on {card.agreement_int8_float32:.1%} of the test images."
        ),
        Prose(
            f"Size: {card.model.bytes:,} bytes of .tflite, {card.model.arena_bytes:,} bytes of TFLM arena, "
            f"{card.model.macs / 1e6:.2f} million multiply-accumulates an image."
        ),
    )


def _stages(card: Card) -> Table:
    return stages_table("Each stage at its own threshold", card.stages)


def _by_stage(card: Card) -> Figure:
    rows = [
        Dot(row.name, row.report.balanced_accuracy, *row.report.intervals["balanced_accuracy"])
        for row in card.stages
        if row.report
    ]
    return charts.dots("Balanced accuracy by stage, with 95 % intervals", rows, x="balanced accuracy")


def _sweep(evidence: Evidence) -> Figure:
    curve = evidence.sweep[np.isfinite(evidence.sweep[:, 0])]
    curve = curve[np.argsort(curve[:, 0])]
    kept = evidence.sweep[np.argmin(np.abs(evidence.sweep[:, 1] - evidence.zeroed))]
    alphas = curve[:, 0].tolist()
    before = evidence.sweep[~np.isfinite(evidence.sweep[:, 0])]
    notes = [f"Without pruning: {before[0, 2]:.1%} on validation."] if len(before) else []
    return charts.sweep(
        "Pruning: the sweep over alpha on validation",
        [Series("validation", alphas, curve[:, 2].tolist())],
        Series("zeroed", alphas, curve[:, 1].tolist()),
        chosen={"validation": float(kept[0])},
        notes=(*notes, f"The shipped student has {evidence.zeroed:.1%} of its weights at zero."),
    )


def _model(card: Card) -> Facts:
    m = card.model
    return Facts(
        (
            ("file", f"`{m.file}`"),
            ("SHA-256", f"`{m.sha256}`"),
            ("bytes", Cell(f"{m.bytes:,}", value=m.bytes)),
            ("parameters", f"{m.parameters:,}, of which {m.nonzero_parameters:,} are not zero"),
            ("multiply-accumulates", Cell(f"{m.macs:,}", value=m.macs)),
            ("TFLM arena, measured on the desktop", f"{m.arena_bytes:,} bytes"),
            ("input", f"int8 {card.input.height} x {card.input.width} x {card.input.channels}, {_q(card.input)}"),
            ("output", f"int8 logits of {', '.join(card.output.classes)}, {_q(card.output)}"),
        )
    )


def _words(card: Card) -> tuple[Prose, ...]:
    return (
        Prose(f"Operators, in order: {', '.join(f'`{op}`' for op in card.model.ops)}."),
        Prose(f"**Input.** {card.input.preprocessing}."),
        Prose(f"**Decision.** {_decision(card)}"),
    )


def _decision(card: Card) -> str:
    t = card.threshold
    int8 = (
        ""
        if t.margin_q is None
        else f"the int8 output of {card.data.task.positive} minus that of {card.data.task.negative} is at least "
        f"{t.margin_q}, which is "
    )
    positive = capitalized(spoken(card.data.task.positive))
    return f"{positive}, where {int8}a probability of at least {t.probability:.4f}. Rule: {t.rule}."


def _limits(task: Task) -> tuple[str, ...]:
    negatives = f"{spoken(task.negative)} {task.noun}s"
    return (
        "It shows what a small network on a microcontroller can do.",
        f"It knows {len(task.labels)} answers: {', '.join(task.labels)}.",
        *task.limits,
        f"It calls some {negatives} {spoken(task.positive)}: read specificity beside accuracy.",
    )


def _again(card: Card, whole: bool) -> Section:
    made = Prose(f"Made on {card.made_on}. The whole recipe is in `recipe.json`.")
    parts: list[Part] = [Code(card.command, caption="Command" if whole else ""), made]
    if not whole:
        versions = ", ".join(f"{name} {version}" for name, version in card.versions.items())
        return Section("How to make it again", (*parts, Prose(f"Versions: {versions}.")))
    return Section(
        "How to make it again",
        (*parts, Facts(tuple(card.versions.items()), "Environment")),
        sections=(Section("Recipe", (Code(json.dumps(to_json(card.recipe), indent=2), "json"),), folded=True),),
    )


def _q(facts: InputFacts | OutputFacts) -> str:
    return f"scale {facts.scale:.9g}, zero point {facts.zero_point}"
