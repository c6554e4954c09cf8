"""A teacher that judges the very views its student sees (Beyer et al. 2022, "a good teacher is patient and
consistent"), not every image once.

In: the members' weights and the training images at their size. Out: the ensemble's logits for each batch of views.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgekit.artifacts import XraySet
from edgekit.build.augment import augment
from edgekit.build.ensemble import combine, folds_of
from edgekit.build.nets import teacher_net, to_numpy
from edgekit.recipes import AugmentRecipe, TeachRecipe


class SameView:
    """The ensemble, beside a student's training loop.

    A view's draws do not depend on the size of the image, so a generator in the state that the student's view is drawn
    from draws the same view of the larger image. A cross-fitted ensemble judges each image by the member that never saw
    its patient; any other by all members.

    Attributes:
        judged: logits [B, 2] of the views last looked at.

    Args:
        train: at the teachers' size, with the student's ids.
        ids: the student's training images, in the order of its rows.
        weights: of each member, under torch's state_dict names.
        views: the student's.

    Raises:
        KeyError: names an id that `train` has not.
    """

    def __init__(
        self,
        recipe: TeachRecipe,
        train: XraySet,
        ids: tuple[str, ...],
        weights: Sequence[Mapping[str, NDArray[Any]]],
        views: AugmentRecipe,
        accelerator: torch.device,
    ) -> None:
        rows = {name: row for row, name in enumerate(train.ids)}
        train = train.take(np.array([rows[name] for name in ids]))
        self._pixels = torch.as_tensor(train.images).unsqueeze(1).to(accelerator)  # (N, 1, H, W)
        self._folds = folds_of(train.labels, train.patients, len(weights)) if recipe.cross_fit else None
        self._combine, self._views = recipe.combine, views
        self.judged = torch.zeros(0, 2, device=accelerator)
        self._members = []
        for name, state in zip(recipe.networks, weights, strict=True):
            net = teacher_net(name, "none", recipe.trunk, None)
            net.load_state_dict({key: torch.as_tensor(np.array(value)) for key, value in state.items()})
            self._members.append(net.to(accelerator, memory_format=torch.channels_last).eval())  # type: ignore[call-overload]

    def look(self, rows: Tensor, generator: torch.Generator) -> None:
        """Judges the views of those rows [B] that `augment` draws from the generator as it stands, and leaves it so."""
        twin = torch.Generator()
        twin.set_state(generator.get_state())
        x = augment(self._pixels[rows], self._views, twin).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            self.judged = self._by_all(x) if self._folds is None else self._by_outsiders(x, self._folds[rows.cpu()])

    def _by_all(self, x: Tensor) -> Tensor:
        logits = combine(np.stack([to_numpy(member(x)) for member in self._members]), self._combine)
        return torch.as_tensor(logits).to(x.device)

    def _by_outsiders(self, x: Tensor, folds: NDArray[np.int64]) -> Tensor:
        logits = x.new_zeros(len(x), 2)
        for fold, member in enumerate(self._members):
            rows = torch.as_tensor(np.flatnonzero(folds == fold)).to(x.device)
            if len(rows):
                logits[rows] = member(x[rows])
        return logits
