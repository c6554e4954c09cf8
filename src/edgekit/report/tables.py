"""The tables that the terminal, a page and README share, and the words that they use for figures and runtimes.

In: reports, stages, recipe fields, the layers of a program. Out: `Table`s and other parts of a document, each
of which names its runtime and what must be said of such results.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgekit.metrics.scores import METRICS, Spread
from edgekit.recipes.reading import Leaf
from edgekit.report.document import Cell, Column, Part, Prose, Row, Table
from edgekit.values.evaluation import ClassFigures, EvalReport, ValuesReport, labelled_matrix
from edgekit.values.images import DataInfo
from edgekit.values.program import Estimate, Program
from edgekit.values.task import Task

_RUNTIMES = {
    "tflm": "desktop, tflm interpreter",
    "litert": "desktop, litert interpreter",
    "compiled": "desktop, edgekit's compiled C",
    "torch": "desktop, torch",
    "onnx": "desktop, onnxruntime",
}
_STAGE_COLUMNS = Column("bytes"), Column("ratio"), Column("agreement", short="agree"), Column("runtime", "left")
_STAGE_FIGURES = ("accuracy", "f1", "auc", "specificity")
_STAGE_FIGURES_OF_CLASSES = ("accuracy", "balanced_accuracy", "f1", "auc")
_SHORT = {"accuracy": "acc", "specificity": "spec", "balanced_accuracy": "bal acc", "f1": "F1", "auc": "AUC"}
_MACRO = "Macro: the mean over the classes, each against the rest; the mean recall is the balanced accuracy."
_RANKED = "Intervals: 95 %, Wilson's for recall and precision. AUC: ranked by the softmax probability of the class."
_ANSWERS_NAMED = 5  # classes at most whose answers are named in the head of a confusion
_BAR_COLUMNS = 8
MACS, MS = "multiply-accumulates", "ms"


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


def evaluation_parts(report: EvalReport | ValuesReport) -> tuple[Part, ...]:
    """One evaluation: each figure with its 95 % interval, the confusion, the threshold, the model, the notes; or the
    errors of outputs that are no classes."""
    if isinstance(report, ValuesReport):
        return (errors_table(report), *_ran(report), Prose(f"Runtime: {runtime_name(report.runtime)}."))
    return (
        scores_table(_titled("Evaluation", report.data, report.synthetic, report.task), {"value": report}),
        *class_parts(report),
        confusion_table(report),
        Prose(_decision(report)),
        *_ran(report),
        *_ending([report.runtime], report.task),
    )


def _ran(report: EvalReport | ValuesReport) -> tuple[Part, ...]:
    """The model, what it took pixels for, the notes."""
    return (
        *([Prose(f"Model SHA-256: {report.model_sha256}")] if report.model_sha256 else []),
        *([Prose(str(report.input_range))] if report.input_range else []),
        *(Prose(f"Note: {note}") for note in report.notes),
    )


def errors_table(report: ValuesReport) -> Table:
    """How far outputs that are no classes lie from what they should be."""
    figures = (
        ("mean square error (MSE)", report.mse),
        ("mean absolute error (MAE)", report.mae),
        ("greatest error", report.max_error),
    )
    known = [] if math.isnan(report.mse) else [(name, Cell(f"{value:.6g}", value=value)) for name, value in figures]
    rows = [("inputs", count(report.n)), ("outputs of each", count(report.outputs)), *known]
    rows += [("a step of the int8 output", Cell(f"{report.step:.6g}", value=report.step))] if report.step else []
    against = f"Against {report.against}, in the output's real units." if report.against else "Nothing to compare with."
    return Table(f"Outputs on {report.data}", (Column("figure", "left"), Column("value")), tuple(rows), (against,))


def stages_parts(rows: Sequence[StageRow], data: DataInfo) -> tuple[Part, ...]:
    """What ends a build: its stages in their order, at which thresholds, on what."""
    reports = [row.report for row in rows if row.report]
    chosen = "Thresholds were chosen on validation" if data.task.positive else "The greatest logit decides"
    on = f"{chosen}; {reports[0].n:,} images." if reports else "Nothing was evaluated."
    table = stages_table(_titled("Stages", data.name, data.synthetic, data.task), rows, data.task)
    return (table, Prose(on), *_ending([report.runtime for report in reports], data.task))


def seeds_parts(
    seeds: Mapping[str, Spread], data: DataInfo, by_class: Mapping[str, Mapping[str, Spread]] | None = None
) -> tuple[Part, ...]:
    """Mean, deviation and range of each figure of the int8 models over the seeds, and each class's recall where no
    label is positive."""
    heads = (Column("figure", "left"), *map(Column, ("mean ± sd", "least", "greatest")))
    named = {label(name, data.task): seeds[name] for name in shown_metrics(data.task) if name in seeds}
    if not data.task.positive:
        named |= {f"recall of {name}": figures["recall"] for name, figures in (by_class or {}).items()}
    shown = mean_sd if data.task.positive else _with_spread
    rows = [(name, shown(one), number(one.min), number(one.max)) for name, one in named.items()]
    count = max((len(figure.values) for figure in seeds.values()), default=0)
    return (
        Table(_titled("Over the seeds", data.name, data.synthetic, data.task), heads, tuple(rows)),
        Prose(f"{count} seeds over one ensemble of teachers."),
        *_ending(["tflm"], data.task),
    )


def with_interval(report: EvalReport | ClassFigures, name: str) -> Cell:
    """A figure of a report with its 95 % interval."""
    low, high = report.intervals[name]
    value = float(getattr(report, name))
    return Cell(number(value), f"{low:.3f} to {high:.3f}", value=value)


def shown_metrics(task: Task) -> tuple[str, ...]:
    """Those of METRICS that a table shows: without a positive label the recall is the balanced accuracy again."""
    return METRICS if task.positive else tuple(name for name in METRICS if name != "recall")


def scores_table(caption: str, reports: Mapping[str, EvalReport], seeds: Mapping[str, Spread] | None = None) -> Table:
    """Every figure of some reports, by the headings given, and the spread over the seeds after the first of them."""
    task = next(iter(reports.values())).task
    names, columns = shown_metrics(task), [Column("figure", "left"), *map(Column, reports)]
    rows: list[list[Cell | str | None]] = [
        [label(name, task), *(with_interval(report, name) for report in reports.values())] for name in names
    ]
    if seeds:
        count = max(len(figure.values) for figure in seeds.values())
        columns.insert(2, Column(f"test, mean ± sd of {count} seeds" if count > 1 else "test, mean of 1 seed"))
        for name, row in zip(names, rows, strict=True):
            row.insert(2, Cell(mean_sd(seeds[name]), value=seeds[name].mean) if name in seeds else None)
    notes = ("95 % intervals beside each figure.", *(() if task.positive else (_MACRO,)))
    return Table(caption, tuple(columns), tuple(map(tuple, rows)), notes)


def class_parts(report: EvalReport, by_seed: Mapping[str, Mapping[str, Spread]] | None = None) -> tuple[Part, ...]:
    """Each class against the rest, and its recall over the seeds; nothing where the figures are of a positive label."""
    if report.task.positive or not report.classes:
        return ()
    names = ("recall", "precision", "f1", "auc")
    columns = [Column("class", "left"), Column("images"), *(Column(label(name)) for name in names)]
    rows: list[list[Cell | str | None]] = [
        [one.label, count(one.n), *(with_interval(one, name) for name in names)] for one in report.classes
    ]
    seeds = max((len(one["recall"].values) for one in (by_seed or {}).values()), default=0)
    if by_seed and seeds > 1:
        columns.insert(3, Column(f"recall, mean ± sd of {seeds} seeds"))
        for row, one in zip(rows, report.classes, strict=True):
            row.insert(3, _with_spread(by_seed[one.label]["recall"]) if one.label in by_seed else None)
    return (Table("Each class against the rest", tuple(columns), tuple(map(tuple, rows)), (_RANKED,)),)


def confusion_table(report: EvalReport) -> Table:
    """The confusion as a table, truth by row; the answers of many classes by number."""
    names, rows = labelled_matrix(report)
    heads = list(names) if len(names) <= _ANSWERS_NAMED else [f"{at} {name}" for at, name in enumerate(names, 1)]
    answers = [f"says {name}" for name in names] if heads == [*names] else [f"{at}" for at in range(1, len(names) + 1)]
    columns = [Column("truth", "left"), *map(Column, answers)]
    cells: tuple[Row, ...] = tuple((head, *map(count, values)) for head, values in zip(heads, rows, strict=True))
    numbered = () if heads == [*names] else ("The columns are answers, by the number of their class.",)
    return Table(f"Confusion on {report.n:,} images", tuple(columns), cells, numbered)


def stages_table(caption: str, rows: Iterable[StageRow], task: Task) -> Table:
    """Name, figures, size, agreement and runtime of each stage."""
    names = _STAGE_FIGURES if task.positive else _STAGE_FIGURES_OF_CLASSES
    figures = (Column(label(name, task), short=_SHORT[name]) for name in names)
    columns = (Column("stage", "left"), *figures, *_STAGE_COLUMNS)
    note = (
        "Ratio is the size of the float32 student over that of the stage; agreement is the share of equal answers with "
        "the stage before."
    )
    return Table(caption, columns, tuple(_stage(row, names) for row in rows), (note,))


def fields_table(name: str, leaves: Iterable[Leaf]) -> Table:
    """Every field of the recipe of that name, its value and what it may hold."""
    columns = tuple(Column(title, "left") for title in ("field", "value", "takes"))
    return Table(f"Recipe {name}", columns, tuple((leaf.path, _field(leaf.value), leaf.allowed) for leaf in leaves))


def costs_of(program: Program) -> tuple[str, Sequence[float]]:
    """What of is shown first, in words, and how much of it each layer took: measured or estimated time where there is
    any, else instructions."""
    if program.us is not None:
        return "µs", program.us
    if program.estimate is not None:
        return MS, program.estimate.layers_ms
    if program.instructions is not None:
        return "instructions", program.instructions
    return MACS, [layer.macs for layer in program.layers]


def estimated(estimate: Estimate, *, beside_a_chip: bool = False) -> str:
    """What a run takes, in words that claim no more than is known. `beside_a_chip`: a chip's own time is told, too."""
    low, high = estimate.range_ms
    return (
        f"{estimate.total_ms:,.1f} ms estimated on one core of a {estimate.board} at {estimate.clock_hz / 1e6:.0f} MHz "
        f"with its flash at {estimate.flash_title} ({sum(estimate.cycles) / 1e6:,.2f} million cycles, "
        f"{sum(estimate.flash_misses):,} lines read from flash). {'' if beside_a_chip else 'No chip has run it: '}"
        f"{low:,.1f} to {high:,.1f} ms are likely."
    )


