"""What the terminal shows: one evaluation, the stages of a build, the spread over seeds; and the JSON of the first.

In: reports. Out: rich renderables, each of which names its runtime and says what it is not.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, Group, JustifyMethod, RenderableType, RenderResult
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from edgekit.metrics.scores import METRICS, Spread
from edgekit.recipes.fields import Leaf
from edgekit.values.evaluation import EvalReport
from edgekit.values.plain import to_plain

DISCLAIMER = "Research demonstration, not a medical device."
SYNTHETIC = "The images are synthetic phantoms, drawn by a program: the figures say nothing about patients."
LABELS = {"balanced_accuracy": "balanced accuracy", "f1": "F1", "auc": "AUC"}
RUNTIMES = {
    "tflm": "desktop, tflm interpreter",
    "litert": "desktop, litert interpreter",
    "torch": "desktop, torch",
    "onnx": "desktop, onnxruntime",
}
STAGE_COLUMNS = {  # to the heading of a narrow terminal
    "stage": "stage",
    "accuracy": "acc",
    "F1": "F1",
    "AUC": "AUC",
    "specificity": "spec",
    "bytes": "bytes",
    "ratio": "ratio",
    "agreement": "agree",
    "runtime": "runtime",
}


@dataclass(frozen=True, slots=True)
class StageRow:
    """One line of the table that ends `build-model`.

    Attributes:
        name: `teacher`, `student (plain)`, `distilled`, `pruned`, `float16`, `dynamic`, `int8`.
        report: None where the stage was not run or not evaluated.
        bytes: size of the stage's file or parameters.
        ratio: bytes of the float32 student over `bytes`.
        agreement: share of equal answers with the stage before.
    """

    name: str
    report: EvalReport | None
    bytes: int | None
    ratio: float | None
    agreement: float | None


def to_json(report: EvalReport) -> dict[str, Any]:
    """The report as `--json` prints it: the fields of `EvalReport` by their names, undefined figures as null."""
    plain: dict[str, Any] = to_plain(report)
    return plain


def report_table(report: EvalReport) -> RenderableType:
    """One evaluation: each figure with its 95 % interval, and the confusion as a 2x2."""
    figures = Table(title=_titled("Evaluation", report.data, report.synthetic), title_justify="left")
    figures.add_column("figure")
    figures.add_column("value", justify="right")
    figures.add_column("95 % interval", justify="right")
    for name in METRICS:
        low, high = report.intervals[name]
        figures.add_row(label(name), number(getattr(report, name)), f"{low:.3f} to {high:.3f}")
    confusion = Table(title=f"Confusion, {report.n:,} images", title_justify="left")
    confusion.add_column("truth")
    negative, positive = report.task.labels
    for name in report.task.labels:
        confusion.add_column(f"says {name}", justify="right")
    c = report.confusion
    confusion.add_row(negative, f"{c['tn']:,}", f"{c['fp']:,}")
    confusion.add_row(positive, f"{c['fn']:,}", f"{c['tp']:,}")
    margin_q = report.threshold.margin_q
    int8 = "" if margin_q is None else f", int8 margin at least {margin_q}"
    lines = [f"Threshold, from validation: probability {report.threshold.probability:.4f}{int8}"]
    if report.model_sha256:
        lines.append(f"Model SHA-256: {report.model_sha256}")
    lines += [f"Note: {note}" for note in report.notes]
    return Group(figures, confusion, *map(Text, lines), _ending([report.runtime]))


def stages_table(rows: Sequence[StageRow]) -> RenderableType:
    """The stages of a build, in their order: whole words in a box where there is room, else what fits 80 columns."""
    reports = [row.report for row in rows if row.report]
    data, synthetic = (reports[0].data, any(r.synthetic for r in reports)) if reports else ("", False)
    title = _titled("Stages", data, synthetic)
    wide = Table(title=title, title_justify="left")
    narrow = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for word, short in STAGE_COLUMNS.items():
        justify: JustifyMethod = "left" if word in ("stage", "runtime") else "right"
        wide.add_column(word, justify=justify, no_wrap=True)
        narrow.add_column(short, justify=justify, overflow="fold")
    for row in rows:
        wide.add_row(*stage_cells(row))
        narrow.add_row(*stage_cells(row))
    notes = [
        Text(
            "spec: specificity. ratio: size of the float32 student over this one. "
            "agree: share of equal answers with the stage before."
        ),
        Text(
            f"Thresholds were chosen on validation; {reports[0].n:,} images." if reports else "Nothing was evaluated."
        ),
    ]
    return Group(_Fitting(wide, narrow), *notes, _ending([r.runtime for r in reports]))


@dataclass(frozen=True, slots=True)
class _Fitting:
    """The first of two tables if the terminal is wide enough for it, else the second."""

    wide: Table
    narrow: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width
        fits = Measurement.get(console, options.update(width=10_000), self.wide).maximum <= room
        yield self.wide if fits else self.narrow


def seeds_table(seeds: Mapping[str, Spread], *, data: str, synthetic: bool, runtime: str) -> RenderableType:
    """Mean, deviation and range of each figure over the seeds."""
    table = Table(title=_titled("Over the seeds", data, synthetic), title_justify="left")
    table.add_column("figure")
    for name in ("mean ± sd", "least", "greatest"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, figure in seeds.items():
        table.add_row(label(name), mean_sd(figure), number(figure.min), number(figure.max))
    count = max((len(figure.values) for figure in seeds.values()), default=0)
    return Group(table, Text(f"{count} seeds over one ensemble of teachers."), _ending([runtime]))


def fields_table(leaves: Iterable[Leaf]) -> RenderableType:
    """Every field of a recipe, its value and what it may hold."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("field", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("takes")
    for leaf in leaves:
        value = ",".join(map(str, leaf.value)) if isinstance(leaf.value, tuple) else leaf.value
        table.add_row(leaf.path, escape(str(value).lower() if isinstance(value, bool) else str(value)), leaf.allowed)
    return table


def label(name: str) -> str:
    """The name of a figure as people write it."""
    return LABELS.get(name, name)


def number(value: float | None) -> str:
    """Three decimals, or a dash for an undefined figure."""
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def mean_sd(figure: Spread) -> str:
    """`0.931 ± 0.004`; without the deviation for a single seed."""
    return number(figure.mean) if math.isnan(figure.sd) else f"{figure.mean:.3f} ± {figure.sd:.3f}"


def stage_cells(row: StageRow) -> tuple[str, ...]:
    """Name, accuracy, F1, AUC, specificity, bytes, ratio, agreement and runtime of a stage as text."""
    r = row.report
    figures = [number(getattr(r, name)) if r else "-" for name in ("accuracy", "f1", "auc", "specificity")]
    size = "-" if row.bytes is None else f"{row.bytes:,}"
    ratio = "-" if row.ratio is None else f"{row.ratio:.2f}" if row.ratio >= 0.005 else "<0.01"
    return row.name, *figures, size, ratio, number(row.agreement), r.runtime if r else "-"


def runtime_name(runtime: str) -> str:
    """A runtime in words."""
    return RUNTIMES.get(runtime, runtime)


def _titled(title: str, data: str, synthetic: bool) -> str:
    parts = [title, *([escape(data)] if data else []), *(["synthetic phantoms"] if synthetic else [])]
    return ", ".join(parts)


def _ending(runtimes: Sequence[str]) -> Text:
    named = dict.fromkeys(runtime_name(runtime) for runtime in runtimes if runtime)
    return Text(f"Runtime: {'; '.join(named) or 'none'}\n{DISCLAIMER}")
