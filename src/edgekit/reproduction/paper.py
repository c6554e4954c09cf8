"""What the paper printed, to stand beside what is found here, and the words of the report: `paper.json`.

"Combining deep learning model compression techniques": tables I to IV. Accuracies and pruned shares in [0, 1].
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from math import nan

from edgekit.report.document import Column, Row, Table


@dataclass(frozen=True, slots=True)
class Printed:
    """A row of a table: whose figures in words, and the figures, NaN where that table or row has none.

    Attributes:
        source: who found the figure that Table IV quotes.
        size: as Table IV prints it.
    """

    title: str
    accuracy: float
    pruned_accuracy: float = nan
    zeroed: float = nan
    alpha: float = nan
    precision: float = nan
    recall: float = nan
    f1: float = nan
    kilobytes: float = nan
    ratio: float = nan
    source: str = ""
    size: str = ""


PAPER_ENSEMBLE = ("alexnet", "densenet121", "resnet18", "vgg19", "googlenet")
CHOUHAN_ENSEMBLE = ("alexnet", "densenet121", "resnet18", "inception_v3", "googlenet")
NETWORKS = (*PAPER_ENSEMBLE, "inception_v3")
_PAPER = json.loads((files(__package__) / "paper.json").read_text("utf-8"))
TITLES: Mapping[str, str] = _PAPER["networks"]
SYSTEM_TITLES: Mapping[str, str] = {
    **TITLES, **{f"{name}-pruned": f"{title}, pruned" for name, title in TITLES.items()}, **_PAPER["systems"]
}  # fmt: skip
TEXTS: Mapping[str, str] = _PAPER["texts"]
# by network or system, in the paper's order
TABLE_1, TABLE_2, TABLE_3, TABLE_4 = (
    {name: Printed(**row) for name, row in _PAPER[f"rows {number}"].items()} for number in (1, 2, 3, 4)
)


def table(name: str, rows: Iterable[Row], **words: str) -> Table:
    """A table of these rows with its caption, columns and notes, filled with the words that were found out."""
    frame = _PAPER["frames"][name]
    columns = (
        Column(title, "left" if title in frame["left"] else "right", group)
        for group, titles in frame["columns"].items()
        for title in titles
    )
    notes = (note.format(**_PAPER["words"], **words) for note in frame["notes"])
    return Table(frame["caption"].format(**words), tuple(columns), tuple(rows), tuple(notes))
