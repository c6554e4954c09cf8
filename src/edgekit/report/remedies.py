"""What int8 costs two networks, and what each remedy gives back.

In: the runs that `tools/quantization_remedies` wrote, a JSON line each. Out: a table.
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
    """One file of a network.

    Attributes:
        network: in words.
        remedy: in words; of the float network `float`.
        changed: the file is another than the converter's.
        drift, agreement: as the gate measures them, on all validation images.
        test_agreement: the share of the test images on which the class is the float network's.
    """

    network: str
    remedy: str
    seed: int
    changed: bool
    drift: float
    agreement: float
    validation_accuracy: float
    test_agreement: float
    test_accuracy: float
    made_on: str


def read_runs(path: Path) -> list[Run]:
    """The runs in a file, a JSON line each; none where there is no file.

    Raises:
        EdgekitError: it cannot be read, or a line is no such run.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [from_json(Run, json.loads(line), "a run of tools/quantization_remedies") for line in lines]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, Invalid) as error:
        raise EdgekitError(
            f"{path} holds no runs of tools/quantization_remedies: {error}", "Name another, or remove it."
        ) from error


def remedies_table(runs: Sequence[Run]) -> Table:
    """A row for each network and remedy, in the order of the runs."""
    columns = (
        Column("Network", "left"), Column("Int8 file", "left"), Column("Drift"), Column("Same, val"),
        Column("Accuracy, val"), Column("Same, test"), Column("Accuracy, test"),
    )  # fmt: skip
    kinds = dict.fromkeys((run.network, run.remedy) for run in runs)
    rows = tuple(_row(*kind, [run for run in runs if (run.network, run.remedy) == kind]) for kind in kinds)
    seeds, where = len({run.seed for run in runs}), ", ".join(sorted({run.made_on for run in runs}))
    return Table(
        "What int8 costs, and what gives it back", columns, rows,
        (f"Mean ± standard deviation of {seeds} seeds. Drift: of 99 % of the logits, in standard deviations of the "
         "float network's. Same: the share of images on which the class is the float "
         "network's. The test images chose nothing. "
         f"Desktop: trained on {where}, run by TFLM.",),
    )  # fmt: skip


def _row(network: str, remedy: str, runs: Sequence[Run]) -> Row:
    if not any(run.changed for run in runs) and remedy not in ("float", "as converted"):
        return (network, f"{remedy}: not needed, no byte changes", *[None] * 5)
    shares = ("agreement", "validation_accuracy", "test_agreement", "test_accuracy")
    figures = [[100 * getattr(run, name) for run in runs] for name in shares]
    drift = None if remedy == "float" else _spread([run.drift for run in runs], 3)
    return (network, remedy, drift, *(f"{_spread(values, 1)} %" for values in figures))


def _spread(values: Sequence[float], digits: int) -> str:
    return f"{mean(values):.{digits}f} ± {stdev(values) if len(values) > 1 else 0:.{digits}f}"
