"""The input that an exported example carries, and what the model says of it on this computer.

In: a model and perhaps a picture. Out: an `Example`: the values in C's order, and the reference's output bytes.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.compile import Compiled
from edgekit.compile.interface import ends_of
from edgekit.compile.reference import reference
from edgekit.data import phantom_drawing, shapes_drawing
from edgekit.data.preprocess import load_pixels, to_pixels
from edgekit.errors import EdgekitError
from edgekit.tflite.quantize import to_int8
from edgekit.values.model import TfliteModel
from edgekit.values.task import Task

_SEED = 0


@dataclass(frozen=True, slots=True)
class Example:
    """What the example gives the model.

    Attributes:
        what: in words.
        pixels: uint8 [H, W, C] of a picture; None where the inputs are given as they are.
        inputs: the quantised values of each input, flat.
        outputs: what the reference makes of them, flat; None where it does not run such a model.
        by: the reference's name.
    """

    what: str
    pixels: NDArray[np.uint8] | None
    inputs: tuple[NDArray[np.int64], ...]
    outputs: NDArray[np.int64] | None
    by: str = ""


def pixel_values(model: TfliteModel | None) -> NDArray[np.int8] | None:
    """What each of the 256 pixel values becomes as the model's input; None where it takes no pictures, or nobody has
    said what it takes black and white for."""
    if model is None or model.variant != "int8" or model.image_size is None:
        return None
    if model.input_q is None or model.input_range is None:
        return None
    return to_int8(np.arange(256, dtype=np.uint8), model.input_q, model.input_range)


def example_of(compiled: Compiled, model: TfliteModel | None, task: Task | None, picture: Path | None) -> Example:
    """The picture, or a drawn one; of a model that takes no pictures, numbers drawn at random, the same each time.

    Args:
        model: None where the model has several inputs or outputs; what it says is then left out.
        picture: the user's.

    Raises:
        EdgekitError: a picture for a model that takes none, one that cannot be read, nothing here that runs the model.
    """
    values = pixel_values(model)
    if picture is not None and values is None:
        raise EdgekitError(
            f"The model takes no pictures, or does not say what it takes black and white for: {picture} cannot be "
            "built in.",
            "Leave out --picture, or say what the network was trained on: --input-range 0,1 or -1,1 or 0,255.",
        )
    pixels, what, inputs = None, "numbers drawn at random", _drawn_numbers(compiled)
    if model is not None and model.image_size is not None and values is not None:
        height, width, channels = model.image_size
        if picture is None:
            what, pixels = _drawn_picture(task, (height, width), channels)
        else:
            what, pixels = f"the picture {picture.name}", load_pixels(picture, (height, width), channels)
        inputs = (values[pixels].reshape(-1).astype(np.int64),)
    if model is None or model.variant != "int8":
        return Example(what, pixels, inputs, None)
    runtime = reference(model)
    outputs = runtime.run(model, inputs[0].astype(np.int8).reshape(1, *model.input_shape)).reshape(-1)
    return Example(what, pixels, inputs, outputs.astype(np.int64), runtime.name)


def _drawn_picture(task: Task | None, size: tuple[int, int], channels: int) -> tuple[str, NDArray[np.uint8]]:
    rng = np.random.default_rng(_SEED)
    if task is not None and task.domain:
        what, drawn = "a drawn chest X-ray (no patient)", phantom_drawing.draw(rng, pneumonia=True)
    else:
        what, drawn = "a drawn shape, which need not be of the model's kind", shapes_drawing.draw(rng, 0)
    return what, to_pixels(Image.fromarray(drawn), size, channels)


def _drawn_numbers(compiled: Compiled) -> tuple[NDArray[np.int64], ...]:
    rng = np.random.default_rng(_SEED)
    inputs = [end for end in ends_of(compiled.graph) if end.is_input]
    return tuple(rng.integers(end.limits[0], end.limits[1] + 1, end.tensor.size, dtype=np.int64) for end in inputs)
