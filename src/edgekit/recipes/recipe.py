"""The parts of a recipe, as frozen dataclasses: every number that shapes a model, with its allowed range.

Training and conversion take these; `build` puts them together.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from edgekit.errors import EdgekitError
from edgekit.values.images import Size
from edgekit.values.limits import Between, Several, Sides
from edgekit.values.networks import Kind, StudentSpec
from edgekit.values.task import Task

Network = Literal[
    "resnet_tiny", "wide", "vgg_slim", "alexnet", "densenet121", "resnet18", "vgg19", "googlenet", "inception_v3",
    "mobilenet_v2", "efficientnet_lite0",
]  # fmt: skip
Weights = Literal["none", "imagenet"]
CHANNELS = "student.channels are the filters of each stage; grey or RGB is data.channels: 1 or 3."
_LEAST_ALPHA = 0.1


def in_words(size: Size) -> str:
    """A size as `--set` takes it: 64 of a square, else 48x64, the height first."""
    return str(size[0]) if size[0] == size[1] else f"{size[0]}x{size[1]}"


def _both(sides: int | Size) -> Size:
    return (sides, sides) if isinstance(sides, int) else sides


@dataclass(frozen=True, slots=True)
class DataRecipe:
    """What is asked of a data set, and how it is split. `split_seed` alone decides who is in validation: it is not a
    training seed."""

    channels: Literal["auto", 1, 3] = "auto"  # 1 grey, 3 RGB; auto: as the pictures are
    positive: str = ""  # of two classes the one that is looked for; empty: the one that the data set names
    mirror: Literal["auto", "yes", "no"] = "auto"  # may training mirror the pictures? auto: where the data set says so

    val_fraction: Annotated[float, Between(0.02, 0.5)] = 0.15
    test_fraction: Annotated[float, Between(0.02, 0.5)] = 0.2  # where a data set brings no test set
    split_seed: Annotated[int, Between(0, 2**31 - 1)] = 0
    calibration_images: Annotated[int, Between(8, 5000)] = 256


@dataclass(frozen=True, slots=True)
class AugmentRecipe:
    """Random views of the training images, drawn anew for every batch. Ranges are uniform, those of aspect, gamma and
    a crop's proportions in their logarithm; 0 switches off."""

    flip: Annotated[float, Between(0, 1)] = 0.5  # probability of a left-right mirror
    rotate_deg: Annotated[float, Between(0, 180)] = 10.0
    translate: Annotated[float, Between(0, 0.5)] = 0.08  # share of the side
    scale: Annotated[float, Between(0, 0.9)] = 0.15  # zoom in [1 - scale, 1 + scale]
    aspect: Annotated[float, Between(0, 3)] = 0.0  # width over height, multiplied by up to 1 + aspect either way
    shear_deg: Annotated[float, Between(0, 45)] = 0.0
    crop: Annotated[float, Between(0.05, 1)] = 1.0  # smallest area share of a random resized crop; 1: the whole image
    brightness: Annotated[float, Between(0, 1)] = 0.15  # added, in units of white
    contrast: Annotated[float, Between(0, 1)] = 0.3  # multiplied, in [1 - contrast, 1 + contrast]
    gamma: Annotated[float, Between(0, 2)] = 0.3  # exponent in [exp(-gamma), exp(gamma)]
    blur: Annotated[float, Between(0, 1)] = 0.0  # probability of a 3x3 binomial blur
    noise_std: Annotated[float, Between(0, 1)] = 0.02  # Gaussian, drawn per image up to this deviation
    erase: Annotated[float, Between(0, 1)] = 0.0  # probability of one grey rectangle of up to a quarter of the area


