"""What to build, as frozen dataclasses: every number that shapes a model, with its allowed range.

In: a name (`esp32`, `paper`, `demo`, `smoke`), JSON, or `field=value` words. Out: a `Recipe` whose values are all
valid. A recipe is saved as JSON beside every artefact that came of it.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.artifacts import StudentSpec
from edgekit.errors import EdgekitError
from edgekit.fields import built, choice, number, numbers, replaced


@dataclass(frozen=True, slots=True)
class DataRecipe:
    """How a data set is split. `split_seed` alone decides who is in validation: it is not a training seed."""

    val_fraction: float = number(0.15, 0.02, 0.5)
    test_fraction: float = number(0.2, 0.02, 0.5)  # used only where a data set brings no test set of its own
    split_seed: int = number(0, 0, 2**31 - 1)
    calibration_images: int = number(256, 8, 5000)


@dataclass(frozen=True, slots=True)
class AugmentRecipe:
    """Random views of the training images, drawn anew for every batch. Ranges are uniform, those of aspect, gamma and
    a crop's proportions in their logarithm; 0 switches off."""

    flip: float = number(0.5, 0, 1)  # probability of a left-right mirror
    rotate_deg: float = number(10.0, 0, 180)
    translate: float = number(0.08, 0, 0.5)  # share of the side
    scale: float = number(0.15, 0, 0.9)  # zoom in [1 - scale, 1 + scale]
    aspect: float = number(0.0, 0, 3)  # width over height, multiplied by up to 1 + aspect either way
    shear_deg: float = number(0.0, 0, 45)
    crop: float = number(1.0, 0.05, 1)  # smallest area share of a random resized crop; 1 takes the whole image
    brightness: float = number(0.15, 0, 1)  # added, in units of white
    contrast: float = number(0.3, 0, 1)  # multiplied, in [1 - contrast, 1 + contrast]
    gamma: float = number(0.3, 0, 2)  # exponent in [exp(-gamma), exp(gamma)]
    blur: float = number(0.0, 0, 1)  # probability of a 3x3 binomial blur
    noise_std: float = number(0.02, 0, 1)  # Gaussian, drawn per image up to this deviation
    erase: float = number(0.0, 0, 1)  # probability of one grey rectangle of up to a quarter of the area


@dataclass(frozen=True, slots=True)
class FitRecipe:
    """One training run."""

    epochs: int = number(40, 1, 2000)
    batch_size: int = number(64, 2, 4096)  # BatchNorm needs two
    learning_rate: float = number(2e-3, 1e-7, 10)
    schedule: str = choice("cosine", "cosine", "step")
    warmup_epochs: float = number(1.0, 0, 100)  # cosine only
    step_epochs: int = number(3, 1, 1000)  # step only: the rate is multiplied by step_factor every so many epochs
    step_factor: float = number(0.5, 0.01, 1)
    optimizer: str = choice("adamw", "adamw", "adam")  # adam adds weight_decay to the gradient (L2), as the paper did
    weight_decay: float = number(0.02, 0, 10)
    label_smoothing: float = number(0.0, 0, 0.5)
    balanced: bool = True  # weighs the classes equally in the loss
    ema_decay: float = number(0.0, 0, 0.99999)  # averages the weights; 0 keeps the last


@dataclass(frozen=True, slots=True)
class TeachRecipe:
    """The ensemble. With `cross_fit` each member leaves out one fold of the patients, and an image's soft target
    comes only from members that never saw that patient: a teacher that has memorised its labels knows nothing dark.
    """

    networks: tuple[str, ...] = choice(
        ("compact",) * 3,
        "compact", "wide", "vgg_slim", "alexnet", "densenet121", "resnet18", "vgg19", "googlenet", "inception_v3",
        "mobilenet_v2",
    )  # fmt: skip
    weights: str = choice("none", "none", "imagenet")
    trunk: str = choice("fine-tuned", "fine-tuned", "frozen")
    combine: str = choice("mean", "mean", "vote")
    cross_fit: bool = True
    prune: bool = False
    input_size: int = number(128, 32, 512)
    views: int = number(2, 1, 50)  # frozen trunks: of each training image, the first as it is; each is a trunk pass
    fit: FitRecipe = FitRecipe()
    augment: AugmentRecipe = AugmentRecipe()


