"""A teacher for students that are scored elsewhere (`across_sources`): it sees what a fold learns from, nothing else.

In: the images that a fold learns from, at the teacher's size. Out: its members, and what a student learns from.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from edgekit.recipes.recipe import TeachRecipe
from edgekit.training.across_sources import LogitsOf
from edgekit.training.ensemble import combine, soft_targets
from edgekit.training.fit import Training
from edgekit.training.teach import member_logits, train_member
from edgekit.values.images import ImageSet
from edgekit.values.networks import TeacherLogits
from edgekit.values.task import Task


def train_members(known: ImageSet, task: Task, recipe: TeachRecipe, training: Training) -> list[nn.Module]:
    """The ensemble's networks. A checkpoint has each member's index behind its name.

    Raises:
        EdgekitError: as `teach.train_member`.
    """
    kept = training.checkpoint
    checkpoints = [kept and kept.with_name(f"{kept.name}-{member}") for member in range(len(recipe.networks))]
    return [
        train_member(known, task, recipe, member, replace(training, checkpoint=checkpoint)).net
        for member, checkpoint in enumerate(checkpoints)
    ]


def teacher_logits(
    members: Sequence[nn.Module], known: ImageSet, recipe: TeachRecipe, accelerator: torch.device
) -> TeacherLogits:
    """What a student of these images learns from: cross-fitted where the recipe says so."""
    said = np.stack([member_logits(net, known.images, recipe, accelerator) for net in members])
    return TeacherLogits(soft_targets(said, known, recipe), known.ids)


def ensemble_logits(members: Sequence[nn.Module], recipe: TeachRecipe, accelerator: torch.device) -> LogitsOf:
    """All members together on any images, as `across_sources.areas` takes it."""
    return lambda x: combine(np.stack([member_logits(net, x, recipe, accelerator) for net in members]), recipe.combine)
