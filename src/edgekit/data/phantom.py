"""The embedded default data: chest radiographs that are drawn, not taken. Every result on them is called synthetic.

In: a seed and a number of images. Out: a `Catalogue` whose images are drawn when they are read.
"""

import numpy as np
from PIL import Image

from edgekit.data import phantom_drawing
from edgekit.data.catalogue import Catalogue
from edgekit.errors import EdgekitError
from edgekit.files import key_of
from edgekit.values.code import code_key
from edgekit.values.images import DataInfo
from edgekit.values.task import CHEST_XRAY

SMALLEST = 40  # below it a class of a split may be empty


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
        (f"{split}/{CHEST_XRAY.labels[number % 2]}/phantom-{number:06d}.png", split, number % 2, (part, number))
        for part, (split, count) in enumerate((("train", train_images), ("test", train_images // 4)))
        for number in range(count)
    )
    ids, splits, labels, places = zip(*entries, strict=True)

    def image_of(row: int) -> Image.Image:  # whatever the number of images
        rng = np.random.default_rng((seed, *places[row]))
        return Image.fromarray(phantom_drawing.draw(rng, labels[row] == CHEST_XRAY.positive_index))

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
        labels=np.array(labels, np.int64),
        splits=splits,
        groups=ids,
        digests=("",) * len(ids),
        open_images=lambda: image_of,
    )
