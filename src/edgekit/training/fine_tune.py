"""Train on what pruning left of a student.

In: a pruned student, train, its teacher. Out: the student trained on, its zeros held, its weights clustered where the
recipe says so.
"""

from dataclasses import replace

import torch
from torch import nn

from edgekit.recipes.recipe import DistillRecipe, PruneRecipe
from edgekit.training.clusters import cluster, settled
from edgekit.training.distill import Teacher, distillation_loss, views_hook_of
from edgekit.training.fit import Training, fit
from edgekit.training.nets import freeze_student, thaw_student
from edgekit.values.images import ImageSet
from edgekit.values.networks import Student


def fine_tuned(
    student: Student,
    train: ImageSet,
    teacher: Teacher | None,
    recipe: PruneRecipe,
    distill_recipe: DistillRecipe,
    training: Training,
) -> Student:
    """The student after `fine_tune_epochs`; of 0 epochs, with `cluster` alone."""
    net: nn.Module = thaw_student(student)
    if recipe.cluster:
        cluster(net)
    if recipe.fine_tune_epochs:
        kernels = [parameter for parameter in net.parameters() if parameter.ndim > 1]
        masks = [(parameter != 0).to(training.accelerator) for parameter in kernels]

        def hold(trained: nn.Module) -> None:
            with torch.no_grad():
                for parameter, mask in zip(kernels, masks, strict=True):
                    parameter.mul_(mask)

        schedule = replace(
            distill_recipe.fit, epochs=recipe.fine_tune_epochs, learning_rate=recipe.fine_tune_learning_rate,
            ema_decay=0.0,
        )  # fmt: skip
        net = fit(
            net, train.images, distillation_loss(train, teacher, distill_recipe, training.accelerator), schedule,
            distill_recipe.augment, training, before_batch=views_hook_of(teacher), after_step=hold,
        )  # fmt: skip
    return freeze_student(settled(net), student.spec)
