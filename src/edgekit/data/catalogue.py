"""What every source hands on: a catalogue of its images, before any of them is decoded.

In: names, labels and digests that a source found. Out: a `Catalogue` in the order of its ids.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.files import sha256_of
from edgekit.values.images import DataInfo

# The image of a row, loaded in full; called from several threads at once. EdgekitError names an unreadable file.
ImageOf = Callable[[int], AbstractContextManager[Image.Image]]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One data set as found, N images sorted by id."""

    info: DataInfo
    ids: tuple[str, ...]
    labels: NDArray[np.int64]  # [N], positions in the task's labels
    # `train`, `val` or `test` of each, as the source says. An empty `val` or `test` is made from train by group.
    splits: tuple[str, ...]
    groups: tuple[str, ...]  # images of one patient share a name
    digests: tuple[str, ...]  # hex SHA-256 of the image bytes, empty where the source cannot tell cheaply
    open_images: Callable[[], ImageOf]  # opens what holds the images; EdgekitError where the whole of it is damaged
    by_colours: bool = False  # the images decide on the task's channels: 3 where one of them has colours, else 1

    def __len__(self) -> int:
        return len(self.ids)

    def noted(self, *notes: str) -> "Catalogue":
        """The same catalogue with more notes on its info."""
        return replace(self, info=replace(self.info, notes=(*self.info.notes, *notes)))


def fingerprint_of(names: Iterable[str], digests: Iterable[str]) -> str:
    """The hex SHA-256 over the sorted (name, SHA-256 of the content) pairs: content, never a time stamp."""
    return sha256_of(*(f"{name}\0{digest}\n".encode() for name, digest in sorted(zip(names, digests, strict=True))))


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first few names in words: `a, b, c and 7 more`."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def shared(values: Sequence[str], splits: Sequence[str], one: str, other: str) -> set[str]:
    """The values (groups, digests) that stand in both splits; the empty one counts as unknown."""
    of = {name: {value for value, split in zip(values, splits, strict=True) if split == name} for name in (one, other)}
    return (of[one] & of[other]) - {""}
