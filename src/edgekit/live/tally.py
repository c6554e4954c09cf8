"""The running confusion: what the folders say beside what the board says.

In: pairs of truth and answer. Out: counts, and the table that the terminal draws.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

from edgekit.data.listing import key
from edgekit.report.document import Table
from edgekit.report.tables import matrix_table
from edgekit.values.task import Task


class Tally:
    """Counts of a run. `task`: None where the outputs are no classes, which have no confusion."""

    def __init__(self, task: Task | None) -> None:
        # the positive label last, as in every confusion of a report
        self.labels = () if task is None else (task.negative, task.positive) if task.positive else task.labels
        self._by_key = {key(label): label for label in self.labels}
        self.matrix = [[0] * len(self.labels) for _ in self.labels]  # [truth][answer]
        self.answered = self.skipped = 0

    def truth_of(self, path: str) -> str:
        """The label that a folder above the picture is called by, the nearest that is one; empty where none is."""
        folders = PurePosixPath(path).parts[-2::-1]
        return next((self._by_key[key(name)] for name in folders if key(name) in self._by_key), "")

    def add(self, truth: str, answer: str) -> None:
        """One answer more; `truth` is empty where no folder says it."""
        self.answered += 1
        if truth:
            self.matrix[self.labels.index(truth)][self.labels.index(answer)] += 1

    @property
    def labelled(self) -> int:
        """Answered pictures of which a folder says the class."""
        return sum(map(sum, self.matrix))

    @property
    def right(self) -> int:
        """Those that were answered right."""
        return sum(row[at] for at, row in enumerate(self.matrix))

    def in_words(self) -> str:
        """The counts as a line."""
        pictures = "1 picture" if self.answered == 1 else f"{self.answered:,} pictures"
        right = f", {self.right:,} of {self.labelled:,} right" if self.labelled else ""
        skipped = f", {self.skipped:,} not read" if self.skipped else ""
        return f"{pictures} answered{right}{skipped}"

    def tables(self) -> Sequence[Table]:
        """The confusion, where folders gave any label."""
        return [matrix_table(self.labels, self.matrix, self.labelled)] if self.labelled else []
