"""Prune a student, and train on with the zeros held.

In: a student, train and val. Out: the student with zeros, and the curve of the sweep (`prune_network`).
"""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgekit.recipes.recipe import DistillRecipe, PruneRecipe
from edgekit.training.distill import Teacher, distillation_loss, views_hook_of
from edgekit.training.fit import Training, fit, predict
from edgekit.training.magnitude import Weights, zeroed_share
from edgekit.training.nets import freeze_student, thaw_student
from edgekit.training.prune_network import balanced_accuracy, sweep
from edgekit.values.images import ImageSet
from edgekit.values.networks import Student


def prune(
    student: Student,
    train: ImageSet,
    val: ImageSet,
    teacher: Teacher | None,
    recipe: PruneRecipe,
    distill_recipe: DistillRecipe,
    training: Training,
) -> tuple[Student, NDArray[np.float64]]:
    """Prunes a student by `sweep`, whose curve it returns too, then trains on with the zeros held where the recipe says
    so."""

    def on_validation(weights: Weights) -> float:
        logits = predict(thaw_student(Student(student.spec, weights)), val.images, training.accelerator)
        return balanced_accuracy(logits, val.labels)

    weights, curve = sweep(student.weights, recipe, on_validation)
    pruned = Student(student.spec, weights)
    if not recipe.fine_tune_epochs or not zeroed_share(weights):
        return pruned, curve

    net = thaw_student(pruned)
    masks = {name: (p != 0).to(training.accelerator) for name, p in net.named_parameters() if p.ndim > 1}

    def hold(trained: nn.Module) -> None:
        with torch.no_grad():
            for name, parameter in trained.named_parameters():
                if name in masks:
                    parameter.mul_(masks[name])

    schedule = replace(
        distill_recipe.fit, epochs=recipe.fine_tune_epochs, learning_rate=recipe.fine_tune_learning_rate, ema_decay=0.0
    )
    loss_of = distillation_loss(train, teacher, distill_recipe, training.accelerator)
    net = fit(  # type: ignore[assignment]
        net, train.images, loss_of, schedule, distill_recipe.augment, training,
        before_batch=views_hook_of(teacher), after_step=hold,
    )  # fmt: skip
    return freeze_student(net, pruned.spec), curve
