"""Teach: a member of the ensemble learns from the labels and gives its logits of every image.

In: the training set at the teachers' size. Out: a network, and its logits. `ensemble` puts the members together.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import TeachRecipe, in_words
from edgekit.training.ensemble import folds_of
from edgekit.training.fit import Training, class_weights, fit, predict
from edgekit.training.linear_probe import Taught, calibrate_batchnorm, train_head
from edgekit.training.memory import halve_batch_on_oom
from edgekit.training.nets import Backbone, teacher_net
from edgekit.values.images import ImageSet
from edgekit.values.task import Task


def train_member(
    train: ImageSet,
    task: Task,
    recipe: TeachRecipe,
    member: int,
    training: Training,
    *,
    held_out: Mapping[str, ImageSet] | None = None,
    weights_dir: Path | None = None,
) -> Taught:
    """Trains the ensemble's member of that index; its draws follow from the seed and the index (`member_seed`).

    Args:
        training: its history is not looked at.
        held_out: sets to give logits of. Nothing is chosen on them.

    Raises:
        EdgekitError: too few groups to leave some out, images too small for the network, or weights not to be had.
    """
    sets = {"train": train, **(held_out or {})}
    rows = _rows_of(train, task, recipe, member)
    learned = train.take(rows)
    accelerator = training.accelerator
    labels = torch.as_tensor(learned.labels).to(accelerator)
    weight = class_weights(learned.labels, recipe.fit.balanced).to(accelerator)
    own = replace(training, seed=member_seed(member, training.seed), history=None)

    def loss_of(logits: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(logits, labels[chosen], weight, label_smoothing=recipe.fit.label_smoothing)

    untrained = partial(untrained_member, train, task, recipe, member, training, weights_dir)
    if recipe.trunk == "frozen" and isinstance(net := untrained(), Backbone):
        return train_head(net, rows, sets, loss_of, recipe, own)

    def train_all(batch: int) -> nn.Module:
        schedule = replace(recipe.fit, batch_size=batch)
        return fit(untrained(), learned.images, loss_of, schedule, recipe.augment, own)

    net = halve_batch_on_oom(train_all, recipe.fit.batch_size, recipe.networks[member], training.on_warning, least=2)
    logits = {name: member_logits(net, part.images, recipe, accelerator) for name, part in sets.items()}
    return Taught(net, logits, np.zeros((0, len(sets), 2), np.float32), {})


def untrained_member(
    train: ImageSet,
    task: Task,
    recipe: TeachRecipe,
    member: int,
    training: Training,
    weights_dir: Path | None = None,
) -> nn.Module:
    """The member as its training finds it: the same network for the same arguments, so that only what training
    changes needs to be kept.

    Raises:
        EdgekitError: as `train_member`.
    """
    torch.manual_seed(member_seed(member, training.seed))
    net = teacher_net(recipe.networks[member], task, recipe.weights, recipe.trunk, weights_dir)
    try:
        with torch.inference_mode():
            net.eval()(torch.zeros(1, task.channels, *recipe.size))
    except RuntimeError as error:
        raise EdgekitError(
            f"{recipe.networks[member]} does not take images of {in_words(recipe.size)} pixels: {error}.",
            "Give the teachers larger ones: --set teach.input_size=224.",
        ) from error
    if recipe.trunk == "frozen" and recipe.weights == "none" and isinstance(net, Backbone):
        calibrate_batchnorm(net, train.images, training.accelerator)
    return net


def rebuilt_member(
    train: ImageSet,
    task: Task,
    recipe: TeachRecipe,
    head: Mapping[str, NDArray[Any]],
    training: Training,
    weights_dir: Path | None = None,
) -> Backbone:
    """The only member of a recipe with a frozen trunk, in evaluation mode; `head` holds `weight` and `bias`.

    Raises:
        EdgekitError: the weights cannot be had any more.
    """
    net = untrained_member(train, task, recipe, 0, training, weights_dir)
    if not isinstance(net, Backbone):
        raise TypeError(f"{recipe.networks[0]} has no frozen trunk")
    net.head.load_state_dict({name: torch.as_tensor(np.array(value)) for name, value in head.items()})
    return net.eval()


def member_seed(member: int, seed: int) -> int:
    """The seed of a member's own draws."""
    return 1000 + member + 10_000 * seed


def _rows_of(train: ImageSet, task: Task, recipe: TeachRecipe, member: int) -> NDArray[np.int64]:
    if not recipe.cross_fit or len(recipe.networks) == 1:
        return np.arange(len(train))
    folds = folds_of(train.labels, train.groups, len(recipe.networks))
    rows = np.flatnonzero(folds != member)
    lost = {*train.labels.tolist()} - {*train.labels[rows].tolist()}
    if lost:
        lacking = f"no training image is left of {', '.join(task.labels[label] for label in sorted(lost))}"
        raise EdgekitError(
            f"Without the {task.group}s that teacher {member} leaves out, {lacking}.",
            f"Add images of more {task.group}s, or let every teacher see all: --set teach.cross_fit=false.",
        )
    return rows


def member_logits(
    net: nn.Module, images: NDArray[np.uint8], recipe: TeachRecipe, accelerator: torch.device
) -> NDArray[np.float32]:
    """One member's logits of uint8 [N, H, W, C]: float32 [N, classes]; of a member that was trained on mirror images,
    too, the mean of an image and its mirror image."""
    return predict(net, images, accelerator, mirrored=recipe.augment.flip > 0)
