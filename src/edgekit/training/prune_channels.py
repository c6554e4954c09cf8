"""Prune whole channels of a student, which makes it smaller and faster on any chip.

In: a student, train and val. Out: a narrower student, trained on, and the curve of the sweep over fractions. What a
channel is worth is said by its batch-norm's scale (Liu et al. 2017) or by how much the loss would change without it,
to first order (Molchanov et al. 2019).
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edgekit.recipes.recipe import DistillRecipe, PruneRecipe
from edgekit.runtimes.torch import to_nchw, to_unit
from edgekit.training.channels import groups_of, kept_channels, narrowed, parameters_of
from edgekit.training.distill import Teacher
from edgekit.training.fine_tune import fine_tuned
from edgekit.training.fit import Training, predict
from edgekit.training.magnitude import most_pruned
from edgekit.training.nets import thaw_student
from edgekit.training.prune_network import balanced_accuracy
from edgekit.values.images import ImageSet
from edgekit.values.networks import Student

_SCORED = 1024  # training images at most by which Taylor scores channels
_BATCH = 64


def prune_channels(
    student: Student,
    train: ImageSet,
    val: ImageSet,
    teacher: Teacher | None,
    recipe: PruneRecipe,
    distill_recipe: DistillRecipe,
    training: Training,
) -> tuple[Student, NDArray[np.float64]]:
    """Prunes a copy of the student by each of `recipe.fractions`, trains each on, and keeps the one with the fewest
    parameters among those within `tolerance` of the best on validation. Not pruning at all is among the choices.

    Returns:
        the student chosen, and the curve [K, 3]: each fraction of channels asked for, 0 first, the share of parameters
        that it takes away, and the balanced accuracy on validation after it.
    """
    scores = channel_scores(student, train, recipe, training.accelerator)
    narrower = [narrowed(student, kept_channels(scores, fraction)) for fraction in recipe.fractions]
    trained = []
    for number, one in enumerate((student, *narrower) if recipe.cluster else narrower):
        told = replace(training, on_epoch=_of_all(training, number, recipe.fine_tune_epochs))
        trained.append(fine_tuned(one, train, teacher, recipe, distill_recipe, told))
    candidates = trained if recipe.cluster else [student, *trained]
    whole = parameters_of(student)
    gone = [1 - parameters_of(one) / whole for one in candidates]
    judged = [balanced_accuracy(predict(thaw_student(one), val.images, training.accelerator), val.labels)
              for one in candidates]  # fmt: skip
    curve = np.array(list(zip((0.0, *recipe.fractions), gone, judged, strict=True)))
    return candidates[most_pruned(judged, gone, recipe.tolerance)], curve


def _of_all(training: Training, number: int, epochs: int) -> Callable[[int, float], None]:
    return lambda done, loss: training.on_epoch(number * epochs + done, loss)


def channel_scores(
    student: Student, train: ImageSet, recipe: PruneRecipe, accelerator: torch.device
) -> dict[str, NDArray[np.float64]]:
    """What each channel is worth, by group: [width].

    `batch_norm`: the mean over the group's layers of the scale's absolute value. `taylor`: over batches of training
    images, the mean square of what the loss on the labels would change by, to first order, if the channel were zero
    behind the batch-norms of all its layers.
    """
    net = thaw_student(student).to(accelerator)
    norms = {name.rpartition(".")[2].removeprefix("norm"): module for name, module in net.named_modules()
             if isinstance(module, nn.BatchNorm2d)}  # fmt: skip
    groups = groups_of(student.spec)
    if recipe.method == "batch_norm":
        return {
            name: np.mean([_numpy(norms[writer].weight.abs()) for writer in group.writers], axis=0)
            for name, group in groups.items()
        }
    chosen = np.linspace(0, len(train) - 1, min(len(train), _SCORED)).astype(int)
    images, labels = train.images[chosen], torch.as_tensor(train.labels[chosen]).to(accelerator)
    found = {name: np.zeros(group.width) for name, group in groups.items()}
    for begin in range(0, len(images), _BATCH):
        net.zero_grad()
        pixels = to_unit(to_nchw(images[begin : begin + _BATCH]).to(accelerator))
        functional.cross_entropy(net(pixels), labels[begin : begin + _BATCH]).backward()  # type: ignore[no-untyped-call]
        for name, group in groups.items():
            found[name] += np.sum([_gate(norms[writer]) for writer in group.writers], axis=0) ** 2
    return found


def _gate(norm: nn.BatchNorm2d) -> NDArray[np.float64]:
    """The derivative of the loss by a gate behind a batch-norm's channels, which is 1: gamma and beta are multiplied by
    it."""
    assert norm.weight.grad is not None
    assert norm.bias.grad is not None
    return _numpy(norm.weight * norm.weight.grad + norm.bias * norm.bias.grad)


def _numpy(value: Tensor) -> NDArray[np.float64]:
    return value.detach().to("cpu", torch.float64).numpy()
