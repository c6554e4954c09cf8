"""The answers of a model, as a table. In: rows of path, label, probabilities, raw outputs, real values."""

from collections.abc import Iterable, Sequence

from edgekit.report.document import Cell, Column, Table

_SHOWN = 8  # of the outputs; the JSON has all


def answers_table(
    rows: Sequence[tuple[str, str, Sequence[float], Sequence[int], Sequence[float]]],
) -> Table:
    """A row for each input: class and probability where the outputs are classes, else the values in real units."""
    classes = any(label for _, label, *_ in rows)
    middle = (Column("class", "left"), Column("probability")) if classes else (Column("values", "left"),)
    table = []
    for path, label, shares, outputs_q, values in rows:
        share = max(shares, default=0.0)
        said = (label, Cell(f"{share:.3f}", value=share)) if classes else (_some(f"{value:.5g}" for value in values),)
        table.append((path, *said, _some(map(str, outputs_q))))
    heads = (Column("input", "left"), *middle, Column("raw outputs", "left"))
    return Table("Answers", heads, tuple(table))


def _some(values: Iterable[str]) -> str:
    named = list(values)
    more = len(named) - _SHOWN
    return " ".join(named[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
