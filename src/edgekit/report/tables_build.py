"""The tables that end a build: its stages, its seeds, and the fields of its recipe.

In: stages, spreads, recipe fields. Out: `Table`s and other parts of a document.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgekit.metrics.scores import Spread
from edgekit.recipes.reading import Leaf
from edgekit.report.document import Column, Part, Prose, Row, Table
from edgekit.report.tables import ending, label, mean_sd, number, shown_metrics, titled, with_spread
from edgekit.values.evaluation import EvalReport
from edgekit.values.images import DataInfo
from edgekit.values.task import Task

_STAGE_COLUMNS = Column("bytes"), Column("ratio"), Column("agreement", short="agree"), Column("runtime", "left")
_STAGE_FIGURES = ("accuracy", "f1", "auc", "specificity")
_STAGE_FIGURES_OF_CLASSES = ("accuracy", "balanced_accuracy", "f1", "auc")
_SHORT = {"accuracy": "acc", "specificity": "spec", "balanced_accuracy": "bal acc", "f1": "F1", "auc": "AUC"}


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


def stages_parts(rows: Sequence[StageRow], data: DataInfo) -> tuple[Part, ...]:
    """What ends a build: its stages in their order, at which thresholds, on what."""
    reports = [row.report for row in rows if row.report]
    chosen = "Thresholds were chosen on validation" if data.task.positive else "The greatest logit decides"
    on = f"{chosen}; {reports[0].n:,} images." if reports else "Nothing was evaluated."
    table = stages_table(titled("Stages", data.name, data.synthetic, data.task), rows, data.task)
    return (table, Prose(on), *ending([report.runtime for report in reports], data.task))


def seeds_parts(
    seeds: Mapping[str, Spread], data: DataInfo, by_class: Mapping[str, Mapping[str, Spread]] | None = None,
    runtime: str = "tflm",
) -> tuple[Part, ...]:  # fmt: skip
    """Mean, deviation and range of each figure of the int8 models over the seeds, and each class's recall where no
    label is positive."""
    heads = (Column("figure", "left"), *map(Column, ("mean ± sd", "least", "greatest")))
    named = {label(name, data.task): seeds[name] for name in shown_metrics(data.task) if name in seeds}
    if not data.task.positive:
        named |= {f"recall of {name}": figures["recall"] for name, figures in (by_class or {}).items()}
    shown = mean_sd if data.task.positive else with_spread
    rows = [(name, shown(one), number(one.min), number(one.max)) for name, one in named.items()]
    count = max((len(figure.values) for figure in seeds.values()), default=0)
    return (
        Table(titled("Over the seeds", data.name, data.synthetic, data.task), heads, tuple(rows)),
        Prose(f"{count} seeds over one ensemble of teachers."),
        *ending([runtime], data.task),
    )


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
