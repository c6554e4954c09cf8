"""Distill: a small student learns from the labels and from the teacher's logits.

In: the training set and a teacher: its logits of every image, an ensemble that sees the student's views, or none.
Out: a Student. Loss (Hinton et al. 2015, with the paper's alpha and beta):
alpha * T^2 * CE(teacher at T, student at T) + beta * CE(labels, student at 1).
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional

from edgekit.recipes.recipe import DistillRecipe
from edgekit.training.fit import BeforeBatch, LossOf, Training, class_weights, fit
from edgekit.training.memory import halve_batch_on_oom
from edgekit.training.nets import freeze_student, student_net
from edgekit.training.same_view import SameView
from edgekit.values.images import ImageSet
from edgekit.values.networks import Student, StudentSpec, TeacherLogits

Teacher = TeacherLogits | SameView


def distillation_loss(
    train: ImageSet, teacher: Teacher | None, recipe: DistillRecipe, accelerator: torch.device
) -> LossOf:
    """The loss over rows of `train`; without a teacher it is cross-entropy with the labels. A teacher that sees the
    same views must have been given those of the batch (`views_hook_of`)."""
    labels = torch.as_tensor(train.labels).to(accelerator)
    weight = class_weights(train.labels, recipe.fit.balanced).to(accelerator)
    teacher_logits = None if teacher is None else _logits_of(teacher, train.ids, accelerator)

    def loss_of(logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        from_labels = functional.cross_entropy(logits, labels[rows], weight, label_smoothing=recipe.fit.label_smoothing)
        if teacher_logits is None:
            return from_labels
        soft = torch.softmax(teacher_logits(rows) / recipe.temperature, 1)
        at_t = functional.cross_entropy(logits / recipe.temperature, soft, reduction="none")
        of_class = weight[labels[rows]]
        from_teacher = (at_t * of_class).sum() / of_class.sum() * recipe.temperature**2
        return recipe.alpha * from_teacher + recipe.beta * from_labels

    return loss_of


def _logits_of(
    teacher: Teacher, ids: tuple[str, ...], accelerator: torch.device
) -> Callable[[torch.Tensor], torch.Tensor]:
    """From the rows [B] of a batch to the teacher's logits [B, classes]."""
    if isinstance(teacher, SameView):
        if teacher.ids != ids:
            raise ValueError("the teacher looks at other images than the student")
        return lambda rows: teacher.logits
    of_all = torch.as_tensor(teacher.of(ids)).to(accelerator)
    return lambda rows: of_all[rows]


def views_hook_of(teacher: Teacher | None) -> BeforeBatch | None:
    """What `fit` calls before each batch."""
    return teacher.forward_views if isinstance(teacher, SameView) else None


def distill(
    train: ImageSet, teacher: Teacher | None, spec: StudentSpec, recipe: DistillRecipe, training: Training
) -> Student:
    """Trains a student from scratch; `teacher=None` trains it on the labels alone."""
    loss_of = distillation_loss(train, teacher, recipe, training.accelerator)

    def work(batch: int) -> nn.Module:
        torch.manual_seed(training.seed)
        schedule, hook = replace(recipe.fit, batch_size=batch), views_hook_of(teacher)
        return fit(student_net(spec), train.images, loss_of, schedule, recipe.augment, training, before_batch=hook)

    net = halve_batch_on_oom(work, recipe.fit.batch_size, "the student", training.on_warning, least=2)
    return freeze_student(net, spec)