def layers_table(program: Program, *, drawn: bool = False, notes: tuple[str, ...] = ()) -> Table:
    """The layers of a program: what each costs, and where its output begins where that was not measured.

    Args:
        drawn: with the costs as bars of characters, for where no chart stands beside the table.
    """
    what, costs = costs_of(program)
    measured = program.us is not None or program.instructions is not None
    total, most = sum(costs) or 1, max(costs, default=0) or 1
    beside = _beside(program, what)
    columns = [
        Column("layer", "left"),
        Column("kernel", "left", optional=True),
        Column("MACs"),
        Column("arena in use, bytes", short="" if beside else "live", optional=bool(beside)),
        Column("constants, bytes", short="" if beside else "weights", optional=bool(beside)),
    ]
    if what != MACS:
        share = Column("a MAC" if what == "instructions" else "share")
        columns[2:2] = [Column(what), share, *(Column(heading) for heading in beside)]
    if not measured:
        columns.append(Column("output at"))
    elif drawn:
        columns.append(Column("", "left"))
    rows: list[Row] = []
    for step, (layer, cost) in enumerate(zip(program.layers, costs, strict=True)):
        cells: list[Cell | str | None] = [*map(count, (layer.macs, layer.bytes, layer.weight_bytes))]
        if what == "instructions":
            each = cost / layer.macs if layer.macs else None
            cells[:0] = [count(int(cost)), None if each is None else Cell(f"{each:.2f}", value=each)]
        elif what != MACS:
            cells[:0] = [Cell(f"{cost:,.{2 if what == MS else 1}f}", value=cost)]
            cells[1:1] = [Cell(f"{cost / total:.1%}", value=cost / total), *(row[step] for row in beside.values())]
        if not measured:
            cells.append(layer.place)
        cells += ["█" * round(_BAR_COLUMNS * cost / most)] if measured and drawn else []
        rows.append((Cell(f"{step} {layer.op}", value=layer.name), layer.kernel, *cells))
    said = "Output at: its address in the arena; rows: so many live at once, because its operator is streamed."
    ms = (f"{MS}: estimated, not timed.",) if program.estimate else ()
    about = ms if measured else (*ms, said)
    return Table("Layers of the compiled C", tuple(columns), tuple(rows), (*about, *notes))


