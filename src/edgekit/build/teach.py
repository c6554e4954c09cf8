"""Teach: a member of the ensemble learns from the labels and says what it thinks of every image.

In: the training set at the teachers' size. Out: a network, and its logits. `ensemble` puts the members together.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from edgekit.artifacts import XraySet
from edgekit.build.ensemble import folds_of
from edgekit.build.fit import OnEpoch, class_weights, fit, predict
from edgekit.build.nets import teacher_net
from edgekit.errors import EdgekitError
from edgekit.recipes import TeachRecipe


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
    """Trains the ensemble's member of that index; its seed is the index.

    Raises:
        EdgekitError: too few patients to leave some out, images too small for the network, or weights not to be had.
    """
    if recipe.cross_fit and len(recipe.networks) > 1:
        folds = folds_of(train.labels, train.patients, len(recipe.networks))
        train = train.take(np.flatnonzero(folds != member))
        if len(set(train.labels.tolist())) < 2:
            raise EdgekitError(
                f"Without the patients that teacher {member} leaves out, one class has no training image.",
                "Add images of more patients, or let every teacher see all: --set teach.cross_fit=false.",
            )
    torch.manual_seed(1000 + member)
    net = teacher_net(recipe.networks[member], recipe.weights, recipe.trunk, weights_dir)
    _check_size(net, recipe, member)
    labels = torch.as_tensor(train.labels).to(accelerator)
    weight = class_weights(train.labels, recipe.fit.balanced).to(accelerator)

    def loss_of(logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(logits, labels[rows], weight, label_smoothing=recipe.fit.label_smoothing)

    return fit(
        net, train.images, loss_of, recipe.fit, recipe.augment,
        seed=1000 + member, accelerator=accelerator, checkpoint=checkpoint, on_epoch=on_epoch,
    )  # fmt: skip


def _check_size(net: nn.Module, recipe: TeachRecipe, member: int) -> None:
    try:
        with torch.inference_mode():
            net.eval()(torch.zeros(1, 1, recipe.input_size, recipe.input_size))
    except RuntimeError as error:
        raise EdgekitError(
            f"{recipe.networks[member]} does not take images of {recipe.input_size} pixels: {error}.",
            "Give the teachers larger ones: --set teach.input_size=224.",
        ) from error


def member_logits(net: nn.Module, images: NDArray[np.uint8], accelerator: torch.device) -> NDArray[np.float32]:
    """What one member says of uint8 [N, H, W]: float32 [N, 2], averaged over both mirror images."""
    return predict(net, images, accelerator, mirrored=True)
