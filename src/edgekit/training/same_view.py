"""A teacher that is given the very views its student sees (Beyer et al. 2022, "a good teacher is patient and
consistent"), not every image once.

In: the members' weights and the training images at their size. Out: the ensemble's logits for each batch of views.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgekit.recipes.recipe import AugmentRecipe, TeachRecipe
from edgekit.runtimes.torch import to_nchw
from edgekit.training.augment import augment
from edgekit.training.ensemble import combine, folds_of
from edgekit.training.nets import rebuilt_teacher, to_numpy
from edgekit.values.images import ImageSet
from edgekit.values.task import Task


class SameView:
    """The ensemble in a student's training loop.

    What a view is drawn from does not depend on the size of the image, so a generator in the state that the student's
    view is about to be drawn from draws the same view of the teachers' image, given the student's proportions (but for
    noise and blur, which go by the pixel, where sizes differ). In a cross-fitted ensemble the member that never saw an
    image's group gives its logits; in any other all members do.

    Args:
        train: the training set that the members were trained on, at their size.
        students: the student's training images, in the order of its rows.
        weights: of each member, under torch's state_dict names.

    Attributes:
        logits: logits [B, classes] of the views of the last batch.

    Raises:
        KeyError: names an id that `train` does not have.
        ValueError: not as many weights as networks.
    """

    def __init__(
        self,
        recipe: TeachRecipe,
        task: Task,
        train: ImageSet,
        students: ImageSet,
        weights: Sequence[Mapping[str, NDArray[Any]]],
        accelerator: torch.device,
    ) -> None:
        row_of = {name: row for row, name in enumerate(train.ids)}
        rows = np.array([row_of[name] for name in students.ids])
        self.ids = students.ids
        self._size = students.size
        self.logits = torch.zeros(0, len(task.labels), device=accelerator)
        self._combine = recipe.combine
        self._pixels = to_nchw(train.images[rows]).to(accelerator)  # (N, C, H, W)
        self._folds = None
        if recipe.cross_fit and len(weights) > 1:
            folds = folds_of(train.labels, train.groups, len(weights))  # of the whole set, as the members' were
            self._folds = torch.as_tensor(folds[rows]).to(accelerator)
        self._members = [
            rebuilt_teacher(name, task, recipe, state).to(accelerator, memory_format=torch.channels_last)  # type: ignore[call-overload]
            for name, state in zip(recipe.networks, weights, strict=True)
        ]

    def forward_views(self, rows: Tensor, views: AugmentRecipe, generator: torch.Generator) -> None:
        """Sets `logits` to those of the views of rows [B] that `augment` draws from the generator, which stays as it
        is."""
        x = augment(self._pixels[rows], views, generator.clone_state(), self._size)
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            self.logits = self._by_all(x) if self._folds is None else self._by_outsiders(x, self._folds[rows])

    def _by_all(self, x: Tensor) -> Tensor:
        logits = combine(np.stack([to_numpy(member(x)) for member in self._members]), self._combine)
        return torch.as_tensor(logits).to(x.device)

    def _by_outsiders(self, x: Tensor, folds: Tensor) -> Tensor:
        logits = x.new_zeros(len(x), self.logits.shape[1])
        for fold, member in enumerate(self._members):
            mine = folds == fold
            if mine.any():
                logits[mine] = member(x[mine])
        return logits