def _beside(program: Program, what: str) -> dict[str, list[Cell]]:
    """More columns of costs beside `what`, by heading: what was counted beside an estimate, an estimate beside what was
    measured."""
    beside: dict[str, list[Cell]] = {}
    if program.estimate is not None and what == "µs":
        beside[MS] = [Cell(f"{ms:,.2f}", value=ms) for ms in program.estimate.layers_ms]
    if program.estimate is not None and what == MS and program.instructions is not None:
        beside["instructions"] = [count(spent) for spent in program.instructions]
        beside["flash misses"] = [count(misses) for misses in program.estimate.flash_misses]
    return beside


def label(name: str, task: Task | None = None) -> str:
    """The name of a figure as people write it, and as a mean over the classes where the task has no positive label."""
    written = {"balanced_accuracy": "balanced accuracy", "f1": "F1", "auc": "AUC"}.get(name, name)
    return f"macro {written}" if task and not task.positive and "accuracy" not in name else written


def number(value: float | None) -> str:
    """Three decimals, or a dash for an undefined figure."""
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def count(value: int) -> Cell:
    """A whole number, thousands in groups."""
    return Cell(f"{value:,}", value=value)


def runtime_name(runtime: str) -> str:
    """A runtime in words."""
    return _RUNTIMES.get(runtime, runtime)


