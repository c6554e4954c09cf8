"""What was found of a folder's images before they are hashed: by its class folders, or by its labels.csv.

In: names of classes, as they were spelled. Out: a `Listing`; names in the order of a model's outputs.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import EdgekitError
from edgekit.values.task import CHEST_XRAY

NEGATIVE, POSITIVE = CHEST_XRAY.labels
# What says of an image where it belongs. A folder's own val holds too few images to choose anything on: it joins train.
SPLIT_NAMES = dict.fromkeys(("train", "training"), "train") | dict.fromkeys(("test", "testing"), "test")
SPLIT_NAMES |= dict.fromkeys(("val", "valid", "validation"), "val")


@dataclass(frozen=True, slots=True)
class Listing:
    """N images of a folder, sorted by id."""

    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    splits: tuple[str, ...]
    labels: tuple[int, ...]  # positions in the class names
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()  # of what is not used
    groups: tuple[str, ...] = ()  # empty names where nothing is known; empty where nobody was asked
    marks: tuple[tuple[str, str], ...] = ()  # further (name, digest) pairs of the fingerprint


def key(name: str) -> str:
    """What two spellings of one class name have in common."""
    return unicodedata.normalize("NFC", name).casefold()


def alike(names: Iterable[str]) -> tuple[str, str] | None:
    """Two different names that are one by `key`, if there are any."""
    first: dict[str, str] = {}
    return next(((first[key(name)], name) for name in names if first.setdefault(key(name), name) != name), None)


def in_order(names: Sequence[str], where: str, hint: str) -> tuple[str, ...]:
    """The classes' names, each once, in the order of a model's outputs.

    Raises:
        EdgekitError: fewer than two; it names `where`.
    """
    spelled = {key(name): unicodedata.normalize("NFC", name) for name in sorted(names)[::-1]}
    classes = [spelled[one] for one in sorted(spelled)]
    if len(classes) == 1:
        raise EdgekitError(f"{where} has only one class, {classes[0]}.", f"Two or more are needed. {hint}")
    if [name.upper() for name in classes] == [NEGATIVE, POSITIVE]:
        return (NEGATIVE, POSITIVE)
    if len(classes) == 2 and classes[1].upper() == NEGATIVE:  # beside COVID, say: what is not normal is looked for
        classes.reverse()
    return tuple(classes)
