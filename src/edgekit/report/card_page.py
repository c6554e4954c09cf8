"""A card as a Markdown page: results first, then what the model is, its limits, and how to make it again.

In: a `Card`. Out: the text of `card.md`, and the figures of the README.
"""

from collections.abc import Iterable, Sequence

from edgekit.artifacts import EvalReport
from edgekit.report.card import Card, InputFacts, OutputFacts
from edgekit.report.metrics import METRICS
from edgekit.report.tables import STAGE_COLUMNS, label, mean_sd, number, runtime_name, stage_cells


def card_markdown(card: Card) -> str:
    """The page, ended by a newline."""
    parts = [
        f"# {card.name}",
        f"Tells pneumonia from normal in a chest X-ray of {card.input.height} x {card.input.width} grey pixels, with "
        f"{card.model.parameters:,} parameters in {card.model.bytes:,} bytes of int8 TFLite.",
        f"**{card.disclaimer}** Use: {card.use}. {card.hardware}",
        _synthetic(card),
        "## Results",
        figures_markdown(card),
        "### Confusion on test",
        _confusion(card.metrics.test),
        "### Stages of the build, on test",
        stages_markdown(card),
        "Ratio is the size of the float32 student over that of the stage; agreement is the share of equal answers with "
        "the stage before.",
        "## The model",
        _model(card),
        f"Operators, in order: {', '.join(f'`{op}`' for op in card.model.ops)}.",
        f"**Input.** {card.input.preprocessing}.",
        f"**Decision.** {_decision(card)}",
        "## Intended use and limits",
        _limits(card),
        "## Data",
        _data(card),
        "## How to make it again",
        f"```sh\n{card.command}\n```",
        f"Made on {card.made_on}. The whole recipe is in `recipe.json`. "
        f"Versions: {', '.join(f'{name} {version}' for name, version in card.versions.items())}.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def figures_markdown(card: Card) -> str:
    """Test and validation figures with intervals, the seeds, and the sizes: the table of the README too."""
    test, validation = card.metrics.test, card.metrics.validation
    count = max((len(figure.values) for figure in card.seeds.values()), default=0)
    rows = [
        (
            label(name),
            _with_interval(test, name),
            mean_sd(card.seeds[name]) if name in card.seeds else "-",
            _with_interval(validation, name),
        )
        for name in METRICS
    ]
    synthetic = ", synthetic phantoms" if card.data.synthetic else ""
    seeds = f"test, mean ± sd of {count} seeds" if count > 1 else "test, mean of 1 seed"
    head = ("figure", f"test ({test.n:,} images{synthetic})", seeds, f"validation ({validation.n:,})")
    return "\n\n".join(
        (
            _table(head, rows),
            f"95 % intervals in brackets. Runtime: {runtime_name(test.runtime)}. The threshold was chosen on "
            f"validation. int8 and float32 give the same answer on "
            f"{card.agreement_int8_float32:.1%} of the test images.",
            f"Size: {card.model.bytes:,} bytes of .tflite, {card.model.arena_bytes:,} bytes of TFLM arena, "
            f"{card.model.macs / 1e6:.2f} million multiply-accumulates an image.",
        )
    )


def stages_markdown(card: Card) -> str:
    """The stages of the build as a table."""
    return _table(tuple(STAGE_COLUMNS), [stage_cells(row) for row in card.stages])


def _synthetic(card: Card) -> str:
    if not card.data.synthetic:
        return ""
    return "**The images are synthetic phantoms, drawn by a program: the figures say nothing about patients.**"


def _confusion(report: EvalReport) -> str:
    c = report.confusion
    rows = [("NORMAL", f"{c['tn']:,}", f"{c['fp']:,}"), ("PNEUMONIA", f"{c['fn']:,}", f"{c['tp']:,}")]
    return _table(("truth", "says NORMAL", "says PNEUMONIA"), rows)


def _model(card: Card) -> str:
    m = card.model
    return _table(
        ("fact", "value"),
        [
            ("file", f"`{m.file}`"),
            ("SHA-256", f"`{m.sha256}`"),
            ("bytes", f"{m.bytes:,}"),
            ("parameters", f"{m.parameters:,}, of which {m.nonzero_parameters:,} are not zero"),
            ("multiply-accumulates", f"{m.macs:,}"),
            ("TFLM arena, measured on the desktop", f"{m.arena_bytes:,} bytes"),
            ("input", f"int8 {card.input.height} x {card.input.width} x {card.input.channels}, {_q(card.input)}"),
            ("output", f"int8 logits of {', '.join(card.output.classes)}, {_q(card.output)}"),
        ],
    )


def _decision(card: Card) -> str:
    t = card.threshold
    int8 = (
        ""
        if t.margin_q is None
        else f"the int8 output of {card.output.classes[1]} minus that of {card.output.classes[0]} is at least "
        f"{t.margin_q}, which is "
    )
    return f"Pneumonia, where {int8}a probability of at least {t.probability:.4f}. Rule: {t.rule}."


def _limits(card: Card) -> str:
    return "\n".join(
        (
            "- It shows what a small network on a microcontroller can do. It must not be used to diagnose.",
            "- It knows two answers. Other findings, other views, adults and other machines were not tried.",
            "- It calls some normal films pneumonia: read specificity beside accuracy.",
            f"- {card.hardware}",
        )
    )


def _data(card: Card) -> str:
    d = card.data
    lines = [f"- Set: {d.name}{' (synthetic phantoms)' if d.synthetic else ''}", f"- Fingerprint: `{d.fingerprint}`"]
    lines.append(f"- Licence and attribution: {d.licence or 'unknown'}")
    return "\n".join([*lines, *(f"- {note}" for note in d.notes)])


def _with_interval(report: EvalReport, name: str) -> str:
    low, high = report.intervals[name]
    return f"{number(getattr(report, name))} ({low:.3f} to {high:.3f})"


def _q(facts: InputFacts | OutputFacts) -> str:
    return f"scale {facts.scale:.9g}, zero point {facts.zero_point}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
