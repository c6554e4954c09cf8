"""What must be done for the parts of the paper that are asked for, in which order it can be, and what it may cost.

In: the name of a budget (`full`, `cpu`, `smoke`), seeds, parts. Out: a `Budget`, the recipe of `build-model` with the
sizes and sweeps around it; and units of work, each after those it needs.
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, cast

from edgekit.errors import EdgekitError
from edgekit.recipes.build import Recipe
from edgekit.recipes.reading import recipe_named
from edgekit.recipes.recipe import Network, TeachRecipe, Weights
from edgekit.reproduction.paper import NETWORKS, PAPER_ENSEMBLE
from edgekit.values.codec import from_json, to_json
from edgekit.values.images import Size
from edgekit.values.model import VARIANTS

PARTS = ("table1", "table2", "table3", "table4", "figure3", "figure4", "pruning", "temperature")


@dataclass(frozen=True, slots=True)
class Budget:
    """One way to run the paper.

    Attributes:
        recipe: of teachers, student, distillation, pruning and conversion; `teach.networks` and `teach.input_size` are
            set for each network in turn. `teach.prune` is off, because pruning is a step of its own here: the paper
            distils from the ensemble as it was trained. `convert` is wide: what quantization costs is measured here,
            and the gate only stops files that are broken.
        sizes: side of each network's images in pixels; AlexNet takes 63 at least, Inception V3 75.
        network_alphas: the pruning sweep of the networks; the student's is `recipe.prune.alphas`.
        temperatures, mixes: the sweep over T at the recipe's (alpha, beta), and over (alpha, beta) at its T.
        sweep_seeds: how many of the seeds the sweep over T and alpha/beta is run with.
        weights: where the networks' weights come from unless the user says otherwise: `none` or `imagenet`.
        reductions: what is smaller than in the paper, for the report.
    """

    name: str
    recipe: Recipe
    sizes: Mapping[str, int]
    network_alphas: tuple[float, ...]
    temperatures: tuple[float, ...]
    mixes: tuple[tuple[float, float], ...]
    sweep_seeds: int
    weights: str
    reductions: tuple[str, ...] = ()

    def size(self, what: str) -> Size:
        """(height, width) of the images of a network, or of the `student`."""
        return self.recipe.student.size if what == "student" else (self.sizes[what], self.sizes[what])

    def teach(self, network: str, weights: str) -> TeachRecipe:
        """The recipe of one network."""
        return dataclasses.replace(
            self.recipe.teach, networks=(cast(Network, network),), input_size=self.sizes[network],
            weights=cast(Weights, weights),
        )  # fmt: skip


def _budgets() -> Iterator[Budget]:
    """Of `budgets.json`: each as its changes to the one before, the first as changes to the recipe `paper`."""
    values: dict[str, Any] = {"recipe": to_json(recipe_named("paper"))}
    for name, changes in json.loads((files(__package__) / "budgets.json").read_text("utf-8")).items():
        values = _changed(values, {"name": name, **changes})
        yield from_json(Budget, values, "a budget", unknown_fields=False)


def _changed(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The values with those of `changes`, object by object."""
    new = {k: _changed(values.get(k, {}), v) if isinstance(v, dict) else v for k, v in changes.items()}
    return {**values, **new}


BUDGETS: Mapping[str, Budget] = {budget.name: budget for budget in _budgets()}


def budget_named(name: str) -> Budget:
    """The budget of that name. Raises EdgekitError where there is none."""
    if name not in BUDGETS:
        raise EdgekitError(f"There is no budget {name!r}.", f"Choose one of: {', '.join(BUDGETS)}.")
    return BUDGETS[name]


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
