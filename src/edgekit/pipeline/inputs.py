"""What a model is run on: the pictures of a set at the model's own size, or the arrays of an .npz.

In: a model, what it is asked, a set's name. Out: `Arrays`.
"""

from pathlib import Path

import numpy as np

from edgekit.data.arrays import Arrays, load_arrays, wanted_arrays
from edgekit.data.asked import for_model
from edgekit.data.sources import load_splits
from edgekit.errors import EdgekitError
from edgekit.pipeline.loading import in_order_of
from edgekit.recipes.recipe import DataRecipe
from edgekit.tflite.quantize import known_range
from edgekit.values.model import InputRange, TfliteModel
from edgekit.values.task import Task


def is_arrays(data: str) -> bool:
    """Whether `--data` names an .npz."""
    return data.endswith(".npz")


def taken_for(model: TfliteModel, data: str) -> InputRange | None:
    """What the model takes pixels for; None where an .npz says its inputs.

    Raises:
        EdgekitError: a model that takes no pictures, or one that does not tell what it takes pixels for.
    """
    if is_arrays(data):
        return None
    if model.image_size is None:
        taken = " and ".join(" x ".join(map(str, spec.shape)) for spec in model.input_specs)
        raise EdgekitError(
            f"{model.name} takes {taken} values, which are no picture; {data} holds pictures.",
            f"Give its inputs as an .npz: --data FILE.npz with {wanted_arrays(model)}.",
        )
    return known_range(model)


def inputs_of(
    model: TfliteModel, task: Task | None, recipe: DataRecipe, data: str, *, split: str = "test", strict: bool = False
) -> Arrays:
    """The inputs for a model.

    Args:
        task: what it is asked; None where nobody has said.
        recipe: how a set is split.
        data: as `load_splits` takes it, or an .npz.
        split: `test` or `val`.

    Raises:
        EdgekitError: as `load_arrays`, `load_splits` and `taken_for`; other classes than the model's.
    """
    if is_arrays(data):
        if split != "test":
            raise EdgekitError(f"{data} is one set, without splits.", "Leave out --split.")
        return load_arrays(Path(data), model, task)
    taken = taken_for(model, data)
    height, width, channels = model.image_size or (0, 0, 0)
    splits = load_splits(data, (height, width), for_model(recipe, channels), strict=strict)
    splits = in_order_of(model, task, splits)
    return Arrays(splits.test if split == "test" else splits.val, splits.info, taken=taken)


def limited(inputs: Arrays, limit: int | None) -> Arrays:
    """At most so many of the inputs, evenly spread."""
    count = len(inputs.inputs)
    if limit is None or limit >= count:
        return inputs
    rows = np.linspace(0, count - 1, limit).round().astype(np.int64)
    targets = None if inputs.targets is None else inputs.targets[rows]
    return Arrays(inputs.inputs.take(rows), inputs.info, targets, inputs.against, inputs.taken)