def mean_sd(figure: Spread) -> str:
    """`0.931 ± 0.004`; without the deviation for a single seed."""
    return number(figure.mean) if math.isnan(figure.sd) else f"{figure.mean:.3f} ± {figure.sd:.3f}"


def _with_spread(figure: Spread) -> Cell:
    """`mean_sd` with the interval of the mean."""
    interval = "" if math.isnan(figure.low) else f"{figure.low:.3f} to {figure.high:.3f}"
    return Cell(mean_sd(figure), interval, value=figure.mean)


def _decision(report: EvalReport) -> str:
    cut = report.threshold
    if cut is None:
        return "The greatest logit decides."
    int8 = "" if cut.margin_q is None else f", int8 margin at least {cut.margin_q}"
    return f"Threshold, from validation: probability {cut.probability:.4f}{int8}"


def _stage(row: StageRow, names: Sequence[str]) -> Row:
    r = row.report
    figures = [number(getattr(r, name)) if r else "-" for name in names]
    size = "-" if row.bytes is None else f"{row.bytes:,}"
    ratio = "-" if row.ratio is None else f"{row.ratio:.2f}" if row.ratio >= 0.005 else "<0.01"
    return row.name, *figures, size, ratio, number(row.agreement), r.runtime if r else "-"


def _field(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _titled(title: str, data: str, synthetic: bool, task: Task) -> str:
    return ", ".join([title, *([data] if data else []), *([task.drawn] if synthetic else [])])


def _ending(runtimes: Sequence[str], task: Task) -> tuple[Part, ...]:
    named = dict.fromkeys(runtime_name(runtime) for runtime in runtimes if runtime)
    return Prose(f"Runtime: {'; '.join(named) or 'none'}"), *([Prose(task.domain)] if task.domain else [])
