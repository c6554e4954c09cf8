"""The stages of a build that train, each cached by its content: teach, distill, prune. `converting` and `measure` have
those after them.

In: a recipe, a data set and the values of the stages before. Out: the values of a stage, from the cache or made now.
What stands here says what each stage depends on; how it is done is in `training`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgekit.data.sources import load_splits
from edgekit.files import key_of, sha256_of
from edgekit.pipeline.cache import Arrays, StageCache
from edgekit.recipes.build import Recipe
from edgekit.recipes.recipe import DistillRecipe, TeachRecipe
from edgekit.training.ensemble import combine, soft_targets
from edgekit.values.codec import to_json
from edgekit.values.images import DataInfo, ImageSet, ImageSplits, Size
from edgekit.values.model import TfliteModel
from edgekit.values.networks import Student, TeacherLogits
from edgekit.values.quantization import QuantizationFacts

HELD_OUT = ("val", "test")
_Part = TypeVar("_Part", TeachRecipe, DistillRecipe)


@dataclass(frozen=True, slots=True)
class Options:
    """What concerns this machine and not the model."""

    fresh: bool = False  # forget finished stages
    strict: bool = False  # stop at the first image that cannot be read
    weights_dir: Path | None = None  # of torchvision's weight files
    accelerator: str = "auto"  # or `cpu`, `cuda`, `mps`
    cache_dir: Path | None = None  # of decoded images; None for the user's cache
    command: str = "edgekit build-model"  # what the user typed, for the card
    on_stage: Callable[[str, bool], None] = lambda name, cached: None
    on_epoch: Callable[[int, int, float], None] = lambda done, total, loss: None  # of a stage; the mean loss
    on_warning: Callable[[str], None] = print  # of skipped images and the like


@dataclass(frozen=True, slots=True)
class Ensemble:
    """The teacher: its logits on train, on val and test, its size as float32. `weights` are its members', where they
    are to see the student's views."""

    logits: TeacherLogits
    held_out: Arrays
    bytes: int
    key: Any
    weights: tuple[Arrays, ...] = ()


@dataclass(frozen=True, slots=True)
class Trained:
    """A student, the key of the stage that made it, and its curves: float32 [epochs, 3, 2], cross-entropy and accuracy
    on a sample of train, on val and on test after each epoch (no sets where nobody watched). `sweep`, where it was
    pruned, is that of `report.pages.model.Evidence`."""

    student: Student
    key: str
    history: NDArray[Any] = field(default_factory=lambda: np.zeros((0, 3, 2), np.float32))
    sweep: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 3)))


@dataclass(frozen=True, slots=True)
class Files:
    """A student in every format (`float32`, `float16`, `dynamic`, `int8`), and the key of its conversion.

    `quantization`: how the int8 one came about; None where it is the converter's."""

    models: Mapping[str, TfliteModel]
    onnx: bytes
    key: str
    quantization: QuantizationFacts | None = None


