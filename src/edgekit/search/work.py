"""One unit of a search's work, as an executor's workers do it: a student on one fold, up to one rung, or its teacher.

In: `Settings`, which all units have in common, and a `Unit`. Out: its AUC elsewhere. After every epoch there is a
checkpoint in the search's folder, from which a killed unit and the next rung go on. Only training images are read.
A fold's teacher is a unit of its own, made once, of the images that the fold learns from.
"""

import math
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from edgekit.data.sources import load_training
from edgekit.errors import EdgekitError
from edgekit.files import read_kept_arrays, write_kept_arrays
from edgekit.recipes.build import Recipe
from edgekit.recipes.recipe import DataRecipe, DistillRecipe, TeachRecipe
from edgekit.search.space import Candidate
from edgekit.values.images import DataInfo, ImageSet, Size
from edgekit.values.networks import TeacherLogits

if TYPE_CHECKING:
    from edgekit.training.distill import Teacher

CHECKPOINTS = "checkpoints"
TEACHERS = "teachers"
_Part = TypeVar("_Part", TeachRecipe, DistillRecipe)


@dataclass(frozen=True, slots=True)
class Settings:
    """What all units have in common."""

    recipe: Recipe
    data: str
    folder: Path
    accelerator: str = "auto"
    cache_dir: Path | None = None
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Unit:
    """A trial's student on one fold, up to so many epochs in all."""

    number: int
    root: int
    fold: int
    seed: int
    epochs: int
    candidate: Candidate

    @property
    def checkpoint(self) -> str:
        """The name of its file: of a student, whatever the rung."""
        return f"{self.root}-{self.seed}-{self.fold}"

    def __str__(self) -> str:
        return f"student {self.root}, {self.epochs} epochs, seed {self.seed}, fold {self.fold + 1}"


@dataclass(frozen=True, slots=True)
class TeacherUnit:
    """The teacher of all students on one fold. What they learn from it is kept in the search's folder."""

    fold: int

    def __str__(self) -> str:
        return f"teacher, fold {self.fold + 1}"


Work = Unit | TeacherUnit


def do_unit(settings: Settings, unit: Work, warn: Callable[[str], None]) -> dict[str, float]:
    """Does one unit in this process.

    Raises:
        EdgekitError: this machine does not see the folder, the training diverges, a full disk.
    """
    from edgekit.runtimes.torch import use_threads

    if not (settings.folder / CHECKPOINTS).is_dir():
        raise EdgekitError(
            f"{socket.gethostname()} does not see {settings.folder}.",
            "A cluster needs --out and --data on a file system that all its machines share.",
        )
    use_threads(settings.threads)
    return _do_student(settings, unit, warn) if isinstance(unit, Unit) else _do_teacher(settings, unit, warn)


def _do_student(settings: Settings, unit: Unit, warn: Callable[[str], None]) -> dict[str, float]:
    from edgekit.training import nets
    from edgekit.training.across_sources import folds_elsewhere, student_elsewhere
    from edgekit.training.fit import Training

    recipe, accelerator = unit.candidate.made_by(settings.recipe), nets.accelerator(settings.accelerator)
    train, info = _training(settings.data, recipe.student.size, recipe.data, settings.cache_dir)
    fold = folds_elsewhere(train, info.task, recipe.search.folds).folds[unit.fold]
    teacher = _teacher_of(settings, unit, train.take(fold.learned), warn) if recipe.distill.teacher else None
    checkpoint = settings.folder / CHECKPOINTS / unit.checkpoint
    training = Training(unit.seed, accelerator, checkpoint, on_epoch=_check_finite, on_warning=warn, until=unit.epochs)
    spec, distill = recipe.student.spec(info.task), suited(recipe.distill, info)
    return student_elsewhere(train, info.task, fold, teacher, spec, distill, training, recipe.prune)


def _do_teacher(settings: Settings, unit: TeacherUnit, warn: Callable[[str], None]) -> dict[str, float]:
    """Keeps its logits and, where students show it their views, its weights."""
    from edgekit.training import nets, teach_elsewhere
    from edgekit.training.across_sources import areas, folds_elsewhere
    from edgekit.training.fit import Training

    accelerator, data = nets.accelerator(settings.accelerator), settings.recipe.data
    train, info = _training(settings.data, settings.recipe.teach.size, data, settings.cache_dir)
    recipe = suited(settings.recipe.teach, info)
    fold = folds_elsewhere(train, info.task, settings.recipe.search.folds).folds[unit.fold]
    known = train.take(fold.learned)
    checkpoint = settings.folder / CHECKPOINTS / f"teacher-{unit.fold}"
    training = Training(0, accelerator, checkpoint, on_epoch=_check_finite, on_warning=warn)
    members = teach_elsewhere.train_members(known, info.task, recipe, training)
    kept: dict[str, Any] = {"ids": np.array(known.ids)}
    kept["logits"] = teach_elsewhere.teacher_logits(members, known, recipe, accelerator).logits
    if settings.recipe.distill.same_view:
        for member, net in enumerate(members):
            kept |= {f"{member}.{name}": value.cpu().numpy() for name, value in net.state_dict().items()}
    write_kept_arrays(teacher_path(settings.folder, unit.fold), kept)
    for path in checkpoint.parent.glob(f"{checkpoint.name}-*"):
        path.unlink()
    elsewhere = train.take(fold.elsewhere)
    return areas(teach_elsewhere.ensemble_logits(members, recipe, accelerator), elsewhere, info.task)


def _teacher_of(settings: Settings, unit: Unit, known: ImageSet, warn: Callable[[str], None]) -> "Teacher":
    """The teacher of the images that a student learns from."""
    from edgekit.training import nets
    from edgekit.training.same_view import SameView

    path = teacher_path(settings.folder, unit.fold)
    kept = read_kept_arrays(path, warn)
    if kept is None:
        raise EdgekitError(f"{path} is gone or damaged.", "Run the command again: the teacher is trained anew.")
    logits, ids = kept.pop("logits"), tuple(kept.pop("ids").tolist())
    if not settings.recipe.distill.same_view:
        return TeacherLogits(logits, ids)
    train, info = _training(settings.data, settings.recipe.teach.size, settings.recipe.data, settings.cache_dir)
    row_of = {name: row for row, name in enumerate(train.ids)}
    large = train.take(np.array([row_of[name] for name in ids]))
    recipe = suited(settings.recipe.teach, info)
    members = [
        {name.partition(".")[2]: value for name, value in kept.items() if name.startswith(f"{member}.")}
        for member in range(len(recipe.networks))
    ]
    return SameView(recipe, info.task, large, known, members, nets.accelerator(settings.accelerator))


def teacher_path(folder: Path, fold: int) -> Path:
    """Where a fold's teacher is kept."""
    return folder / TEACHERS / str(fold)


def suited(recipe: _Part, info: DataInfo) -> _Part:
    """The part of a recipe, without mirror images where those would be of another class."""
    return recipe if info.mirror else replace(recipe, augment=replace(recipe.augment, flip=0.0))


def _check_finite(epoch: int, loss: float) -> None:
    if not math.isfinite(loss):
        raise EdgekitError(
            f"Its training diverged in epoch {epoch}: the loss is {loss}.",
            "Take a smaller learning rate: --set distill.fit.learning_rate=0.001.",
        )


@lru_cache(maxsize=4)
def _training(data: str, size: Size, recipe: DataRecipe, cache_dir: Path | None) -> tuple[ImageSet, DataInfo]:
    """Kept between the units of one worker. What is said of the images was said when the search began."""
    return load_training(data, size, recipe, cache_dir=cache_dir, on_warning=lambda message: None)
