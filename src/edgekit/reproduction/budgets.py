"""How much of the paper a run may cost: `full`, `cpu`, `smoke`.

In: a budget's name. Out: a `Budget`, the recipe of `build-model` with the sizes and sweeps around it.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from edgekit.errors import EdgekitError
from edgekit.recipes.build import Recipe
from edgekit.recipes.reading import recipe_named
from edgekit.recipes.recipe import ConvertRecipe, DataRecipe, Network, PruneRecipe, StudentRecipe, TeachRecipe, Weights
from edgekit.values.images import Size

PAPER = recipe_named("paper")
PAPER_ENSEMBLE = ("alexnet", "densenet121", "resnet18", "vgg19", "googlenet")
CHOUHAN_ENSEMBLE = ("alexnet", "densenet121", "resnet18", "inception_v3", "googlenet")
NETWORKS = ("alexnet", "densenet121", "resnet18", "vgg19", "googlenet", "inception_v3")


@dataclass(frozen=True, slots=True)
class Budget:
    """One way to run the paper.

    Attributes:
        recipe: of teachers, student, distillation, pruning and conversion; `teach.networks` and `teach.input_size` are
            set for each network in turn.
        sizes: side of each network's images in pixels.
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
        if what == "student":
            return self.recipe.student.size
        return self.sizes[what], self.sizes[what]

    def teach(self, network: str, weights: str) -> TeachRecipe:
        """The recipe of one network."""
        return dataclasses.replace(
            self.recipe.teach, networks=(cast(Network, network),), input_size=self.sizes[network],
            weights=cast(Weights, weights),
        )  # fmt: skip


_TEMPERATURES, _MIXES = (2.0, 3.0, 4.0, 5.0), ((0.9, 0.1), (0.7, 0.3), (0.5, 0.5), (0.3, 0.7))

FULL = Budget(
    name="full",
    recipe=dataclasses.replace(
        PAPER,
        # pruning is a step of its own here: the paper distils from the ensemble as it was trained
        teach=dataclasses.replace(PAPER.teach, prune=False),
        # what quantization costs is measured here, not gated: the gate only stops files that are broken
        convert=ConvertRecipe(dynamic_drift=1.0, int8_drift=2.0, agreement=0.5),
    ),
    sizes={name: 299 if name == "inception_v3" else 224 for name in NETWORKS},
    network_alphas=PAPER.prune.alphas,
    temperatures=_TEMPERATURES,
    mixes=_MIXES,
    sweep_seeds=3,
    weights="imagenet",
)

CPU = dataclasses.replace(
    FULL,
    name="cpu",
    recipe=dataclasses.replace(
        FULL.recipe,
        student=dataclasses.replace(PAPER.student, input_size=64),
        distill=dataclasses.replace(PAPER.distill, fit=dataclasses.replace(PAPER.distill.fit, epochs=12)),
    ),
    sizes={**dict.fromkeys(NETWORKS, 64), "vgg19": 32, "inception_v3": 80},
    network_alphas=(0.5, 1.0, 2.0, 4.0, 6.0, 15.0),
    sweep_seeds=1,
    weights="none",
    reductions=(
        "Networks see images of 64 pixels (VGG19: 32, Inception V3: 80) in place of 224 (299).",
        "The student sees 64 pixels in place of 96 and trains 12 epochs in place of 25; its rate is halved every 3 "
        "epochs, so that the last 13 would have moved it by less than a sixteenth of the first ones' steps.",
        "The networks' pruning sweep has 6 alphas in place of 11; the student's has all.",
        "The sweep over T and alpha/beta is run with the first seed alone.",
    ),
)

_SMOKE_FIT = dataclasses.replace(PAPER.teach.fit, epochs=3)
SMOKE_BUDGET = dataclasses.replace(
    CPU,
    name="smoke",
    recipe=Recipe(
        name="paper-smoke",
        seeds=(0,),
        data=DataRecipe(calibration_images=16),
        teach=dataclasses.replace(FULL.recipe.teach, fit=_SMOKE_FIT),
        student=StudentRecipe(input_size=32, channels=(4, 8), depths=(1, 1)),
        distill=dataclasses.replace(
            PAPER.distill, fit=dataclasses.replace(_SMOKE_FIT, epochs=20, learning_rate=1e-2, step_epochs=6)
        ),
        prune=PruneRecipe(alphas=(1.0, 2.0, 4.0, 15.0)),
        convert=FULL.recipe.convert,
    ),
    sizes={**dict.fromkeys(NETWORKS, 32), "alexnet": 64, "inception_v3": 80},  # alexnet takes 63 pixels, inception 75
    network_alphas=(1.0, 4.0),
    temperatures=(2.0, 3.0),
    mixes=((0.9, 0.1), (0.5, 0.5)),
    reductions=(
        "A rehearsal: a few small drawn X-rays and a few epochs show that everything runs; no figure means anything.",
    ),
)

BUDGETS: Mapping[str, Budget] = {budget.name: budget for budget in (FULL, CPU, SMOKE_BUDGET)}


def budget_named(name: str) -> Budget:
    """The budget of that name. Raises EdgekitError where there is none."""
    if name not in BUDGETS:
        raise EdgekitError(f"There is no budget {name!r}.", f"Choose one of: {', '.join(BUDGETS)}.")
    return BUDGETS[name]
