"""How much of the paper a run may cost: `full`, `cpu`, `smoke`.

In: a budget's name. Out: a `Budget`, the recipe of `build-model` with the sizes and sweeps around it. `budgets.json`
holds them, each as its changes to the one before, the first as changes to the recipe `paper`.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, cast

from edgekit.errors import EdgekitError
from edgekit.recipes.build import Recipe
from edgekit.recipes.reading import recipe_named
from edgekit.recipes.recipe import Network, TeachRecipe, Weights
from edgekit.values.codec import from_json, to_json
from edgekit.values.images import Size

PAPER_ENSEMBLE = ("alexnet", "densenet121", "resnet18", "vgg19", "googlenet")
CHOUHAN_ENSEMBLE = ("alexnet", "densenet121", "resnet18", "inception_v3", "googlenet")
NETWORKS = (*PAPER_ENSEMBLE, "inception_v3")


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