@dataclass(frozen=True, slots=True)
class StudentRecipe:
    """The student's shape: see `StudentSpec`."""

    input_size: int = number(96, 16, 512)
    channels: tuple[int, ...] = numbers((8, 16, 32, 64), 1, 1024)
    depths: tuple[int, ...] = numbers((1, 1, 1, 1), 1, 8)

    def spec(self) -> StudentSpec:
        """The spec, checked as a whole.

        Raises:
            EdgekitError: channels and depths differ in length, or the image is pooled away.
        """
        if len(self.channels) != len(self.depths):
            raise EdgekitError(
                f"student.channels has {len(self.channels)} stages and student.depths {len(self.depths)}.",
                "Give both the same length, e.g. --set student.channels=8,16,32,64 --set student.depths=1,1,1,1.",
            )
        if self.input_size % 2 ** len(self.channels):
            raise EdgekitError(
                f"student.input_size={self.input_size} cannot be halved {len(self.channels)} times.",
                f"Choose a multiple of {2 ** len(self.channels)}, or fewer stages.",
            )
        return StudentSpec(self.input_size, self.channels, self.depths)


@dataclass(frozen=True, slots=True)
class DistillRecipe:
    """loss = alpha * T^2 * CE(teacher at T, student at T) + beta * CE(labels, student at 1)."""

    teacher: bool = True  # False trains the student on labels alone
    plain_too: bool = True  # also trains the same student without a teacher, for the table
    alpha: float = number(0.9, 0, 10)
    beta: float = number(0.1, 0, 10)
    temperature: float = number(3.0, 0.1, 100)
    same_view: bool = False  # the teacher judges each view that the student sees; a change teaches the teachers anew
    fit: FitRecipe = FitRecipe()
    augment: AugmentRecipe = AugmentRecipe()


@dataclass(frozen=True, slots=True)
class PruneRecipe:
    """Zeroes weights under std(layer) / alpha. The alpha that zeroes most is kept among those whose validation
    balanced accuracy is at most `tolerance` below the best; 0 alphas prune nothing."""

    alphas: tuple[float, ...] = number((0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 15.0), 0.1, 1000)
    tolerance: float = number(0.0, 0, 0.5)
    fine_tune_epochs: int = number(0, 0, 1000)
    fine_tune_learning_rate: float = number(2e-4, 1e-7, 1)


@dataclass(frozen=True, slots=True)
class ThresholdRecipe:
    """Where pneumonia begins, chosen on validation: see `report.metrics.choose_threshold`."""

    rule: str = choice("one-standard-error", "one-standard-error", "sensitivity")
    sensitivity: float = number(0.9, 0.01, 1)


@dataclass(frozen=True, slots=True)
class ConvertRecipe:
    """The gate's limits: how far 99 % of logits may drift from PyTorch's, in units of their standard deviation."""

    float32_drift: float = number(1e-3, 0, 10)
    float16_drift: float = number(0.05, 0, 10)
    dynamic_drift: float = number(0.3, 0, 10)
    int8_drift: float = number(0.5, 0, 10)
    agreement: float = number(0.95, 0, 1)  # smallest share of check images with PyTorch's class


