"""A trained member of the ensemble, put together again from its seed and its head; and how fast it is.

In: what `train_member` was given, and the head that it trained. Out: the same network without a trunk on disk.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgekit.recipes.recipe import TeachRecipe
from edgekit.training.fit import Training
from edgekit.training.nets import Backbone
from edgekit.training.teach import untrained_member
from edgekit.values.images import ImageSet
from edgekit.values.task import Task


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


def one_image(net: Backbone, size: int) -> None:
    """Runs one image of that size through a network on the processor, to be timed."""
    with torch.inference_mode():
        net.cpu()(torch.zeros(1, 1, size, size))


def use_threads(count: int) -> None:
    """How many threads torch may use in this process."""
    torch.set_num_threads(count)
