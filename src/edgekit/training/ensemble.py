"""The ensemble: who learns from which fold, and how the members' logits become one teacher.

In: members' logits (numpy, so that a cached build needs no torch). Out: the ensemble's logits.
"""

import numpy as np
from numpy.typing import NDArray

from edgekit.recipes.recipe import TeachRecipe
from edgekit.values.images import ImageSet


def folds_of(labels: NDArray[np.int64], groups: tuple[str, ...], count: int) -> NDArray[np.int64]:
    """The fold of each image, 0 to count - 1: whole groups (a patient), every class spread evenly, always the same."""
    if count == 1:
        return np.zeros(len(labels), np.int64)
    fold_of: dict[str, int] = {}
    for label in sorted(set(labels.tolist()), reverse=True):
        names = sorted({g for g, y in zip(groups, labels, strict=True) if y == label} - fold_of.keys())
        np.random.default_rng(label).shuffle(names)
        fold_of |= {name: i % count for i, name in enumerate(names)}
    return np.array([fold_of[group] for group in groups], np.int64)


def combine(logits: NDArray[np.float32], how: str) -> NDArray[np.float32]:
    """From the members' logits [M, N, classes] to the ensemble's [N, classes]: `mean`, or `vote`, whose logits are the
    log of each class's share of the votes (one vote added to each, so that no logit is infinite)."""
    if how == "mean":
        return np.asarray(logits.mean(0))
    classes = logits.shape[2]
    votes = (logits.argmax(2)[..., np.newaxis] == np.arange(classes)).sum(0)  # (N, classes)
    return np.asarray(np.log((votes + 1) / (len(logits) + classes)), np.float32)


def soft_targets(members: NDArray[np.float32], train: ImageSet, recipe: TeachRecipe) -> NDArray[np.float32]:
    """Logits [N, classes] for the training images from the members' logits [M, N, classes]."""
    if not recipe.cross_fit or len(members) == 1:
        return combine(members, recipe.combine)
    folds = folds_of(train.labels, train.groups, len(members))
    return np.asarray(members[folds, np.arange(len(train))])