@dataclass(frozen=True, slots=True)
class EmbedRecipe:
    """What the board leaves to a model. ESP32: 4 MB flash with a 1.25 MB application partition by default, of
    520 KB SRAM some 300 KB of data RAM, the largest free block about 110 KB (ESP-IDF, measured by its users)."""

    flash_bytes: int = number(1_310_720, 1024, 16_777_216)
    arena_bytes: int = number(102_400, 1024, 4_194_304)
    model_bytes: int = number(40_700, 1024, 4_194_304)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All of a build. `seeds` are student trainings over one ensemble; the first is the one that is shipped."""

    name: str = "esp32"
    seeds: tuple[int, ...] = numbers((0, 1, 2), 0, 2**31 - 1, distinct=True)
    data: DataRecipe = DataRecipe()
    teach: TeachRecipe = TeachRecipe()
    student: StudentRecipe = StudentRecipe()
    distill: DistillRecipe = DistillRecipe()
    prune: PruneRecipe = PruneRecipe()
    threshold: ThresholdRecipe = ThresholdRecipe()
    convert: ConvertRecipe = ConvertRecipe()
    embed: EmbedRecipe = EmbedRecipe()


# Chosen on training images alone. Validation by patient hardly tells recipes apart (AUC 0.998 at 64, 96 and 128 pixels,
# no aspect), so the runs of tools/across_sources did, which scores sources of normals and pneumonia that were not
# trained on (60 epochs, seed 0; figures are means of IM + bacteria and IM + virus where nothing else is said):
# - aspect: the shape of the film, which still shows in an image that was squeezed into a square, gives the class away.
#   Without it the mean AUC of all four runs falls from 0.994 to 0.929 where the images are stretched at random; with
#   0.3 it is 0.987 and 0.983 (models/chest_xray/across_sources.jsonl). On the two runs 0.2 has 0.986 and 0.975, 0.3
#   0.982 and 0.980, 0.6 0.976 and 0.976.
# - 36 channels at the end, not 32: the mean of all four runs 0.9944 to 0.9934, with seed 1 0.9937 to 0.9927 (without
#   aspect).
# - vgg_slim: alone 0.980 as they are and stretched, the student 0.976 (aspect 0.6). compact at 128 pixels had 0.980,
#   too, with six times the parameters; vgg_slim at 96 pixels was no better.
# - same_view: the student of compact teachers 0.9904 (IM + bacteria) and 0.9941 (IM + virus), without 0.9893 and 0.9926
#   (without aspect).
# 64 pixels take 2.25 times fewer multiply-accumulates than 96. Set without a search: more epochs than before, for views
# that are harder (student 100 to 150, teachers 40 to 60), and the student's rate and averaging for the teachers, too.
_STRONG = AugmentRecipe(
    rotate_deg=12,
    translate=0.1,
    scale=0.2,
    aspect=0.3,
    brightness=0.2,
    contrast=0.5,
    gamma=0.6,
    blur=0.3,
    noise_std=0.04,
    erase=0.3,
)
ESP32 = Recipe(
    teach=TeachRecipe(
        networks=("vgg_slim",) * 5,
        input_size=64,
        fit=FitRecipe(epochs=60, learning_rate=5e-3, ema_decay=0.998),
        augment=_STRONG,
    ),
    student=StudentRecipe(input_size=64, channels=(8, 16, 24, 36), depths=(1, 1, 2, 2)),
    distill=DistillRecipe(
        alpha=0.5,
        beta=0.5,
        temperature=2.0,
        same_view=True,
        fit=FitRecipe(epochs=150, learning_rate=5e-3, ema_decay=0.998),
        augment=_STRONG,
    ),
    prune=PruneRecipe(fine_tune_epochs=5),
    threshold=ThresholdRecipe(rule="sensitivity", sensitivity=0.9),
)

_PAPER_AUGMENT = AugmentRecipe(
    flip=0.5, rotate_deg=0, translate=0, scale=0, crop=0.5, brightness=0, contrast=0, gamma=0, noise_std=0
)
_PAPER_FIT = FitRecipe(
    epochs=25,
    batch_size=32,
    learning_rate=1e-3,
    schedule="step",
    optimizer="adam",
    weight_decay=1.25e-4,
    balanced=False,
)
PAPER = Recipe(
    name="paper",
    seeds=(0,),
    student=StudentRecipe(channels=(8, 16, 40, 64)),  # four convolutions; with these widths 30 k parameters, as theirs
    teach=TeachRecipe(
        networks=("alexnet", "densenet121", "resnet18", "vgg19", "googlenet"),
        weights="imagenet",
        trunk="frozen",
        cross_fit=False,
        prune=True,
        input_size=224,
        fit=dataclasses.replace(_PAPER_FIT, epochs=50),
        augment=dataclasses.replace(_PAPER_AUGMENT, noise_std=0.05),
    ),
    distill=DistillRecipe(alpha=0.9, beta=0.1, temperature=3.0, fit=_PAPER_FIT, augment=_PAPER_AUGMENT),
)

# A minute of one core. With 6 and 10 epochs and alpha 0.9 the int8 student had an AUC of 0.86 on the drawn test films
# and a quarter of them wrong; with these 0.946 and a tenth.
DEMO = Recipe(
    name="demo",
    seeds=(0,),
    teach=TeachRecipe(networks=("compact",) * 2, input_size=64, fit=FitRecipe(epochs=16)),
    student=StudentRecipe(input_size=64),
    distill=DistillRecipe(alpha=0.5, beta=0.5, temperature=2.0, fit=FitRecipe(epochs=25, ema_decay=0.99)),
)

SMOKE = Recipe(
    name="smoke",
    seeds=(0,),
    data=DataRecipe(calibration_images=16),
    teach=TeachRecipe(networks=("compact", "vgg_slim"), input_size=32, fit=FitRecipe(epochs=1, batch_size=32)),
    student=StudentRecipe(input_size=32, channels=(4, 8), depths=(1, 1)),
    distill=DistillRecipe(same_view=True, fit=FitRecipe(epochs=2, batch_size=32)),
    prune=PruneRecipe(alphas=(1.0, 4.0), fine_tune_epochs=1),
    convert=ConvertRecipe(int8_drift=2.0, dynamic_drift=1.0, agreement=0.5),  # a two-epoch network's logits hardly vary
)

RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in (ESP32, PAPER, DEMO, SMOKE)}


def recipe_named(name: str, changes: Iterable[str] = ()) -> Recipe:
    """The recipe of that name, or the one saved in that .json, with `field=value` changes applied.

    Args:
        name: `esp32`, `paper`, `demo`, `smoke`, or a file such as the recipe.json beside a model.
        changes: e.g. `distill.temperature=3`.

    Raises:
        EdgekitError: unknown recipe or field, wrong type, value out of range; says which and what is allowed.
    """
    recipe = _saved(Path(name)) if name.endswith(".json") else RECIPES.get(name)
    if recipe is None:
        choices = ", ".join(RECIPES)
        raise EdgekitError(f"There is no recipe {name!r}.", f"Choose one of: {choices}; or give a recipe.json.")
    for change in changes:
        path, equals, text = change.partition("=")
        if not equals:
            raise EdgekitError(f"--set {change!r} has no '='.", "Write it as --set distill.temperature=3.")
        recipe = replaced(recipe, path.strip(), text.strip())
    recipe.student.spec()
    return recipe


def _saved(path: Path) -> Recipe:
    try:
        return from_dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        reason = error.strerror or error
        raise EdgekitError(f"{path} cannot be read: {reason}.", "Give the recipe.json beside a model.") from error
    except ValueError as error:  # JSON and UTF-8 errors are ValueErrors too
        raise EdgekitError(f"{path} is no recipe: {error}.", "Give the recipe.json beside a model.") from error


def to_dict(recipe: Any) -> dict[str, Any]:
    """The recipe, or a part of it, as JSON-ready values."""
    return dataclasses.asdict(recipe)


def from_dict(values: Mapping[str, Any]) -> Recipe:
    """The recipe of `to_dict`'s values.

    Raises:
        EdgekitError: an unknown field, a wrong type or a value out of range.
    """
    recipe: Recipe = built(Recipe, values)
    recipe.student.spec()
    return recipe
