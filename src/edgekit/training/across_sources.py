"""Scores a student on images from elsewhere than those it learnt from: what recipes are chosen by, without a test set.

In: training images. Out: folds of them, each a part to learn from and a part from elsewhere; areas under ROC curves.

The public chest X-ray set names its sources in its files: normals are IM- or NORMAL2-IM-, pneumonia is bacteria or
virus. Its test set is shifted against its training set, and validation by patient, at an AUC above 0.995, does not see
that. So a student is trained on one source of each class and scored on the other two: four folds. Of other sets, which
name no sources, whole groups (a patient) are left out, a fold at a time; where every image is a group of its own that
is plain cross-validation.

Scored are the images as they are, altered views of them (moved, other contrast, gamma and sharpness, noise) and
stretched ones (width over height multiplied by up to 1.5 either way: in the X-rays the shape of the film, which stays
in an image resized to a square, tells the class, and is not a pathology).
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.metrics.classes import auc
from edgekit.metrics.decisions import log_odds
from edgekit.recipes.recipe import AugmentRecipe, DistillRecipe, PruneRecipe
from edgekit.runtimes.torch import to_nchw
from edgekit.training.augment import augment
from edgekit.training.distill import Teacher, distill
from edgekit.training.ensemble import folds_of
from edgekit.training.fit import Training, predict
from edgekit.training.nets import thaw_student
from edgekit.training.prune import prune
from edgekit.values.images import ImageSet
from edgekit.values.networks import StudentSpec
from edgekit.values.task import CHEST_XRAY, Task

Areas = dict[str, float]  # AUC by how the images are shown
LogitsOf = Callable[[NDArray[np.uint8]], NDArray[np.float32]]  # uint8 [N, H, W, C] -> [N, classes]

_FIRST, _SECOND = ("IM-", "bacteria"), ("NORMAL2-", "virus")  # marks of the sources of normals, of pneumonia
_AS_IT_IS = AugmentRecipe(flip=0, rotate_deg=0, translate=0, scale=0, brightness=0, contrast=0, gamma=0, noise_std=0)
SHOWN = {
    "clean": _AS_IT_IS,
    "altered": AugmentRecipe(
        flip=0, rotate_deg=12, translate=0.08, scale=0.2, brightness=0.2, contrast=0.5, gamma=0.6, blur=0.5,
        noise_std=0.03,
    ),
    "stretched": dataclasses.replace(_AS_IT_IS, aspect=0.5),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows of the training set to learn from, and those from elsewhere; `name` says what is learnt from."""

    name: str
    learned: NDArray[np.int64]
    elsewhere: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Folds:
    """All folds, and how they were made, in words that follow `judged`."""

    how: str
    folds: tuple[Fold, ...]


def folds_elsewhere(train: ImageSet, task: Task, count: int = 4) -> Folds:
    """By the sources that the files name, or else `count` folds by whole groups.

    Raises:
        EdgekitError: too few groups for as many folds with images of every class.
    """
    second = second_source(train, task)
    if second is not None:
        return Folds("across sources", tuple(_by_source(train, task, second)))
    fold_of = folds_of(train.labels, train.groups, count)
    rows = np.arange(len(train))
    folds = tuple(Fold(f"all but part {i + 1}", rows[fold_of != i], rows[fold_of == i]) for i in range(count))
    everything = {*train.labels.tolist()}
    if any({*train.labels[part].tolist()} != everything for fold in folds for part in (fold.learned, fold.elsewhere)):
        raise EdgekitError(
            f"The training images have too few {task.group}s for {count} folds that each hold every class.",
            f"Add images of more {task.group}s, or leave out fewer at a time: --set search.folds=2.",
        )
    alone = len({*train.groups}) == len(train)
    how = f"by {count}-fold cross-validation" + ("" if alone else f" that leaves out whole {task.group}s")
    return Folds(how, folds)


def second_source(train: ImageSet, task: Task) -> NDArray[np.bool_] | None:
    """[N]: whether each image is of the second source of its class; None where the files name no sources, or where
    one of the four has no image."""
    if task.labels != CHEST_XRAY.labels:
        return None
    marked = [
        (_SECOND[label] in name, _FIRST[label] in name)
        for name, label in zip(train.ids, train.labels.tolist(), strict=True)
    ]
    second = np.array([marks[0] for marks in marked], bool)  # NORMAL2-IM- holds both marks
    named = all(any(marks) for marks in marked)
    return second if named and len({*zip(train.labels.tolist(), second.tolist(), strict=True)}) == 4 else None


def _by_source(train: ImageSet, task: Task, second: NDArray[np.bool_]) -> list[Fold]:
    found = []
    for normals in (False, True):
        for pneumonia in (False, True):
            seen = second == np.where(task.is_positive(train.labels), pneumonia, normals)
            name = f"{'NORMAL2' if normals else 'IM'} + {'virus' if pneumonia else 'bacteria'}"
            found.append(Fold(name, np.flatnonzero(seen), np.flatnonzero(~seen)))
    return found


def areas(logits_of: LogitsOf, elsewhere: ImageSet, task: Task) -> Areas:
    """The AUC on images as they are shown, each way; of more than two classes the mean of each against the others."""
    found = {}
    for kind, views in SHOWN.items():
        shown = augment(to_nchw(elsewhere.images), views, torch.Generator().manual_seed(0))
        logits = logits_of(shown.permute(0, 2, 3, 1).mul(255).round().to(torch.uint8).numpy())
        found[kind] = area(logits, elsewhere.labels, task)
    return found


def area(logits: NDArray[np.float32], labels: NDArray[np.int64], task: Task) -> float:
    """The AUC of logits [N, classes]: of the positive label, or the mean of every class against the others."""
    if task.positive:
        return auc(task.margins(logits), task.is_positive(labels))[0]
    odds = log_odds(logits)
    return float(np.mean([auc(odds[:, label], labels == label)[0] for label in np.unique(labels)]))


def student_elsewhere(
    train: ImageSet, task: Task, fold: Fold, teacher: Teacher | None, spec: StudentSpec, recipe: DistillRecipe,
    training: Training, pruning: PruneRecipe | None = None,
) -> Areas:  # fmt: skip
    """Trains a student on one part of a fold, prunes it where its alpha is given, and scores it on the other part.

    Args:
        train: at the student's image size.
        teacher: of the rows that are learnt from.
        pruning: chooses its alpha on the images that were learnt from, if there is more than one.
    """
    known = train.take(fold.learned)
    student = distill(known, teacher, spec, recipe, training)
    if pruning is not None and pruning.alphas:
        once = dataclasses.replace(training, checkpoint=None, history=None, until=None)
        student, _ = prune(student, known, known, teacher, pruning, recipe, once)
    net = thaw_student(student)
    return areas(lambda x: predict(net, x, training.accelerator), train.take(fold.elsewhere), task)
