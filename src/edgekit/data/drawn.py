"""Data sets that a program draws, the same on every machine: `phantom` and `shapes`. Every result on them is called
synthetic.

In: a seed and a number of images. Out: a `Catalogue` whose images are drawn when they are read.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.data import phantom_drawing, shapes_drawing
from edgekit.data.catalogue import Catalogue
from edgekit.errors import EdgekitError
from edgekit.files import key_of
from edgekit.values.code import code_key
from edgekit.values.images import DataInfo
from edgekit.values.task import CHEST_XRAY, Task

SMALLEST = 20  # images a class; below it a class of a split may be empty
SHAPES = Task(labels=shapes_drawing.LABELS, channels=3, noun="drawn shape")

# The picture of a class number, uint8 [H, W] or [H, W, 3]; random by the generator alone
Draw = Callable[[np.random.Generator, int], NDArray[Any]]


def phantom_catalogue(seed: int, train_images: int) -> Catalogue:
    """The embedded default data: chest radiographs that are drawn, not taken, half of them with pneumonia.

    Raises:
        EdgekitError: too few images.
    """

    def draw(rng: np.random.Generator, label: int) -> NDArray[Any]:
        return phantom_drawing.draw(rng, label == CHEST_XRAY.positive_index)

    note = "synthetic: drawn by a program, no patient; figures say nothing about medicine"
    return _catalogue("phantom", seed, train_images, CHEST_XRAY, draw, phantom_drawing, note)


def shapes_catalogue(seed: int, train_images: int) -> Catalogue:
    """Shapes on textured grounds, in colours that a grey version does not show.

    Raises:
        EdgekitError: too few images.
    """
    note = "synthetic: drawn by a program; red and green are of one brightness, so that grey versions do not tell them"
    return _catalogue("shapes", seed, train_images, SHAPES, shapes_drawing.draw, shapes_drawing, note)


def _catalogue(
    name: str, seed: int, train_images: int, task: Task, draw: Draw, drawing: ModuleType, note: str
) -> Catalogue:
    """`train_images` images for training and a quarter as many for the test, as many of each class."""
    classes = len(task.labels)
    if train_images < SMALLEST * classes:
        raise EdgekitError(
            f"{name}:{seed}:{train_images} is too small to be split.",
            f"Ask for {SMALLEST * classes} images or more.",
        )
    entries = sorted(
        (f"{split}/{task.labels[number % classes]}/{name}-{number:06d}.png", split, number % classes, (part, number))
        for part, (split, count) in enumerate((("train", train_images), ("test", train_images // 4)))
        for number in range(count)
    )
    ids, splits, labels, places = zip(*entries, strict=True)

    def image_of(row: int) -> Image.Image:  # whatever the number of images
        return Image.fromarray(draw(np.random.default_rng((seed, *places[row])), labels[row]))

    code = code_key(drawing.__name__)
    return Catalogue(
        info=DataInfo(
            name=name,
            fingerprint=key_of({name: code, "seed": seed, "train_images": train_images}),
            synthetic=True,
            task=task,
            licence="Apache-2.0, drawn by edgekit",
            notes=(note,),
        ),
        ids=ids,
        labels=np.array(labels, np.int64),
        splits=splits,
        groups=ids,
        digests=("",) * len(ids),
        open_images=lambda: image_of,
    )