@dataclass(frozen=True, slots=True)
class FitRecipe:
    """One training run."""

    epochs: Annotated[int, Between(1, 2000)] = 40
    batch_size: Annotated[int, Between(2, 4096)] = 64  # BatchNorm needs two
    learning_rate: Annotated[float, Between(1e-7, 10)] = 2e-3
    schedule: Literal["cosine", "step"] = "cosine"
    warmup_epochs: Annotated[float, Between(0, 100)] = 1.0  # cosine only
    step_epochs: Annotated[int, Between(1, 1000)] = 3  # step only: every so many the rate is multiplied by step_factor
    step_factor: Annotated[float, Between(0.01, 1)] = 0.5
    optimizer: Literal["adamw", "adam"] = "adamw"  # adam adds weight_decay to the gradient (L2), as the paper did
    weight_decay: Annotated[float, Between(0, 10)] = 0.02
    label_smoothing: Annotated[float, Between(0, 0.5)] = 0.0
    balanced: bool = True  # weighs the classes equally in the loss
    ema_decay: Annotated[float, Between(0, 0.99999)] = 0.0  # averages the weights; 0 keeps the last


@dataclass(frozen=True, slots=True)
class TeachRecipe:
    """The ensemble. With `cross_fit` each member leaves out one fold of the patients, and an image's soft target
    comes only from members that never saw that patient: a teacher that has memorised its labels has nothing to add to
    them.
    """

    networks: tuple[Network, ...] = ("resnet_tiny",) * 3
    weights: Weights = "none"
    trunk: Literal["fine-tuned", "frozen"] = "fine-tuned"
    combine: Literal["mean", "vote"] = "mean"
    cross_fit: bool = True
    prune: bool = False
    input_size: Annotated[int | Size, Sides(32, 512)] = 128  # of a square, or (height, width)
    views: Annotated[int, Between(1, 50)] = 2  # frozen trunks: views of each training image, a trunk pass each
    fit: FitRecipe = FitRecipe()
    augment: AugmentRecipe = AugmentRecipe()

    @property
    def size(self) -> Size:
        """Of the images that the members are trained on, (height, width)."""
        return _both(self.input_size)


@dataclass(frozen=True, slots=True)
class StudentRecipe:
    """The student's shape: see `StudentSpec`, which says what a block is."""

    input_size: Annotated[int | Size, Sides(16, 512)] = 96  # of a square, or (height, width)
    channels: Annotated[tuple[int, ...], Between(1, 1024), Several()] = (8, 16, 32, 64)
    depths: Annotated[tuple[int, ...], Between(1, 8), Several()] = (1, 1, 1, 1)
    block: Kind = "vgg"
    stem_stride: Literal[1, 2] = 1  # of the first convolution
    expansion: Annotated[int, Between(1, 8)] = 4  # of `inverted` blocks: their inner channels

    @property
    def size(self) -> Size:
        """Of its images, (height, width)."""
        return _both(self.input_size)

    def spec(self, task: Task) -> StudentSpec:
        """The student that answers the task. Raises as `check`."""
        self.check()
        return StudentSpec(
            (*self.size, task.channels), len(task.labels), self.channels, self.depths, self.block, self.stem_stride,
            self.expansion,
        )  # fmt: skip

    def check(self) -> None:
        """Checks the shape as a whole.

        Raises:
            EdgekitError: channels and depths differ in length, or the image is pooled away.
        """
        if len(self.channels) != len(self.depths):
            meant = f" {CHANNELS}" if self.channels in ((1,), (3,)) else ""
            raise EdgekitError(
                f"student.channels has {len(self.channels)} stages and student.depths {len(self.depths)}.",
                "Give both the same length, e.g. --set student.channels=8,16,32,64 --set student.depths=1,1,1,1."
                + meant,
            )
        shrinks = self.stem_stride * 2 ** len(self.channels)
        if any(side % shrinks for side in self.size):
            stem = "" if self.stem_stride == 1 else f" behind a first convolution of stride {self.stem_stride}"
            raise EdgekitError(
                f"student.input_size={in_words(self.size)} cannot be halved {len(self.channels)} times{stem}.",
                f"Choose {'a multiple' if len({*self.size}) == 1 else 'multiples'} of {shrinks}, or fewer stages.",
            )


