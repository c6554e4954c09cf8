"""Prune a student, and train on with the zeros held.

In: a student, train and val. Out: the student with zeros, and the curve of the sweep (`prune_network`).
"""

import numpy as np
from numpy.typing import NDArray

from edgekit.recipes.recipe import DistillRecipe, PruneRecipe
from edgekit.training.distill import Teacher
from edgekit.training.fine_tune import fine_tuned
from edgekit.training.fit import Training, predict
from edgekit.training.magnitude import Weights, zeroed_share
from edgekit.training.nets import thaw_student
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
    """Prunes a student by `sweep`, whose curve it returns too, then trains on where the recipe says so."""

    def on_validation(weights: Weights) -> float:
        logits = predict(thaw_student(Student(student.spec, weights)), val.images, training.accelerator)
        return balanced_accuracy(logits, val.labels)

    weights, curve = sweep(student.weights, recipe, on_validation)
    pruned = Student(student.spec, weights)
    if recipe.cluster or (recipe.fine_tune_epochs and zeroed_share(weights)):
        pruned = fine_tuned(pruned, train, teacher, recipe, distill_recipe, training)
    return pruned, curve
