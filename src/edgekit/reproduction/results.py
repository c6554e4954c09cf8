"""What a reproduction found, as values: every system with its scores by seed, the sweeps, the curves.

`reading` makes them. What was not run, or failed, is not there; nothing is filled in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.data.audit import Audit
from edgekit.metrics.decisions import decide
from edgekit.metrics.paired import mcnemar
from edgekit.training.magnitude import most_pruned
from edgekit.values.evaluation import EvalReport, Threshold
from edgekit.values.images import DataInfo

# the class of the greater logit, as the paper decides; equal ones are negative, as without a threshold
ARGMAX = Threshold(np.nextafter(0.5, 1), 1)


@dataclass(frozen=True, slots=True)
class Scored:
    """A system of one seed on the test set.

    Attributes:
        logits: [N, 2] on test.
        argmax: scores where the greater logit decides, as in the paper.
        chosen: scores at the threshold that validation chose.
        scale: of an int8 model's output; 1 for float logits.
    """

    logits: NDArray[Any]
    argmax: EvalReport
    chosen: EvalReport
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class System:
    """One system over the seeds that were run. `bytes` of its parameters as float32, or of its file."""

    seeds: Mapping[int, Scored]
    bytes: int
    image_us: float | None = None
    gzip_bytes: int | None = None

    @property
    def first(self) -> Scored:
        """Of the first seed."""
        return next(iter(self.seeds.values()))

    def values(self, name: str, at: str = "argmax") -> list[float]:
        """A figure of the reports, by seed."""
        return [float(getattr(getattr(one, at), name)) for one in self.seeds.values()]


@dataclass(frozen=True, slots=True)
class Choice:
    """An alpha that a set chose, and what it gives on test."""

    alpha: float
    zeroed: float
    test_accuracy: float


@dataclass(frozen=True, slots=True)
class PruningSweep:
    """The sweep of one network or student over alpha, by seed; infinity: without pruning.

    Attributes:
        alphas: [A], ascending, infinity last.
        zeroed, val, test: [seeds, A], the share of zeroed weights and accuracies.
    """

    alphas: tuple[float, ...]
    zeroed: NDArray[np.float64]
    val: NDArray[np.float64]
    test: NDArray[np.float64]
    seeds: tuple[int, ...]

    def choice(self, row: int, on: str) -> Choice:
        """By the paper's rule, the best accuracy and of those what prunes most, on `val`, or on `test` as it did."""
        at = most_pruned(getattr(self, on)[row].tolist(), self.zeroed[row].tolist())
        return Choice(self.alphas[at], float(self.zeroed[row, at]), float(self.test[row, at]))


@dataclass(frozen=True, slots=True)
class Distillation:
    """One point of the sweep over T and alpha/beta: accuracies of `seeds`, which are the same in all points."""

    temperature: float
    mix: tuple[float, float]
    seeds: tuple[int, ...]
    val: tuple[float, ...]
    test: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one network's training, in passes of its trunk over the training set; `head` is that of all its epochs."""

    trunk: int
    head: float


@dataclass(frozen=True, slots=True)
class Results:
    """Everything, by name. Systems: the networks, `NETWORK-pruned`, `mean`, `vote`, `mean-pruned`, `vote-pruned`,
    `chouhan`, `chouhan-mean`, `conventional`, `distilled`, `pruned`, and the files `float32`, `float16`,
    `dynamic`, `int8`.

    Attributes:
        histories: [seeds, epochs, 3, 2] by network or student: loss and accuracy on train, val and test.
    """

    info: DataInfo
    labels: NDArray[np.int64]
    systems: Mapping[str, System]
    prunings: Mapping[str, PruningSweep]
    histories: Mapping[str, NDArray[np.float32]]
    distillations: tuple[Distillation, ...]
    costs: Mapping[str, Cost]
    audit: Audit | None

    def choices(self, name: str, on: str) -> list[Choice]:
        """What each seed's sweep of a network or the `student` chose on `val` or `test`; empty where none was run."""
        sweep = self.prunings.get(name)
        return [sweep.choice(row, on) for row in range(len(sweep.seeds))] if sweep else []

    def mcnemar(self, one: str, other: str) -> list[float]:
        """p by seed, for the seeds that both have: do they err equally often on the same images?"""
        a, b = (self.systems[name].seeds if name in self.systems else {} for name in (one, other))
        right = [[decide(one[seed].logits, self.info.task) == self.labels for one in (a, b)] for seed in a if seed in b]
        return [mcnemar(*both).p for both in right]
