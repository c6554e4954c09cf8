"""What pruning brings on the board and what it costs: one student, pruned in several ways and trained on.

In: the runs that `tools/pruning_table` wrote, a JSON line each. Out: a table.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from edgekit.errors import EdgekitError
from edgekit.report.document import Column, Row, Table
from edgekit.values.codec import Invalid, from_json


@dataclass(frozen=True, slots=True)
class Run:
    """One student, and what it takes as int8, compiled for the ESP32.

    Attributes:
        way: how it was pruned.
        model_bytes: of the .tflite.
        flash_bytes: code and constants, by the cross compiler.
        ram_bytes: arena, input and output.
        instructions: of one run, counted on the emulated board.
        ms: of one run, estimated from what was counted.
        validation_auc: by which a way may be chosen.
        auc, accuracy: on the test images, the latter at the threshold that validation chose.
    """

    way: str
    seed: int
    model_bytes: int
    flash_bytes: int
    ram_bytes: int
    instructions: int
    ms: float
    validation_auc: float
    auc: float
    accuracy: float
    made_on: str


def read_runs(path: Path) -> list[Run]:
    """The runs in a file, a JSON line each; none where there is no file.

    Raises:
        EdgekitError: it cannot be read, or a line is no such run.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [from_json(Run, json.loads(line), "a run of tools/pruning_table") for line in lines]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, Invalid) as error:
        raise EdgekitError(
            f"{path} holds no runs of tools/pruning_table: {error}", "Name another, or remove it."
        ) from error


def pruning_table(runs: Sequence[Run]) -> Table:
    """A row for each way, in the order of the runs: means over its seeds, those of AUC and accuracy with their standard
    deviations."""
    columns = (
        Column("Student", "left"), Column(".tflite bytes"), Column("Flash"), Column("RAM"), Column("Instructions"),
        Column("Estimated ms"), Column("Validation AUC"), Column("Test AUC"), Column("Test accuracy"), Column("Seeds"),
    )  # fmt: skip
    ways = dict.fromkeys(run.way for run in runs)
    where = ", ".join(sorted({run.made_on for run in runs}))
    return Table(
        "What pruning brings on the board and what it costs",
        columns,
        tuple(_row(way, [run for run in runs if run.way == way]) for way in ways),
        (
            "Means over the seeds, ± the standard deviation. What a student takes is that of an int8 file with its "
            "weights, compiled for the ESP32: flash is code and constants, RAM arena, input and output, instructions "
            "are counted on the emulated board, milliseconds estimated from that count; no ESP32 has timed it. How it "
            f"answers is measured on the desktop, before int8. Trained on {where}.",
        ),
    )


def _row(way: str, runs: Sequence[Run]) -> Row:
    takes = ([run.model_bytes for run in runs], [run.flash_bytes for run in runs], [run.ram_bytes for run in runs],
             [run.instructions for run in runs])  # fmt: skip
    scores = ([run.validation_auc for run in runs], [run.auc for run in runs], [run.accuracy for run in runs])
    return (
        way, *(f"{mean(one):,.0f}" for one in takes), f"{mean(run.ms for run in runs):.1f}",
        *(f"{mean(one):.4f} ± {stdev(one) if len(one) > 1 else 0:.4f}" for one in scores), str(len(runs)),
    )  # fmt: skip
