"""What to build, as frozen dataclasses: every number that shapes a model, with its allowed range.

A recipe is saved as JSON beside every artefact that came of it.
"""

from dataclasses import dataclass

from edgekit.boards.board import ESP32
from edgekit.errors import EdgekitError
from edgekit.recipes.fields import choice, number, numbers
from edgekit.values.networks import StudentSpec


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
        ("resnet_tiny",) * 3,
        "resnet_tiny", "wide", "vgg_slim", "alexnet", "densenet121", "resnet18", "vgg19", "googlenet", "inception_v3",
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
    """Where the positive label begins, chosen on validation: see `metrics.decisions.choose_threshold`."""

    rule: str = choice("one-standard-error", "one-standard-error", "sensitivity")
    sensitivity: float = number(0.9, 0.01, 1)

    @property
    def kept_sensitivity(self) -> float | None:
        """The sensitivity that the threshold must keep; None by the one-standard-error rule."""
        return self.sensitivity if self.rule == "sensitivity" else None


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
    """What the board leaves to a model; by default what the classic ESP32 does."""

    flash_bytes: int = number(ESP32.room.flash_bytes, 1024, 16_777_216)
    arena_bytes: int = number(ESP32.room.arena_bytes, 1024, 4_194_304)
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
