"""What must be done for the parts of the paper that are asked for, and in which order it can be.

In: a budget, seeds, parts. Out: units of work, each after those it needs.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edgekit.errors import EdgekitError
from edgekit.pipeline.stages import VARIANTS
from edgekit.reproduction.budgets import NETWORKS, PAPER_ENSEMBLE, Budget

PARTS = ("table1", "table2", "table3", "table4", "figure3", "figure4", "pruning", "temperature")


@dataclass(frozen=True, slots=True)
class Unit:
    """One piece of work; `Work.do` does it.

    Attributes:
        kind: `teach`, `prune_network`, `timing`, `student`, `prune_student`, `convert`, `score` or `audit`.
        what: the network; the student's training (`conventional`, or `distilled`); the .tflite variant.
        alpha: of pruning.
        temperature, mix: of a distillation; None for the recipe's own.
    """

    kind: str
    what: str = ""
    seed: int = 0
    alpha: float | None = None
    temperature: float | None = None
    mix: tuple[float, float] | None = None

    def __str__(self) -> str:
        """For progress and messages: `prune_network densenet121, alpha 4, seed 0`."""
        words = [f"{self.kind} {self.what}".strip()]
        words += [] if self.alpha is None else [f"alpha {self.alpha:g}"]
        words += [] if self.temperature is None else [f"T {self.temperature:g}"]
        words += [] if self.mix is None else [f"alpha/beta {self.mix[0]:g}/{self.mix[1]:g}"]
        return ", ".join(words if self.kind == "audit" else [*words, f"seed {self.seed}"])

    def needs(self, budget: Budget) -> tuple["Unit", ...]:
        """The units whose results this one takes."""
        match self.kind:
            case "prune_network":
                return (Unit("teach", self.what, self.seed),)
            case "student" if self.what == "distilled":
                return tuple(Unit("teach", network, self.seed) for network in PAPER_ENSEMBLE)
            case "prune_student":
                return (Unit("student", "distilled", self.seed),)
            case "convert":
                return tuple(Unit("prune_student", "", self.seed, alpha) for alpha in budget.recipe.prune.alphas)
            case "score":
                return (Unit("convert", "", self.seed),)
        return ()


def plan(budget: Budget, seeds: Sequence[int], parts: Iterable[str] = PARTS) -> tuple[Unit, ...]:
    """Every unit that the parts need, once, each after those it needs; see `_turn`.

    Raises:
        EdgekitError: there is no such part.
    """
    parts = tuple(parts)
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise EdgekitError(f"There is no part {', '.join(unknown)}.", f"--only takes: {', '.join(PARTS)}.")
    found: dict[Unit, None] = {}

    def add(unit: Unit) -> None:
        for needed in unit.needs(budget):
            add(needed)
        found.setdefault(unit)

    for order, seed in enumerate(seeds):
        for part in PARTS:
            if part in parts:
                for unit in _wanted(part, budget, seed, order):
                    add(unit)
    add(Unit("audit"))
    return tuple(sorted(found, key=lambda unit: _turn(unit, seeds)))


def _turn(unit: Unit, seeds: Sequence[int]) -> tuple[bool, int, int]:
    """What most of the report needs comes first, seed by seed, and the sweeps last: a run that is stopped early has
    whole tables. No kind needs one that comes after it."""
    swept = unit.temperature is not None or unit.mix is not None
    turn = _TURNS.index("sweep" if swept else unit.kind)
    return turn >= _TURNS.index("prune_network"), 0 if unit.kind == "audit" else seeds.index(unit.seed), turn


_TURNS = ("teach", "student", "prune_student", "convert", "score", "audit", "timing", "prune_network", "sweep")
_TAUGHT = {"table1": PAPER_ENSEMBLE, "table4": NETWORKS, "figure3": NETWORKS, "pruning": NETWORKS}
_PRUNED = {"table1": PAPER_ENSEMBLE, "table4": PAPER_ENSEMBLE, "pruning": NETWORKS}


def _wanted(part: str, budget: Budget, seed: int, order: int) -> Iterator[Unit]:
    """What a part needs of one seed, itself the `order`-th."""
    distilled = Unit("student", "distilled", seed)
    yield from (Unit("teach", network, seed) for network in _TAUGHT.get(part, ()))
    if part in ("table2", "table4", "figure4"):
        yield from (Unit("student", "conventional", seed), distilled)
    if part in ("table2", "pruning"):
        yield from (Unit("prune_student", "", seed, alpha) for alpha in budget.recipe.prune.alphas)
    if part in ("table3", "table4"):
        yield from (Unit("score", variant, seed) for variant in VARIANTS)
    if part == "temperature" and order < budget.sweep_seeds:
        yield from (distilled, *sweep(budget, seed))
    for network in _PRUNED.get(part, ()):
        yield from (Unit("prune_network", network, seed, alpha) for alpha in budget.network_alphas)
    if part == "table4" and order == 0:
        yield from (Unit("timing", network, seed) for network in NETWORKS)


def sweep(budget: Budget, seed: int) -> Iterator[Unit]:
    """The distillations at another T, or another alpha/beta, than the recipe's."""
    own = budget.recipe.distill
    for temperature in budget.temperatures:
        if temperature != own.temperature:
            yield Unit("student", "distilled", seed, temperature=temperature)
    for mix in budget.mixes:
        if mix != (own.alpha, own.beta):
            yield Unit("student", "distilled", seed, mix=mix)