@dataclass(frozen=True, slots=True)
class DistillRecipe:
    """loss = alpha * T^2 * CE(teacher at T, student at T) + beta * CE(labels, student at 1)."""

    teacher: bool = True  # False trains the student on labels alone
    plain_too: bool = True  # also trains the same student without a teacher, for the table
    alpha: Annotated[float, Between(0, 10)] = 0.9
    beta: Annotated[float, Between(0, 10)] = 0.1
    temperature: Annotated[float, Between(0.1, 100)] = 3.0
    same_view: bool = False  # the teacher judges each view that the student sees; a change teaches the teachers anew
    fit: FitRecipe = FitRecipe()
    augment: AugmentRecipe = AugmentRecipe()


@dataclass(frozen=True, slots=True)
class PruneRecipe:
    """What of a student goes: small weights, which are zeroed (`magnitude`: those under std(layer) / alpha, as the
    paper did; 0 alphas prune nothing), or whole channels, by their batch-norm's scale or by a Taylor score of the loss,
    a copy of the student for each of `fractions`. The alpha or the fraction that takes most is kept among those whose
    validation balanced accuracy is at most `tolerance` below the best, of channels after training on. Teachers are
    pruned by magnitude."""

    method: Literal["magnitude", "batch_norm", "taylor"] = "magnitude"
    fractions: Annotated[tuple[float, ...], Between(0.01, 0.99), Several(distinct=True)] = (0.125, 0.25, 0.375, 0.5)
    alphas: Annotated[tuple[float, ...], Between(_LEAST_ALPHA, 1000)] = (
        0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 15.0,
    )  # fmt: skip
    tolerance: Annotated[float, Between(0, 0.5)] = 0.0
    cluster: bool = False  # of a student: each convolution's weights take at most 16 values, which compile to 4 bits
    fine_tune_epochs: Annotated[int, Between(0, 1000)] = 0
    fine_tune_learning_rate: Annotated[float, Between(1e-7, 1)] = 2e-4


@dataclass(frozen=True, slots=True)
class ThresholdRecipe:
    """Where the positive label begins, chosen on validation: see `metrics.decisions.choose_threshold`."""

    rule: Literal["one-standard-error", "sensitivity"] = "one-standard-error"
    sensitivity: Annotated[float, Between(0.01, 1)] = 0.9

    @property
    def kept_sensitivity(self) -> float | None:
        """The sensitivity that the threshold must keep; None by the one-standard-error rule."""
        return self.sensitivity if self.rule == "sensitivity" else None


@dataclass(frozen=True, slots=True)
class QuantizeRecipe:
    """How the int8 model's ranges and biases are chosen, on the calibration images; and what is done where it drifts.

    Quantization-aware training has the float student for its teacher: see `training.aware`. Of the file as converted
    and the one that it gives, that is taken which is within the gate's limits, then the better on validation.
    """

    calibration: Literal["min_max", "percentile", "mse"] = "min_max"  # min_max: the converter's own, all values fit
    percentile: Annotated[float, Between(0.9, 1)] = 0.9999  # share of the values that a range holds; of `percentile`
    bias_correction: bool = False  # biases take back what rounded weights shift each channel by
    aware_epochs: Annotated[int, Between(0, 1000)] = 0  # of quantization-aware training; 0: never
    aware_drift: Annotated[float, Between(0, 10)] = 0.25  # of int8, as the gate measures it, from which they are done
    aware_learning_rate: Annotated[float, Between(1e-7, 10)] = 1e-3
    activations: Literal["int8", "int16"] = "int8"  # int16: 16x8, with int8 weights and ends; twice the RAM

    def check(self) -> None:
        """Raises EdgekitError: int16 activations, whose ranges are the converter's, with another remedy."""
        if self.activations == "int16" and (self.calibration != "min_max" or self.bias_correction or self.aware_epochs):
            raise EdgekitError(
                "quantize.activations=int16 goes with the converter's own ranges and biases alone.",
                "Leave out quantize.calibration, quantize.bias_correction and quantize.aware_epochs, or take int8.",
            )