@dataclass(slots=True)
class BuildStages:
    """One build's stages, by its recipe, on its data.

    Attributes:
        watch: measure students after each epoch, for their curves; a sixth more time.
        made_on: what trained the networks so far, in words.
        loaded: the data by image size; the stages of several recipes may share it.
    """

    recipe: Recipe
    data: str
    cache: StageCache
    options: Options
    watch: bool = False
    made_on: set[str] = field(default_factory=set)
    loaded: dict[Size, ImageSplits] = field(default_factory=dict)
    _data_keys: dict[Size, str] = field(default_factory=dict)

    def splits(self, size: Size) -> ImageSplits:
        """The data at one image size; loaded before anything is trained on it."""
        if size not in self.loaded:
            self.loaded[size] = load_splits(
                self.data, size, self.recipe.data,
                cache_dir=self.options.cache_dir, strict=self.options.strict, on_warning=self.options.on_warning,
            )  # fmt: skip
        return self.loaded[size]

    @property
    def student_splits(self) -> ImageSplits:
        """The data at the student's image size."""
        return self.splits(self.recipe.student.size)

    def teach(self) -> Ensemble | None:
        """The ensemble, each member a stage of its own; None where the recipe has no teacher."""
        recipe = self.recipe.teach
        if not self.recipe.distill.teacher or not recipe.networks:
            return None
        splits = self.splits(recipe.size)
        members, keys = zip(*(self.teach_member(member) for member in range(len(recipe.networks))), strict=True)
        held_out = {part: combine(np.stack([m[part] for m in members]), recipe.combine) for part in HELD_OUT}
        soft = soft_targets(np.stack([m["train"] for m in members]), splits.train, recipe)
        nets = [{name: value for name, value in m.items() if name.startswith("net.")} for m in members]
        weights = tuple({name.removeprefix("net."): value for name, value in net.items()} for net in nets)
        return Ensemble(
            TeacherLogits(soft, splits.train.ids), held_out, int(sum(m["parameters"] for m in members)) * 4,
            {"members": list(keys), "combine": recipe.combine}, weights,
        )  # fmt: skip

    def teach_member(self, member: int, seed: int = 0, name: str = "") -> tuple[Arrays, str]:
        """One member of the ensemble, and the stage's key: its logits on train, val and test, its parameters, the
        `history` [epochs, 3, 2], the head of a frozen trunk, and the `net` where it is to see the student's views."""
        splits = self.splits(self.recipe.teach.size)
        recipe, keep = suited(self.recipe.teach, splits.info), self.recipe.distill.same_view

        def make(checkpoint: Path) -> Arrays:
            from edgekit.training import fit, nets, prune_network, teach

            accelerator, told = nets.accelerator(self.options.accelerator), self.epochs(recipe.fit.epochs)
            taught = teach.train_member(
                splits.train, splits.info.task, recipe, member,
                fit.Training(seed, accelerator, checkpoint, on_epoch=told, on_warning=self.options.on_warning),
                held_out={part: getattr(splits, part) for part in HELD_OUT}, weights_dir=self.options.weights_dir,
            )  # fmt: skip
            found: dict[str, NDArray[Any]] = {"parameters": np.array(sum(p.numel() for p in taught.net.parameters()))}
            found |= {"history": taught.history, **{name: np.array(cost) for name, cost in taught.costs.items()}}
            if isinstance(taught.net, nets.Backbone):
                found |= {f"head.{part}": nets.to_numpy(p) for part, p in taught.net.head.named_parameters()}
            logits = taught.logits
            if recipe.prune:
                val = splits.val
                prune_network.prune_network(taught.net, val.images, val.labels, self.recipe.prune, accelerator)
                logits = {
                    part: teach.member_logits(taught.net, getattr(splits, part).images, recipe, accelerator)
                    for part in ("train", *HELD_OUT)
                }
            if keep:
                found |= {f"net.{part}": value.cpu().numpy() for part, value in taught.net.state_dict().items()}
            return {**found, **logits, "made_on": np.array(nets.accelerator_name(accelerator))}

        inputs = {
            "data": self.data_key(splits),
            "teach": {name: value for name, value in to_json(recipe).items() if name != "combine"},
            "prune": to_json(self.recipe.prune) if recipe.prune else None, "keep": keep, "member": member, "seed": seed,
        }  # fmt: skip
        arrays, key = self.cache.run(name or f"teach-{member}", inputs, make)
        return self.noted(arrays), key

    def distill(self, name: str, teacher: Ensemble | None, seed: int) -> Trained:
        """A student from scratch; without a teacher it learns from the labels alone."""
        splits = self.student_splits
        recipe = suited(self.recipe.distill, splits.info)
        spec = self.recipe.student.spec(splits.info.task)

        def make(checkpoint: Path) -> Arrays:
            from edgekit.training import distill, fit, nets

            accelerator, told = nets.accelerator(self.options.accelerator), self.epochs(recipe.fit.epochs)
            history = fit.History(_watched(splits) if self.watch else {})
            student = distill.distill(
                splits.train, self._teacher_for(splits, teacher, accelerator), spec, recipe,
                fit.Training(seed, accelerator, checkpoint, history, told, self.options.on_warning),
            )  # fmt: skip
            curves = np.stack(history.rows).reshape(recipe.fit.epochs, len(history.sets), 2)
            return {**student.weights, "history": curves, "made_on": np.array(nets.accelerator_name(accelerator))}

        used = ["fit", "augment", *(("alpha", "beta", "temperature", "same_view") if teacher else ())]
        inputs = {
            "data": self.data_key(splits), "teacher": teacher and teacher.key, "seed": seed,
            "student": to_json(spec), "distill": {name: to_json(recipe)[name] for name in used}, "watch": self.watch,
        }  # fmt: skip
        arrays, key = self.cache.run(name, inputs, make)
        weights = self.noted(arrays)
        return Trained(Student(spec, weights), key, weights.pop("history"))

    def prune(self, teacher: Ensemble | None, distilled: Trained, seed: int) -> Trained:
        """The student without its small weights or its least channels, by the sweep on validation."""
        recipe, splits = self.recipe.prune, self.student_splits
        by_channel = recipe.method != "magnitude"
        used = ("method", "fractions") if by_channel else ("alphas",)
        trainings = len(recipe.fractions) + recipe.cluster if by_channel else 1

        def make(checkpoint: Path) -> Arrays:
            from edgekit.training import fit, nets, prune, prune_channels

            accelerator = nets.accelerator(self.options.accelerator)
            training = fit.Training(
                seed, accelerator, on_epoch=self.epochs(trainings * recipe.fine_tune_epochs),
                on_warning=self.options.on_warning,
            )  # fmt: skip
            pruned, curve = (prune_channels.prune_channels if by_channel else prune.prune)(
                distilled.student, splits.train, splits.val, self._teacher_for(splits, teacher, accelerator), recipe,
                suited(self.recipe.distill, splits.info), training,
            )  # fmt: skip
            return {**pruned.weights, "curve": curve, "widths": np.array(pruned.spec.widths, np.int64),
                    "made_on": np.array(nets.accelerator_name(accelerator))}  # fmt: skip

        shared = ("tolerance", "cluster", "fine_tune_epochs", "fine_tune_learning_rate")
        inputs = {"student": distilled.key, "prune": {name: to_json(recipe)[name] for name in (*used, *shared)}}
        arrays, key = self.cache.run(f"prune-{seed}", inputs, make)
        weights = self.noted(arrays)
        curve, widths = weights.pop("curve"), tuple(map(int, weights.pop("widths")))
        return Trained(Student(replace(distilled.student.spec, widths=widths), weights), key, sweep=curve)

    def _teacher_for(self, splits: ImageSplits, teacher: Ensemble | None, accelerator: Any) -> Any:
        """As `training.distill` takes it."""
        if teacher is None or not self.recipe.distill.same_view:
            return teacher and teacher.logits
        from edgekit.training.same_view import SameView

        recipe = self.recipe.teach
        train = self.splits(recipe.size).train
        return SameView(recipe, splits.info.task, train, splits.train, teacher.weights, accelerator)

    def data_key(self, splits: ImageSplits) -> str:
        """A key of the very pixels, labels and names of the data at one image size."""
        size = splits.train.size
        if size not in self._data_keys:
            pixels = content_key(splits.train, splits.val, splits.test)
            self._data_keys[size] = key_of([pixels, to_json(splits.info.task)])
        return self._data_keys[size]

    def noted(self, arrays: Arrays) -> dict[str, NDArray[Any]]:
        """A training's arrays; what it was made on is noted."""
        self.made_on.add(str(arrays["made_on"]))
        return {name: value for name, value in arrays.items() if name != "made_on"}

    def epochs(self, total: int) -> Callable[[int, float], None]:
        """What a training of so many epochs tells of each."""
        return lambda done, loss: self.options.on_epoch(done, total, loss)


def suited(recipe: _Part, info: DataInfo) -> _Part:
    """The part of a recipe, without mirror images where those would be of another class."""
    return recipe if info.mirror else replace(recipe, augment=replace(recipe.augment, flip=0.0))


def _watched(splits: ImageSplits) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """What a student's curves are measured on: as many training images as there are for validation, val and test."""
    count = min(len(splits.train), len(splits.val))
    sample = splits.train.take(np.linspace(0, len(splits.train) - 1, count).astype(int))
    sets = {"train": sample, "val": splits.val, "test": splits.test}
    return {name: (part.images, part.labels) for name, part in sets.items()}


def content_key(*parts: ImageSet) -> str:
    """A key of the very pixels: it follows a change in how images are read or split as well as one of the data."""
    keys = []
    for part in parts:
        names = "\0".join((*part.ids, *part.groups)).encode()
        keys.append(sha256_of(part.images.tobytes(), part.labels.tobytes(), names))
    return key_of(keys)
