"""Prune: zero the weights that are small for their layer.

In: a student (or the state of any network). Out: the same with zeros. A weight goes where
|w| < std(layer's weights) / alpha, as in the paper; alpha is chosen on validation, never on test.
"""

import dataclasses
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgekit.recipes.recipe import DistillRecipe, PruneRecipe
from edgekit.training.distill import Teacher, distillation_loss, views_hook_of
from edgekit.training.fit import OnEpoch, fit, predict
from edgekit.training.magnitude import (
    Weights,
    most_pruned,
    prune_weights,
    zeroed_share,
)
from edgekit.training.nets import freeze_student, thaw_student
from edgekit.values.images import ImageSet
from edgekit.values.networks import Student


@dataclass(frozen=True, slots=True)
class PrunePoint:
    """One alpha of the sweep: the share of weights that it zeroes and the validation balanced accuracy after it."""

    alpha: float
    zeroed: float
    balanced_accuracy: float


def sweep(
    weights: Weights, recipe: PruneRecipe, balanced_accuracy_of: Callable[[Weights], float]
) -> tuple[dict[str, NDArray[np.float32]], tuple[PrunePoint, ...]]:
    """Tries every alpha and keeps the one that zeroes most among those within `tolerance` of the best on validation.

    Not pruning at all is among the choices, as the point with alpha = infinity.

    Returns:
        the weights chosen, and the curve.
    """
    candidates = [(np.inf, dict(weights)), *((alpha, prune_weights(weights, alpha)) for alpha in recipe.alphas)]
    points = tuple(PrunePoint(alpha, zeroed_share(w), balanced_accuracy_of(w)) for alpha, w in candidates)
    kept = most_pruned([p.balanced_accuracy for p in points], [p.zeroed for p in points], recipe.tolerance)
    return candidates[kept][1], points


def balanced_accuracy(margins: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """At margin 0: the mean of the recalls of both classes."""
    says = margins > 0
    return float((says[labels == 1].mean() + (~says[labels == 0]).mean()) / 2)


def prune(
    student: Student,
    train: ImageSet,
    val: ImageSet,
    teacher: Teacher | None,
    recipe: PruneRecipe,
    distill_recipe: DistillRecipe,
    *,
    seed: int,
    accelerator: torch.device,
    on_epoch: OnEpoch = lambda epoch, loss: None,
) -> tuple[Student, tuple[PrunePoint, ...]]:
    """Prunes a student by the sweep, then trains on with the zeros held where the recipe says so."""

    def on_validation(weights: Weights) -> float:
        logits = predict(thaw_student(Student(student.spec, weights)), val.images, accelerator)
        return balanced_accuracy(logits[:, 1] - logits[:, 0], val.labels)

    weights, points = sweep(student.weights, recipe, on_validation)
    pruned = Student(student.spec, weights)
    if recipe.fine_tune_epochs and zeroed_share(weights) > 0:
        pruned = _fine_tuned(
            pruned, train, teacher, recipe, distill_recipe, seed=seed, accelerator=accelerator, on_epoch=on_epoch
        )
    return pruned, points


def _fine_tuned(
    pruned: Student,
    train: ImageSet,
    teacher: Teacher | None,
    recipe: PruneRecipe,
    distill_recipe: DistillRecipe,
    *,
    seed: int,
    accelerator: torch.device,
    on_epoch: OnEpoch,
) -> Student:
    net = thaw_student(pruned)
    masks = {name: (p != 0).to(accelerator) for name, p in net.named_parameters() if p.ndim > 1}

    def hold(trained: nn.Module) -> None:
        with torch.no_grad():
            for name, parameter in trained.named_parameters():
                if name in masks:
                    parameter.mul_(masks[name])

    schedule = dataclasses.replace(
        distill_recipe.fit, epochs=recipe.fine_tune_epochs, learning_rate=recipe.fine_tune_learning_rate, ema_decay=0.0
    )
    loss_of = distillation_loss(train, teacher, distill_recipe, accelerator)
    net = fit(  # type: ignore[assignment]
        net, train.images, loss_of, schedule, distill_recipe.augment,
        seed=seed, accelerator=accelerator, before_batch=views_hook_of(teacher), after_step=hold, on_epoch=on_epoch,
    )  # fmt: skip
    return freeze_student(net, pruned.spec)


def logits_when_pruned(
    net: nn.Module,
    alpha: float,
    sets: Mapping[str, ImageSet],
    accelerator: torch.device,
    on_warning: Callable[[str], None] = warnings.warn,
) -> tuple[float, dict[str, NDArray[np.float32]]]:
    """The share of weights that alpha zeroes in a network, and its logits [N, 2] on each set then. The network is given
    back as it was."""
    kernels = {name: p.detach().cpu().numpy().copy() for name, p in net.named_parameters()}
    try:
        pruned = prune_weights(kernels, alpha)
        _load(net, pruned)
        logits = {name: predict(net, s.images, accelerator, on_warning=on_warning) for name, s in sets.items()}
        return zeroed_share(pruned), logits
    finally:
        _load(net, kernels)


def prune_network(
    net: nn.Module, images: NDArray[np.uint8], labels: NDArray[np.int64], recipe: PruneRecipe, accelerator: torch.device
) -> tuple[PrunePoint, ...]:
    """Prunes a teacher in place by the same sweep on validation images [N, H, W]; returns the curve."""
    kernels = {name: p.detach().cpu().numpy().copy() for name, p in net.named_parameters()}

    def on_validation(weights: Weights) -> float:
        _load(net, weights)
        logits = predict(net, images, accelerator)
        return balanced_accuracy(logits[:, 1] - logits[:, 0], labels)

    weights, points = sweep(kernels, recipe, on_validation)
    _load(net, weights)
    return points


@torch.no_grad()
def _load(net: nn.Module, weights: Weights) -> None:
    for name, parameter in net.named_parameters():
        parameter.copy_(torch.as_tensor(weights[name]))
