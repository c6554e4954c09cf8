"""Images with their labels, and what is known of the set that they come from. Join on `ids`, never on position.

Sizes are (height, width) in pixels; images are stored as [N, height, width, channels].
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.values.task import Task

Size = tuple[int, int]  # (height, width) in pixels


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Images of one size with their labels."""

    images: NDArray[Any]  # uint8 [N, H, W, C] of the task's channels; or values [N, ...] in the model's input type
    labels: NDArray[np.int64]  # [N] class numbers: positions in the task's labels
    ids: tuple[str, ...]  # unique: the path below the data folder (`train/NORMAL/IM-0115-0001.jpeg`)
    groups: tuple[str, ...]  # images of one group (a patient, say) never stand on both sides of a split

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def size(self) -> Size:
        """(height, width) of the images."""
        return self.images.shape[1], self.images.shape[2]

    def take(self, rows: NDArray[np.int64]) -> "ImageSet":
        """The set of the given rows, in their order."""
        ids, groups = (tuple(names[row] for row in rows) for names in (self.ids, self.groups))
        return ImageSet(self.images[rows], self.labels[rows], ids, groups)


@dataclass(frozen=True, slots=True)
class DataInfo:
    """What is known of a data set, carried into every card and report.

    Attributes:
        name: `chest-xray`, `pneumoniamnist-64`, `phantom` or the folder's name.
        fingerprint: hex SHA-256 over every image file's name and bytes; part of each cache key.
        synthetic: True where the images were drawn, not taken of patients; said wherever a result is shown.
        task: what a model that is trained on the set is asked.
        licence: licence and attribution, empty where unknown.
        notes: what a reader must know (`no patient in the names: every image counts as its own patient`).
        mirror: True where a picture's mirror image has its class, too, so that training may mirror: not of a digit.
    """

    name: str
    fingerprint: str
    synthetic: bool
    task: Task
    licence: str = ""
    notes: tuple[str, ...] = ()
    mirror: bool = True


@dataclass(frozen=True, slots=True)
class ArraysInfo:
    """What is known of a file of inputs without classes: its name, hex SHA-256, what a reader must know."""

    name: str
    fingerprint: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageSplits:
    """One data set at one image size. Only evaluation touches `test`; `calibration` is a part of `train`."""

    info: DataInfo
    train: ImageSet
    val: ImageSet
    calibration: ImageSet
    test: ImageSet
