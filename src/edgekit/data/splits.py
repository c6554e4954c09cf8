"""Who trains, who validates: splits by patient, stratified by label, the same on every machine.

In: a catalogue with its decoded images. Out: `ImageSplits`.
"""

import hashlib
from collections import defaultdict
from itertools import product

import numpy as np
from numpy.typing import NDArray

from edgekit.data.catalogue import Catalogue, shared
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import DataRecipe
from edgekit.values.images import ImageSet, ImageSplits

Rows = NDArray[np.int64]


def split(catalogue: Catalogue, images: NDArray[np.uint8], readable: Rows, recipe: DataRecipe) -> ImageSplits:
    """Makes the splits of the readable rows; those that the source brings are kept.

    Args:
        images: uint8 [N, H, W, C] in the catalogue's order.
        readable: rows of the catalogue that may be used.

    Raises:
        EdgekitError: a split would lack a class.
    """
    by_split: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    for row in readable.tolist():
        by_split[catalogue.splits[row]].append(row)
    train, val, test = (np.array(by_split[name], np.int64) for name in ("train", "val", "test"))
    if not len(test):
        train, test = _divided(catalogue, train, recipe.test_fraction, recipe.split_seed, "test")
        catalogue = catalogue.noted(
            f"no test set of its own: {recipe.test_fraction:.0%} was set aside by {catalogue.info.task.group}"
        )
    if not len(val):
        train, val = _divided(catalogue, train, recipe.val_fraction, recipe.split_seed, "validation")
    named = (("training", train), ("validation", val), ("test", test))
    for (name, rows), (label, class_name) in product(named, enumerate(catalogue.info.task.labels)):
        if label not in catalogue.labels[rows]:
            raise EdgekitError(
                f"The {name} set of {catalogue.info.name} has no readable image of class {class_name}.",
                "Add images to that class, or replace the unreadable ones (edgekit data info names them).",
            )
    calibration = _sample(catalogue, train, recipe.calibration_images, recipe.split_seed)
    everything = ImageSet(images, catalogue.labels, catalogue.ids, catalogue.groups)
    return ImageSplits(catalogue.info, *(everything.take(rows) for rows in (train, val, calibration, test)))


def train_in_test(catalogue: Catalogue) -> tuple[str, ...]:
    """Ids of training images whose very bytes stand in the test set as well."""
    both = shared(catalogue.digests, catalogue.splits, "train", "test")
    rows = range(len(catalogue))
    return tuple(catalogue.ids[i] for i in rows if catalogue.splits[i] == "train" and catalogue.digests[i] in both)


def _groups(catalogue: Catalogue, rows: Rows) -> list[list[int]]:
    """Rows that must stay together: one group's, and byte-identical ones."""
    leader = {row: row for row in rows.tolist()}

    def find(row: int) -> int:
        while leader[row] != row:
            leader[row] = leader[leader[row]]
            row = leader[row]
        return row

    first: dict[tuple[str, str], int] = {}
    for row in rows.tolist():
        keys = [("group", catalogue.groups[row])]
        if catalogue.digests[row]:
            keys.append(("digest", catalogue.digests[row]))
        for key in keys:
            leader[find(row)] = find(first.setdefault(key, row))
    groups: dict[int, list[int]] = defaultdict(list)
    for row in rows.tolist():
        groups[find(row)].append(row)
    return list(groups.values())


def _divided(catalogue: Catalogue, rows: Rows, fraction: float, seed: int, name: str) -> tuple[Rows, Rows]:
    """Sets `fraction` of each class aside, whole groups only. Returns (rest, aside)."""
    task = catalogue.info.task
    groups = sorted(_groups(catalogue, rows), key=lambda group: _lot(seed, name, catalogue.ids[group[0]]))
    counts = np.array([np.bincount(catalogue.labels[group], minlength=len(task.labels)) for group in groups])
    counts = counts.reshape(len(groups), len(task.labels))
    for label, holding in enumerate((counts > 0).sum(axis=0).tolist()):
        if holding < 2:
            raise EdgekitError(
                f"{catalogue.info.name} has {holding} {task.group}s of class {task.labels[label]} "
                f"for training: no {name} set can be split off by {task.group}.",
                f"Add images of more {task.group}s to that class.",
            )
    chosen = _by_most(counts, fraction) or _by_each(counts, fraction)
    aside = [row for number in chosen for row in groups[number]]
    return np.setdiff1d(rows, aside), np.array(sorted(aside), np.int64)


def _by_most(counts: NDArray[np.int64], fraction: float) -> list[int]:
    """The groups to set aside, each a group of the class that it has most of: none where a class has fewer than two.

    Args:
        counts: images of each class [groups, classes], the groups in the order of their lots.
    """
    most = [int(np.flatnonzero(row == row.max())[-1]) for row in counts]
    sizes, chosen = counts.sum(axis=1), list[int]()
    for label in range(counts.shape[1]):
        of_class = [number for number, its in enumerate(most) if its == label]
        if len(of_class) < 2:
            return []
        wanted, filled, fits = max(1, round(fraction * int(sizes[of_class].sum()))), 0, list[int]()
        for number in of_class:
            if filled + sizes[number] <= wanted:
                fits.append(number)
                filled += int(sizes[number])
        chosen += fits or [min(of_class, key=lambda number: int(sizes[number]))]
    return chosen


def _by_each(counts: NDArray[np.int64], fraction: float) -> list[int]:
    """The same where groups have images of several classes, a day's pictures say: groups that give no class more than
    its share, for the class of the fewest groups first."""
    wanted, filled = np.maximum(1, np.rint(fraction * counts.sum(axis=0))), np.zeros(counts.shape[1], np.int64)
    chosen = list[int]()
    for label in np.argsort((counts > 0).sum(axis=0), kind="stable"):
        holding = np.flatnonzero(counts[:, label]).tolist()
        for number in holding:
            if number not in chosen and (filled + counts[number] <= wanted).all():
                chosen.append(number)
                filled += counts[number]
        if not filled[label]:
            chosen.append(min(holding, key=lambda number: int(counts[number].sum())))
            filled += counts[chosen[-1]]
    return chosen


def _sample(catalogue: Catalogue, rows: Rows, count: int, seed: int) -> Rows:
    """At most `count` of the rows, in the classes' own proportion and with one at least of each there is room for."""
    count, left = min(count, len(rows)), len(rows)
    chosen: list[int] = []
    classes = len(catalogue.info.task.labels)
    for label in reversed(range(classes)):  # `label` more classes follow, each to have one at least
        part = rows[catalogue.labels[rows] == label].tolist()
        share = min(
            max(round(count * len(part) / left), 1, count - (left - len(part))), len(part), max(0, count - label)
        )
        chosen += sorted(part, key=lambda row: _lot(seed, "calibration", catalogue.ids[row]))[:share]
        count, left = count - share, left - len(part)
    return np.array(sorted(chosen), np.int64)


def _lot(seed: int, purpose: str, name: str) -> bytes:
    """A draw that depends on the name and the seed alone, so that one more image moves no other."""
    return hashlib.sha256(f"{seed}\0{purpose}\0{name}".encode()).digest()
