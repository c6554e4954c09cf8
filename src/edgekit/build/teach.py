"""Teach: an ensemble learns from the labels and says what it thinks of every image.

In: splits at the teachers' size. Out: TeacherLogits over all ids. On the images that the ensemble learned from, with
`cross_fit`, each image is judged by the member that never saw its patient.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from edgekit.artifacts import XraySet
from edgekit.build.fit import OnEpoch, class_weights, fit, predict
from edgekit.build.nets import teacher_net
from edgekit.recipes import TeachRecipe


def folds_of(labels: NDArray[np.int64], patients: tuple[str, ...], count: int) -> NDArray[np.int64]:
    """The fold of each image, 0 to count - 1: whole patients, both classes spread evenly, always the same."""
    if count == 1:
        return np.zeros(len(labels), np.int64)
    fold_of: dict[str, int] = {}
    for label in (1, 0):
        names = sorted({p for p, y in zip(patients, labels, strict=True) if y == label} - fold_of.keys())
        np.random.default_rng(label).shuffle(names)
        fold_of |= {name: i % count for i, name in enumerate(names)}
    return np.array([fold_of[p] for p in patients], np.int64)


def train_member(
    train: XraySet,
    recipe: TeachRecipe,
    member: int,
    *,
    accelerator: torch.device,
    weights_dir: Path | None = None,
    checkpoint: Path | None = None,
    on_epoch: OnEpoch = lambda epoch, loss: None,
) -> nn.Module:
    """Trains the ensemble's member of that index; its seed is the index."""
    if recipe.cross_fit and len(recipe.networks) > 1:
        folds = folds_of(train.labels, train.patients, len(recipe.networks))
        train = train.take(np.flatnonzero(folds != member))
    torch.manual_seed(1000 + member)
    net = teacher_net(recipe.networks[member], recipe.weights, recipe.trunk, weights_dir)
    labels = torch.as_tensor(train.labels).to(accelerator)
    weight = class_weights(train.labels, recipe.fit.balanced).to(accelerator)

    def loss_of(logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(logits, labels[rows], weight, label_smoothing=recipe.fit.label_smoothing)

    return fit(
        net, train.images, loss_of, recipe.fit, recipe.augment,
        seed=1000 + member, accelerator=accelerator, checkpoint=checkpoint, on_epoch=on_epoch,
    )  # fmt: skip


def member_logits(net: nn.Module, images: NDArray[np.uint8], accelerator: torch.device) -> NDArray[np.float32]:
    """What one member says of uint8 [N, H, W]: float32 [N, 2], averaged over both mirror images."""
    return predict(net, images, accelerator, mirrored=True)


def combine(logits: NDArray[np.float32], how: str) -> NDArray[np.float32]:
    """From the members' logits [M, N, 2] to the ensemble's [N, 2]: `mean`, or `vote`, whose logits are the log of
    each class's share of the votes (one vote added to each, so that no logit is infinite)."""
    if how == "mean":
        mean: NDArray[np.float32] = logits.mean(0)
        return mean
    votes = logits[..., 1] > logits[..., 0]  # (M, N)
    share = (votes.sum(0) + 1) / (len(logits) + 2)
    log_share: NDArray[np.float32] = np.stack((np.log(1 - share), np.log(share)), 1).astype(np.float32)
    return log_share


def soft_targets(members: NDArray[np.float32], train: XraySet, recipe: TeachRecipe) -> NDArray[np.float32]:
    """Logits [N, 2] for the training images from the members' logits [M, N, 2]."""
    if not recipe.cross_fit or len(members) == 1:
        return combine(members, recipe.combine)
    folds = folds_of(train.labels, train.patients, len(members))
    outside: NDArray[np.float32] = members[folds, np.arange(len(train))]
    return outside