@dataclass(frozen=True, slots=True)
class ConvertRecipe:
    """The gate's limits: how far 99 % of logits may drift from PyTorch's, in units of their standard deviation."""

    float32_drift: Annotated[float, Between(0, 10)] = 1e-3
    float16_drift: Annotated[float, Between(0, 10)] = 0.05
    dynamic_drift: Annotated[float, Between(0, 10)] = 0.3
    int8_drift: Annotated[float, Between(0, 10)] = 0.5
    agreement: Annotated[float, Between(0, 1)] = 0.95  # smallest share of check images with PyTorch's class


@dataclass(frozen=True, slots=True)
class SearchRecipe:
    """What `edgekit search` chooses among, and how long it trains before it chooses.

    The channels of a first stage are one of `widths`; each later stage has those before it times one of `growths`, made
    a multiple of 4.
    """

    input_sizes: Annotated[tuple[int, ...], Between(16, 512), Several(distinct=True)] = (32, 48, 64, 96)
    blocks: Annotated[tuple[Kind, ...], Several(distinct=True)] = get_args(Kind)
    stem_strides: Annotated[tuple[Literal[1, 2], ...], Several(distinct=True)] = (1, 2)
    stages: Annotated[tuple[int, ...], Between(1, 6), Several(distinct=True)] = (3, 4)
    widths: Annotated[tuple[int, ...], Between(1, 256), Several(distinct=True)] = (4, 8, 12, 16)
    growths: Annotated[tuple[float, ...], Between(1, 4), Several(distinct=True)] = (1.0, 1.5, 2.0)
    depths: Annotated[tuple[int, ...], Between(1, 8), Several(distinct=True)] = (1, 2)
    expansions: Annotated[tuple[int, ...], Between(1, 8), Several(distinct=True)] = (2, 4)  # of `inverted` blocks
    # the teacher's share of the loss (alpha; beta is the rest); 0: labels alone. Above 0 costs a teacher a fold.
    distill_weights: Annotated[tuple[float, ...], Between(0, 1), Several(distinct=True)] = (0.0,)
    prune_alphas: Annotated[tuple[float, ...], Between(0, 1000), Several(distinct=True)] = (0.0,)  # 0: not pruned
    rungs: Annotated[tuple[int, ...], Between(1, 2000), Several(distinct=True)] = (8, 24)  # epochs, ascending
    keep_one_of: Annotated[int, Between(2, 16)] = 3  # of a rung's students go on to the next
    finalists: Annotated[int, Between(1, 100)] = 4  # are trained in full, with every seed of the recipe
    folds: Annotated[int, Between(2, 16)] = 4  # where the data set names no sources

    def check(self, epochs: int) -> None:
        """Raises EdgekitError: the rungs do not ascend, or do not end before a full training of so many epochs; an
        alpha that `prune.alphas` does not take."""
        if list(self.rungs) != sorted(self.rungs) or self.rungs[-1] > epochs:
            raise EdgekitError(
                f"search.rungs={','.join(map(str, self.rungs))} do not ascend to at most distill.fit.epochs={epochs}.",
                "Give them in order, e.g. --set search.rungs=8,24 --set distill.fit.epochs=60.",
            )
        if small := [alpha for alpha in self.prune_alphas if 0 < alpha < _LEAST_ALPHA]:
            raise EdgekitError(
                f"search.prune_alphas holds {small[0]:g}: prune.alphas begins at {_LEAST_ALPHA}.",
                "Give 0, which prunes nothing, or larger ones: --set search.prune_alphas=0,2,4.",
            )
