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
from edgekit.report.card import Card, CardThreshold, InputFacts, OutputFacts, TimeFacts
from edgekit.report.charts import Dot, Series
from edgekit.report.document import Bullets, Cell, Code, Facts, Figure, Page, Part, Prose, Section
from edgekit.report.pages.examples import Examples, examples_section
from edgekit.report.pages.sections import Answers, answers_figures, data_section, headline, mistakes, program_parts
from edgekit.report.pages.threshold import threshold_section
from edgekit.report.render_markdown import markdown, parts_markdown
from edgekit.report.tables import class_parts, confusion_table, count, runtime_name, scores_table
from edgekit.report.tables_build import stages_table
from edgekit.values.codec import to_json
from edgekit.values.images import ImageSet
from edgekit.values.program import Program
from edgekit.values.quantization import QuantizationFacts
from edgekit.values.task import Task, capitalized, spoken


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the build found out besides the card.

    Attributes:
        answers: of the shipped model first, then of others to compare, in the order of the images `test`.
        sweep: float [K, 3] of alpha, share of zeroed weights, balanced accuracy on validation; alpha is infinite where
            nothing was pruned. Of channels: the fraction that was to go, 0 where none was, and the share of parameters.
        pruned: the share of its weights that the shipped student has at zero, or of its parameters without which it is.
        program: the model as compiled C; None where the compiler does not take it.
        examples: of the shipped model.
    """

    test: ImageSet
    answers: tuple[Answers, ...]
    sweep: NDArray[Any]
    pruned: float
    program: Program | None
    audit: Audit
    examples: Examples | None


def card_markdown(card: Card, more: tuple[Section, ...] = ()) -> str:
    """The text of `card.md`; `more` sections go before how to make it again."""
    return markdown(model_page(card, None, more))


def figures_markdown(card: Card) -> str:
    """Test and validation figures with intervals, the seeds, the sizes and the stages, for the README."""
    return parts_markdown((*_figures(card), stages_table(_stages(card.data.task), card.stages, card.data.task)))


def model_page(card: Card, evidence: Evidence | None, more: tuple[Section, ...] = ()) -> Page:
    """The full report of a build, `report.html`; without evidence the page of the card alone."""
    task, size = card.data.task, Cell(f"{card.model.bytes:,}", "bytes of int8 TFLite", value=card.model.bytes)
    tested, answered, drawn = card.metrics.test, [], []
    if evidence:
        figures = answers_figures(tested, evidence.test.labels, evidence.answers)
        answered = [Section("Answers on test", figures)]
        if task.positive:
            answered.append(threshold_section(evidence.test.labels, evidence.answers[0], task))
        drawn = [
            _by_stage(card),
            *([_sweep(evidence, card.recipe.prune.method != "magnitude")] if len(evidence.sweep) > 1 else []),
        ]
    results = (
        Section("Figures", (*_figures(card), *([] if evidence else [confusion_table(tested)]))),
        *answered,
        Section("Stages of the build, on test", (stages_table(_stages(task), card.stages, task), *drawn)),
    )
    compiled = program_parts(evidence.program, card.model.arena_bytes or None) if evidence and evidence.program else ()
    sections = [
        Section("Results", results=True, sections=results),
        *([_examples(card, evidence, evidence.examples)] if evidence and evidence.examples else []),
        *([mistakes(evidence.test, evidence.answers[0], card.data)] if evidence else []),
        Section("The model", (*_model(card), *compiled)),
        Section("Intended use and limits", (Bullets((*_limits(task), card.hardware)),)),
        data_section(card.data, evidence.audit if evidence else None),
        *more,
        _again(card, evidence is not None),
    ]
    return Page(
        title=card.name,
        lead=(
            f"{_asked(task)} in {task.noun}s of {card.input.height} x {card.input.width} "
            f"{'grey' if task.channels == 1 else 'RGB'} pixels, with {card.model.parameters:,} "
            f"parameters in {card.model.bytes:,} bytes of int8 TFLite.",
            f"Use: {card.use}. {card.hardware}",
        ),
        sections=tuple(sections),
        synthetic=card.data.synthetic,
        domain=task.domain,
        highlights=headline(tested, *_spent(card.time), ("size", size)) if evidence else None,
    )


def _examples(card: Card, evidence: Evidence, shown: Examples) -> Section:
    return examples_section(evidence.test, evidence.answers[0], card.data, shown)


def _figures(card: Card) -> tuple[Part, ...]:
    test, validation = card.metrics.test, card.metrics.validation
    synthetic = f", {card.data.task.drawn}" if card.data.synthetic else ""
    arena = f"{card.model.arena} of TFLM arena, " if card.model.arena_bytes else ""
    decided = "The threshold was chosen on validation." if card.threshold else "The greatest logit decides."
    reports = {f"test ({test.n:,} images{synthetic})": test, f"validation ({validation.n:,})": validation}
    return (
        scores_table("The int8 model", reports, card.seeds),
        *class_parts(test, card.seeds_by_class),
        Prose(
            f"Runtime: {runtime_name(test.runtime)}. {decided} int8 and float32 give the "
            f"same answer on {card.agreement_int8_float32:.1%} of the test images."
        ),
        *([Prose(f"Int8: {_quantized(card.quantization)}")] if card.quantization else []),
        *([Prose(f"Time: {_time(card.time)}")] if card.time else []),
        Prose(
            f"Size: {card.model.bytes:,} bytes of .tflite, {arena}"
            f"{card.model.macs / 1e6:.2f} million multiply-accumulates an image."
        ),
    )


def _quantized(facts: QuantizationFacts) -> str:
    named = {"converted": "as converted", "aware": "after quantization-aware training"}
    files = {"converted": facts.converted, "aware": facts.aware}
    figures = "; ".join(
        f"{named[name]} it drifts {one.drift:.3f} standard deviations from the float network, names its class on "
        f"{one.agreement:.1%} of the gate's images, and has a balanced accuracy of {one.balanced_accuracy:.2%} on "
        "validation"
        for name, one in files.items()
        if one is not None
    )
    wide = "int8 weights and ends, int16 activations between (16x8). " if facts.activations == "int16" else ""
    return f"{wide}The file {named[facts.taken]} was taken. {facts.why} The file {figures}."


def _by_stage(card: Card) -> Figure:
    reports = [(row.name, row.report) for row in card.stages if row.report]
    rows = [Dot(name, one.balanced_accuracy, *one.intervals["balanced_accuracy"]) for name, one in reports]
    return charts.dots("Balanced accuracy by stage, with 95 % intervals", rows, x="balanced accuracy")


def _sweep(evidence: Evidence, by_channel: bool) -> Figure:
    if by_channel:
        x, gone, y = (evidence.sweep[:, column].tolist() for column in range(3))
        took = "; ".join(
            f"{fraction:g} takes {share:.1%} of the parameters" for fraction, share in zip(x, gone, strict=True)
        )
        return charts.curves(
            "Pruning: the sweep over channels on validation", [Series("validation", x, y)],
            x="fraction of the channels", y="balanced accuracy", percent=True,
            notes=(f"{took}. The shipped student is without {evidence.pruned:.1%} of them.",),
        )  # fmt: skip
    curve = evidence.sweep[np.isfinite(evidence.sweep[:, 0])]
    curve = curve[np.argsort(curve[:, 0])]
    kept = evidence.sweep[np.argmin(np.abs(evidence.sweep[:, 1] - evidence.pruned))]
    alphas = curve[:, 0].tolist()
    before = evidence.sweep[~np.isfinite(evidence.sweep[:, 0])]
    notes = [f"Without pruning: {before[0, 2]:.1%} on validation."] if len(before) else []
    return charts.sweep(
        "Pruning: the sweep over alpha on validation",
        [Series("validation", alphas, curve[:, 2].tolist())],
        Series("zeroed", alphas, curve[:, 1].tolist()),
        chosen={"validation": float(kept[0])},
        notes=(*notes, f"The shipped student has {evidence.pruned:.1%} of its weights at zero."),
    )


def _model(card: Card) -> tuple[Part, ...]:
    m = card.model
    facts: tuple[tuple[str, Cell | str], ...] = (
        ("file", f"`{m.file}`"),
        ("SHA-256", f"`{m.sha256}`"),
        ("bytes", count(m.bytes)),
        ("parameters", f"{m.parameters:,}, of which {m.nonzero_parameters:,} are not zero"),
        *((("channels", f"{m.channels:,}, of which pruning took {m.pruned_channels:,}"),) if m.channels else ()),
        ("multiply-accumulates", count(m.macs)),
        ("TFLM arena, measured on the desktop", m.arena),
        ("input", f"int8 {card.input.height} x {card.input.width} x {card.input.channels}, {_q(card.input)}"),
        ("output", f"int8 logits of {', '.join(card.output.classes)}, {_q(card.output)}"),
    )
    return (
        Facts(facts),
        Prose(f"Operators, in order: {', '.join(f'`{op}`' for op in m.ops)}."),
        Prose(f"**Input.** {card.input.preprocessing}."),
        Prose(f"**Decision.** {_decision(card.data.task, card.threshold)}"),
    )


def _spent(time: TimeFacts | None) -> tuple[tuple[str, Cell], ...]:
    if time is None:
        return ()
    return (("time", Cell(f"{time.estimated_ms:,.1f} ms", f"estimated, {time.board}", value=time.estimated_ms)),)


def _time(time: TimeFacts) -> str:
    low, high = (time.estimated_ms * (1 + share) for share in time.band)
    return (
        f"{time.estimated_ms:,.1f} ms an image, estimated for one core of a {time.board} at "
        f"{time.clock_hz / 1e6:.0f} MHz with its flash at {time.flash_mode} ({time.cycles / 1e6:,.2f} million cycles; "
        f"{low:,.1f} to {high:,.1f} ms are likely; no chip has run it), in {time.ram_bytes:,} bytes of RAM."
    )


def _decision(task: Task, cut: CardThreshold | None) -> str:
    if cut is None:
        return (
            "The greatest int8 output's class; of equal ones the first. Only two classes have a threshold: none here."
        )
    int8 = f"the int8 output of {task.positive} minus that of {task.negative} is at least {cut.margin_q}, which is "
    return (
        f"{capitalized(spoken(task.positive))}, where {'' if cut.margin_q is None else int8}a "
        f"probability of at least {cut.probability:.4f}. Rule: {cut.rule}."
    )


def _asked(task: Task) -> str:
    if task.positive:
        return f"Tells {spoken(task.positive)} from {spoken(task.negative)}"
    *others, last = map(spoken, task.labels)
    return f"Tells {', '.join(others)} and {last} apart"


def _stages(task: Task) -> str:
    return "Each stage at its own threshold" if task.positive else "Each stage by its greatest logit"


def _limits(task: Task) -> tuple[str, ...]:
    if task.positive:
        beside = f"calls some {spoken(task.negative)} {task.noun}s {spoken(task.positive)}: read specificity"
    else:
        beside = "takes some classes for others: read the figures of each class"
    return (
        "It shows what a small network on a microcontroller can do.",
        f"It knows {len(task.labels)} answers: {', '.join(task.labels)}.",
        *task.limits,
        f"It {beside} beside accuracy.",
    )


def _again(card: Card, whole: bool) -> Section:
    made = Prose(f"Made on {card.made_on}. The whole recipe is in `recipe.json`.")
    versions = Prose(f"Versions: {', '.join(f'{name} {version}' for name, version in card.versions.items())}.")
    environment = Facts(tuple(card.versions.items()), "Environment") if whole else versions
    recipe = Section("Recipe", (Code(json.dumps(to_json(card.recipe), indent=2), "json"),), folded=True)
    parts = (Code(card.command, caption="Command" if whole else ""), made, environment)
    return Section("How to make it again", parts, sections=(recipe,) if whole else ())


def _q(facts: InputFacts | OutputFacts) -> str:
    return f"scale {facts.scale:.9g}, zero point {facts.zero_point}"
