"""The tables of figures that the terminal, a page and README share, and the words for figures and runtimes.

In: reports. Out: `Table`s and other parts of a document, each of which names its runtime and what must be said of such
results. Those of a build are in `tables_build`, those of a compiled program in `tables_program`.
"""

import math
from collections.abc import Mapping, Sequence

from edgekit.metrics.scores import METRICS, Spread
from edgekit.report.document import Cell, Column, Part, Prose, Row, Table
from edgekit.values.evaluation import ClassFigures, EvalReport, ValuesReport, labelled_matrix
from edgekit.values.task import Task

_RUNTIMES = {
    "tflm": "desktop, tflm interpreter",
    "litert": "desktop, litert interpreter",
    "compiled": "desktop, edgekit's compiled C",
    "torch": "desktop, torch",
    "onnx": "desktop, onnxruntime",
}
_MACRO = "Macro: the mean over the classes, each against the rest; the mean recall is the balanced accuracy."
_RANKED = "Intervals: 95 %, Wilson's for recall and precision. AUC: ranked by the softmax probability of the class."
_ANSWERS_NAMED = 5  # classes at most whose answers are named in the head of a confusion


def evaluation_parts(report: EvalReport | ValuesReport) -> tuple[Part, ...]:
    """One evaluation: each figure with its 95 % interval, the confusion, the threshold, the model, the notes; or the
    errors of outputs that are no classes."""
    if isinstance(report, ValuesReport):
        return (errors_table(report), *_ran(report), Prose(f"Runtime: {runtime_name(report.runtime)}."))
    return (
        scores_table(titled("Evaluation", report.data, report.synthetic, report.task), {"value": report}),
        *class_parts(report),
        confusion_table(report),
        Prose(_decision(report)),
        *_ran(report),
        *ending([report.runtime], report.task),
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


def with_interval(report: EvalReport | ClassFigures, name: str) -> Cell:
    """A figure of a report with its 95 % interval."""
    low, high = report.intervals[name]
    value = float(getattr(report, name))
    return Cell(number(value), f"{low:.3f} to {high:.3f}", value=value)


def shown_metrics(task: Task) -> tuple[str, ...]:
    """Those of METRICS that a table shows: without a positive label the recall is the balanced accuracy again."""
    return METRICS if task.positive else tuple(name for name in METRICS if name != "recall")


def scores_table(caption: str, reports: Mapping[str, EvalReport], seeds: Mapping[str, Spread] | None = None) -> Table:
    """Every figure of some reports, by the headings given, and the spread over several seeds after
    the first of them."""
    task = next(iter(reports.values())).task
    names, columns = shown_metrics(task), [Column("figure", "left"), *map(Column, reports)]
    rows: list[list[Cell | str | None]] = [
        [label(name, task), *(with_interval(report, name) for report in reports.values())] for name in names
    ]
    spread = {name: figure for name, figure in (seeds or {}).items() if len(figure.values) > 1}
    if spread:
        count = max(len(figure.values) for figure in spread.values())
        columns.insert(2, Column(f"test, mean ± sd of {count} seeds"))
        for name, row in zip(names, rows, strict=True):
            row.insert(2, Cell(mean_sd(spread[name]), value=spread[name].mean) if name in spread else None)
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
            row.insert(3, with_spread(by_seed[one.label]["recall"]) if one.label in by_seed else None)
    return (Table("Each class against the rest", tuple(columns), tuple(map(tuple, rows)), (_RANKED,)),)


def confusion_table(report: EvalReport) -> Table:
    """The confusion as a table, truth by row; the answers of many classes by number."""
    return matrix_table(*labelled_matrix(report), report.n)


def matrix_table(names: Sequence[str], rows: Sequence[Sequence[int]], n: int) -> Table:
    """The same of counts [truth][answer] of n images."""
    heads = list(names) if len(names) <= _ANSWERS_NAMED else [f"{at} {name}" for at, name in enumerate(names, 1)]
    answers = [f"says {name}" for name in names] if heads == [*names] else [f"{at}" for at in range(1, len(names) + 1)]
    columns = [Column("truth", "left"), *map(Column, answers)]
    cells: tuple[Row, ...] = tuple((head, *map(count, values)) for head, values in zip(heads, rows, strict=True))
    numbered = () if heads == [*names] else ("The columns are answers, by the number of their class.",)
    return Table(f"Confusion on {n:,} images", tuple(columns), cells, numbered)


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


def with_spread(figure: Spread) -> Cell:
    """`mean_sd` with the interval of the mean."""
    interval = "" if math.isnan(figure.low) else f"{figure.low:.3f} to {figure.high:.3f}"
    return Cell(mean_sd(figure), interval, value=figure.mean)


def _decision(report: EvalReport) -> str:
    cut = report.threshold
    if cut is None:
        return "The greatest logit decides."
    int8 = "" if cut.margin_q is None else f", int8 margin at least {cut.margin_q}"
    return f"Threshold, from validation: probability {cut.probability:.4f}{int8}"


def titled(title: str, data: str, synthetic: bool, task: Task) -> str:
    return ", ".join([title, *([data] if data else []), *([task.drawn] if synthetic else [])])


def ending(runtimes: Sequence[str], task: Task) -> tuple[Part, ...]:
    named = dict.fromkeys(runtime_name(runtime) for runtime in runtimes if runtime)
    return Prose(f"Runtime: {'; '.join(named) or 'none'}"), *([Prose(task.domain)] if task.domain else [])
