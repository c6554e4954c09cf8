"""What each further kilobyte buys: models of several sizes for the same task, side by side.

In: a folder of model folders, each with its card. Out: a table.
"""

from collections.abc import Mapping
from pathlib import Path

from edgekit.report.card import Card, load_card
from edgekit.report.document import Column, Row, Table

_PAPER: Row = ("the paper's student", "40,700", None, None, None, "0.9086", None, None)


def cards_in(folder: Path, task: tuple[str, ...] = ("NORMAL", "PNEUMONIA")) -> dict[str, Card]:
    """The cards `FOLDER/NAME/card.json` of that task's models by their names, the smallest model first.

    Raises:
        EdgekitError: as `load_card`.
    """
    cards = {path.parent.name: load_card(path) for path in sorted(folder.glob("*/card.json"))}
    of_task = {name: card for name, card in cards.items() if card.output.classes == task}
    return dict(sorted(of_task.items(), key=lambda item: item[1].model.bytes))


def frontier_table(cards: Mapping[str, Card]) -> Table:
    """A row a model: bytes, RAM and estimated time of its compiled C, and the means over its seeds on the test images,
    each seed at the threshold that validation chose; the paper's student last."""
    columns = (
        Column("Model", "left"), Column("Bytes"), Column("RAM"), Column("Estimated ms"), Column("AUC"),
        Column("Accuracy"), Column("Specificity"), Column("Seeds"),
    )  # fmt: skip
    rows = (*(_row(name, card) for name, card in cards.items()), _PAPER)
    return Table(
        "Chest X-ray students by size, on the test images", columns, rows,
        ("Mean ± standard deviation over the seeds, int8, at the threshold that validation chose for each. Desktop. "
         "RAM and milliseconds of `edgekit compile` are estimated for a classic ESP32 and were never timed on one.",),
    )  # fmt: skip


def _row(name: str, card: Card) -> Row:
    time = card.time
    figures = (card.seeds[name] for name in ("auc", "accuracy", "specificity"))
    return (
        f"`{name}`", f"{card.model.bytes:,}", f"{time.ram_bytes:,}" if time else None,
        f"{time.estimated_ms:.1f}" if time else None, *(f"{one.mean:.4f} ± {one.sd:.4f}" for one in figures),
        str(len(next(iter(card.seeds.values())).values)),
    )  # fmt: skip
