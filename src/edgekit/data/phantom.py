"""The embedded default data: chest radiographs that are drawn, not taken. Every result on them is called synthetic.

In: a seed and a number of images. Out: a `Catalogue` whose images are drawn when they are read.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.data import phantom_drawing
from edgekit.data.catalogue import Catalogue
from edgekit.data.preprocess import to_pixels
from edgekit.errors import EdgekitError
from edgekit.files import key_of
from edgekit.values.code import code_key
from edgekit.values.images import DataInfo, Size
from edgekit.values.task import CHEST_XRAY

SMALLEST = 40  # below it a class of a split may be empty


@dataclass(frozen=True, slots=True)
class DrawnPictures:
    """Images drawn from (seed, split, row): each is independent of how many others there are."""

    seed: int
    keys: tuple[tuple[int, int, int], ...]  # (0 train or 1 test, number within the split, label)

    def prepare(self) -> None:
        """Nothing: images are drawn one by one."""

    def pixels(self, row: int, size: Size, channels: int) -> NDArray[np.uint8]:
        """uint8 [height, width, channels]."""
        return to_pixels(self.original(row), size, channels)

    def original(self, row: int) -> Image.Image:
        """The drawing at its own size."""
        part, number, label = self.keys[row]
        return Image.fromarray(
            phantom_drawing.draw(np.random.default_rng((self.seed, part, number)), label == CHEST_XRAY.positive_index)
        )


def phantom_catalogue(seed: int, train_images: int) -> Catalogue:
    """Lists `train_images` images for training and a quarter as many for the test, half of each with pneumonia.

    Raises:
        EdgekitError: too few images.
    """
    if train_images < SMALLEST:
        raise EdgekitError(
            f"phantom:{seed}:{train_images} is too small to be split.", f"Ask for {SMALLEST} images or more."
        )
    entries = sorted(
        (f"{split}/{CHEST_XRAY.labels[number % 2]}/phantom-{number:06d}.png", split, (part, number, number % 2))
        for part, (split, count) in enumerate((("train", train_images), ("test", train_images // 4)))
        for number in range(count)
    )
    ids = tuple(name for name, _, _ in entries)
    keys = tuple(key for _, _, key in entries)
    drawing = code_key(phantom_drawing.__name__)
    return Catalogue(
        info=DataInfo(
            name="phantom",
            fingerprint=key_of({"phantom": drawing, "seed": seed, "train_images": train_images}),
            synthetic=True,
            task=CHEST_XRAY,
            licence="Apache-2.0, drawn by edgekit",
            notes=("synthetic: drawn by a program, no patient; figures say nothing about medicine",),
        ),
        ids=ids,
        labels=np.array([label for _, _, label in keys], np.int64),
        splits=tuple(split for _, split, _ in entries),
        groups=ids,
        digests=("",) * len(ids),
        pictures=DrawnPictures(seed, keys),
        class_names=CHEST_XRAY.labels,
    )
