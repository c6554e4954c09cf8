"""What distillation gains: students of several sizes, with and without a teacher, at few and many epochs.

In: the runs that `tools/distillation_gain` wrote, a JSON line each. Out: a table, and the page around it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from edgekit.errors import EdgekitError
from edgekit.metrics.paired import mean_gain
from edgekit.report.charts import Series, curves
from edgekit.report.document import Cell, Column, Figure, Page, Prose, Row, Section, Table
from edgekit.values.codec import Invalid, from_json
from edgekit.values.task import CHEST_XRAY

NO_TEACHER = "none"


@dataclass(frozen=True, slots=True)
class Run:
    """One student before pruning and quantization, and how it was trained.

    Attributes:
        size: the bytes of its int8 file, in thousands, rounded down.
        teacher: `none`, or the network of the members of a cross-fitted ensemble.
        validation_auc: by which a student may be chosen.
        auc, accuracy, specificity: on the test images, the last two at the threshold that validation chose.
    """

    size: int
    teacher: str
    epochs: int
    seed: int
    validation_auc: float
    auc: float
    accuracy: float
    specificity: float
    made_on: str


def read_runs(path: Path) -> list[Run]:
    """The runs in a file, a JSON line each; none where there is no file.

    Raises:
        EdgekitError: it cannot be read, or a line is no such run.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [from_json(Run, json.loads(line), "a run of tools/distillation_gain") for line in lines]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, Invalid) as error:
        raise EdgekitError(
            f"{path} holds no runs of tools/distillation_gain: {error}", "Name another, or remove it."
        ) from error


def gain_table(runs: Sequence[Run]) -> Table:
    """A row for each size and number of epochs: the AUC without a teacher, and what each teacher adds to it, seed by
    seed the same start and the same views, with the 95 % interval of the paired t test."""
    teachers = sorted({run.teacher for run in runs} - {NO_TEACHER})
    columns = (
        Column("Student", "left"), Column("Epochs"), Column("AUC alone"),
        *(Column(f"with {teacher}") for teacher in teachers),
    )  # fmt: skip
    rows = tuple(
        _row(size, epochs, [run for run in runs if (run.size, run.epochs) == (size, epochs)], teachers)
        for size, epochs in sorted({(run.size, run.epochs) for run in runs})
    )
    seeds, where = len({run.seed for run in runs}), ", ".join(sorted({run.made_on for run in runs}))
    return Table(
        "What a teacher adds to the AUC on the test images", columns, rows,
        (f"Mean of {seeds} seeds on labels alone, and what a teacher of five such networks adds: its 95 % interval is "
         "a paired t test's, strong where that leaves out 0. Students are neither pruned nor quantized yet. Desktop: "
         f"trained on {where}.",),
    )  # fmt: skip


def gain_page(runs: Sequence[Run], command: str) -> Page:
    """The table, the AUC by size with its spread over seeds, and what the students reach; `command` made the runs."""
    lengths = sorted({run.epochs for run in runs})
    sizes = {epochs: {run.size for run in runs if run.epochs == epochs} for epochs in lengths}
    drawn = tuple(_by_size(runs, epochs) for epochs, of in sizes.items() if len(of) > 1)  # one size is no line
    return Page(
        title="What a teacher adds to a student",
        lead=("Each student learns from the labels alone, and from labels and a teacher, with the same start and the "
              "same views. The test images chose nothing.",),
        domain=CHEST_XRAY.domain,
        sections=(
            Section("What a teacher adds", (gain_table(runs),), True),
            Section("By the student's size", drawn),
            Section("What the students reach", (_reached(runs), Prose(_NOT_SHIPPED)), True),
        ),
        footer=(f"Made by `{command}`.",),
    )  # fmt: skip


_NOT_SHIPPED = (
    "These students are float networks and none of them is shipped: pruning and int8 come after, and a threshold that "
    "validation chooses moves accuracy and specificity against each other."
)


def _by_size(runs: Sequence[Run], epochs: int) -> Figure:
    lines = []
    for teacher in sorted({run.teacher for run in runs}, key=lambda name: (name != NO_TEACHER, name)):
        of = [run for run in runs if (run.teacher, run.epochs) == (teacher, epochs)]
        sizes = sorted({run.size for run in of})
        aucs = [[run.auc for run in of if run.size == size] for size in sizes]
        name = "labels alone" if teacher == NO_TEACHER else teacher
        spread = ([min(seeds) for seeds in aucs], [max(seeds) for seeds in aucs])
        lines.append(Series(name, sizes, [mean(seeds) for seeds in aucs], *spread))
    return curves(
        f"AUC on the test images after {epochs} epochs", lines, x="size, thousands of bytes", y="AUC",
        notes=("Means, and bands from the least to the greatest of the seeds.",),
    )  # fmt: skip


def _reached(runs: Sequence[Run]) -> Table:
    columns = (
        Column("Student", "left"), Column("Epochs"), Column("Teacher", "left"), Column("AUC"), Column("Accuracy"),
        Column("Specificity"), Column("Seeds"),
    )  # fmt: skip
    rows: list[Row] = []
    for size, epochs, teacher in sorted({(run.size, run.epochs, run.teacher) for run in runs}):
        of = [run for run in runs if (run.size, run.epochs, run.teacher) == (size, epochs, teacher)]
        figures = ([run.auc for run in of], [run.accuracy for run in of], [run.specificity for run in of])
        said = (f"{mean(seeds):.4f} ± {stdev(seeds) if len(seeds) > 1 else 0:.4f}" for seeds in figures)
        rows.append((f"{size} KB", str(epochs), teacher, *said, str(len(of))))
    return Table(
        "Students before pruning and quantization, on the test images", columns, tuple(rows),
        ("Mean ± standard deviation over the seeds, each at the threshold that validation chose.",),
    )  # fmt: skip


def _row(size: int, epochs: int, runs: Sequence[Run], teachers: Sequence[str]) -> Row:
    of = {teacher: {run.seed: run.auc for run in runs if run.teacher == teacher} for teacher in (NO_TEACHER, *teachers)}
    plain = of[NO_TEACHER]
    return (
        f"{size} KB", str(epochs), f"{mean(plain.values()):.4f}" if plain else None,
        *(_gain(plain, of[teacher]) for teacher in teachers),
    )  # fmt: skip


def _gain(plain: dict[int, float], taught: dict[int, float]) -> Cell | None:
    both = sorted(plain.keys() & taught.keys())
    if len(both) < 2:
        return None
    gain, (low, high) = mean_gain([plain[seed] for seed in both], [taught[seed] for seed in both])
    text = f"{gain:+.4f} ± {gain - low:.4f}"
    return Cell(text, mark="" if low <= 0 <= high else "strong", value=gain)
