"""One unit of a search's work, as an executor's workers do it: a student on one fold, up to one rung.

In: `Settings`, which all units have in common, and a `Unit`. Out: its AUC elsewhere. After every epoch there is a
checkpoint in the search's folder, from which a killed unit and the next rung go on. Only training images are read.
"""

import math
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from edgekit.data.sources import load_training
from edgekit.errors import EdgekitError
from edgekit.recipes.build import Recipe
from edgekit.recipes.recipe import DataRecipe, DistillRecipe, StudentRecipe
from edgekit.values.images import DataInfo, ImageSet, Size

CHECKPOINTS = "checkpoints"


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
    student: StudentRecipe

    @property
    def checkpoint(self) -> str:
        """The name of its file: of a student, whatever the rung."""
        return f"{self.root}-{self.seed}-{self.fold}"

    def __str__(self) -> str:
        return f"student {self.root}, {self.epochs} epochs, seed {self.seed}, fold {self.fold + 1}"


def do_unit(settings: Settings, unit: Unit, warn: Callable[[str], None]) -> dict[str, float]:
    """Does one unit in this process.

    Raises:
        EdgekitError: this machine does not see the folder, the training diverges, a full disk.
    """
    from edgekit.runtimes.torch import use_threads
    from edgekit.training import nets
    from edgekit.training.across_sources import folds_elsewhere, student_elsewhere
    from edgekit.training.fit import Training

    if not (settings.folder / CHECKPOINTS).is_dir():
        raise EdgekitError(
            f"{socket.gethostname()} does not see {settings.folder}.",
            "A cluster needs --out and --data on a file system that all its machines share.",
        )
    use_threads(settings.threads)
    train, info = _training(settings.data, unit.student.size, settings.recipe.data, settings.cache_dir)
    fold = folds_elsewhere(train, info.task, settings.recipe.search.folds).folds[unit.fold]
    checkpoint = settings.folder / CHECKPOINTS / unit.checkpoint
    accelerator = nets.accelerator(settings.accelerator)
    training = Training(unit.seed, accelerator, checkpoint, on_epoch=_check_finite, on_warning=warn, until=unit.epochs)
    recipe = suited(settings.recipe.distill, info)
    return student_elsewhere(train, info.task, fold, None, unit.student.spec(info.task), recipe, training)


def suited(recipe: DistillRecipe, info: DataInfo) -> DistillRecipe:
    """The recipe on labels alone, without mirror images where those would be of another class."""
    views = recipe.augment if info.mirror else replace(recipe.augment, flip=0.0)
    return replace(recipe, teacher=False, augment=views)


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
