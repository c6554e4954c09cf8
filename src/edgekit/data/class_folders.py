"""A folder a class, in a train and a test folder or not.

In: a folder. Out: a `Listing` of its JPEG and PNG files.
"""

import os
from collections import Counter
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from edgekit.data.catalogue import listed
from edgekit.data.listing import SPLIT_NAMES, Listing, alike, in_order, key
from edgekit.data.unused import MASKS, SUFFIXES, is_junk, names_a_part, printable_path, refuse, unused
from edgekit.errors import EdgekitError

LAYOUT = "Give a folder that holds one folder a class, or a train and a test folder with one folder a class in each."


def by_folders(folder: Path, root: Path) -> Listing:
    """Lists the images below `root`, and what is not used below `folder`, in which it lies.

    Raises:
        EdgekitError: no images, fewer than two classes, a class without images, or folders whose names differ only in
            case.
    """
    split_folders = _split_folders(root)
    class_folders = [(split, child) for split, parent in split_folders for child in folders_in(parent)]
    class_names = _class_names(root, [_name(child) for _, child in class_folders])
    label_of = {key(name): label for label, name in enumerate(class_names)}
    found = sorted(
        (printable_path(path.relative_to(root)), path, split, label_of[key(_name(child))])
        for split, child in class_folders
        for path in _images(child)
    )
    counts = Counter((split, class_names[label]) for _, _, split, label in found)
    looked_into = [child for _, child in (*split_folders, *class_folders)]
    notes = unused(folder, [path for _, path, _, _ in found], [*looked_into, root])
    notes += [f"{printable_path(Path(own.name))}/ joins the training images, of which validation is drawn by group"
              for _, own in split_folders if SPLIT_NAMES.get(own.name.casefold()) == "val"]  # fmt: skip
    for (split, _), class_name in product(split_folders, class_names):
        if not counts[split, class_name]:
            where = f"{split}/{class_name}" if len({split for split, _ in split_folders}) > 1 else class_name
            message = "; ".join([f"The class {where} of {root} has no images", *notes])
            raise EdgekitError(f"{message}.", f"Put JPEG or PNG files there. {LAYOUT}")
    ids, paths, splits, labels = zip(*found, strict=True)
    return Listing(ids, paths, splits, labels, class_names, tuple(notes))


def is_split(folder: Path) -> bool:
    """Whether it is a train, a val or a test folder, by its name."""
    return folder.name.casefold() in SPLIT_NAMES


def _name(child: Path) -> str:
    return printable_path(Path(child.name))


def _split_folders(root: Path) -> list[tuple[str, Path]]:
    inner = [
        ("test" if SPLIT_NAMES[child.name.casefold()] == "test" else "train", child)
        for child in folders_in(root)
        if is_split(child)
    ]
    if not inner:
        return [("train", root)]
    if all(split == "test" for split, _ in inner):
        raise EdgekitError(f"{root} has a test folder but no train folder.", LAYOUT)
    return inner


def _class_names(root: Path, names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        raise EdgekitError(f"{root} has no class folders.", LAYOUT)
    classes = in_order(names, str(root), LAYOUT)
    parts = [*filter(names_a_part, classes)]  # beside two classes, a folder of masks or of a fold would be a third
    if parts and (len(classes) > 2 or len(parts) == 2):
        raise EdgekitError(
            f"{root} holds {listed(parts)}: these name parts of a set, not classes.",
            f"Call the parts train and test; join folds; keep masks elsewhere; if it is a class, rename it. {LAYOUT}",
        )
    return classes


def folders_in(folder: Path) -> list[Path]:
    """The folders in it, sorted, but what systems leave there. EdgekitError where two differ only in case."""
    try:
        found = sorted(child for child in folder.iterdir() if child.is_dir() and not is_junk(child.name))
    except OSError as error:
        refuse(error)
    if two := alike(child.name for child in found):
        raise EdgekitError(
            f"{folder} has two folders whose names differ only in case or accents' spelling: {' and '.join(two)}.",
            "Put their files in one folder, or give them different names.",
        )
    return found


def _images(folder: Path) -> list[Path]:
    paths = []
    for parent, folders, names in os.walk(folder, onerror=refuse):  # it would pass over what it cannot read
        folders[:] = [name for name in folders if not is_junk(name) and name.casefold() not in MASKS]
        paths += [Path(parent, name) for name in names if Path(name).suffix.lower() in SUFFIXES and not is_junk(name)]
    return paths
