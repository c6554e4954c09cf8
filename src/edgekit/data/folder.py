"""A folder of images as a data source: a folder a class, in a train and a test folder or not.

In: a folder. Out: a `Catalogue` of its JPEG and PNG files.
"""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np

from edgekit.data.asked import looked_for
from edgekit.data.catalogue import Catalogue, fingerprint_of, listed, shared
from edgekit.data.preprocess import open_image
from edgekit.data.unused import MASKS, SUFFIXES, is_junk, names_a_part, printable_path, refuse, unused
from edgekit.errors import EdgekitError
from edgekit.files import file_sha256
from edgekit.values.images import DataInfo
from edgekit.values.task import CHEST_XRAY, Task

# The official validation folder holds 16 images, too few to choose anything on: it joins train.
SPLIT_NAMES = dict.fromkeys(("train", "training", "val", "valid", "validation"), "train")
SPLIT_NAMES |= dict.fromkeys(("test", "testing"), "test")
NEGATIVE, POSITIVE = CHEST_XRAY.labels
LAYOUT = "Give a folder that holds one folder a class, or a train and a test folder with one folder a class in each."
# File names of the public release: person123_bacteria_45, IM-0115-0001, NORMAL2-IM-1423-0001.
PATIENT = re.compile(r"(person\d+)(?=_)|((?:NORMAL2-)?IM-\d+)(?=-)", re.IGNORECASE)
RELEASE_NAME = re.compile(r"person\d+_(bacteria|virus)_\d+(_\d+)?|(NORMAL2-)?IM-\d+-\d+(-\d+)?")
RELEASE_LICENCE = (
    'CC BY 4.0. D. Kermany, K. Zhang, M. Goldbaum, "Labeled Optical Coherence Tomography (OCT) and Chest X-Ray Images '
    'for Classification", Mendeley Data, V3, doi:10.17632/rscbjbr9sj.3'
)


def folder_catalogue(folder: Path, *, name: str = "", licence: str = "") -> Catalogue:
    """Lists and hashes the images below `folder`; decodes none.

    Raises:
        EdgekitError: no such folder, no images, fewer than two classes, a class without images, or folders whose names
            differ only in case.
    """
    root = _root(folder)
    split_folders = _split_folders(root)
    class_folders = [(split, child) for split, parent in split_folders for child in _folders(parent)]
    class_names = _class_names(root, [child.name for _, child in class_folders])
    label_of = {_key(name): label for label, name in enumerate(class_names)}
    found = sorted(
        (printable_path(path.relative_to(root)), path, split, label_of[_key(child.name)])
        for split, child in class_folders
        for path in _images(child)
    )
    counts = Counter((split, class_names[label]) for _, _, split, label in found)
    looked_into = [child for _, child in (*split_folders, *class_folders)]
    left_out = unused(folder, [path for _, path, _, _ in found], [*looked_into, root])
    for (split, _), class_name in product(split_folders, class_names):
        if not counts[split, class_name]:
            where = f"{split}/{class_name}" if len({split for split, _ in split_folders}) > 1 else class_name
            message = "; ".join([f"The class {where} of {root} has no images", *left_out])
            raise EdgekitError(f"{message}.", f"Put JPEG or PNG files there. {LAYOUT}")
    ids, paths, splits, labels = zip(*found, strict=True)
    digests = _digests(paths)
    # folders of other names are another question than the release's, in words of their own
    positive = class_names[1] if len(class_names) == 2 else ""
    task = CHEST_XRAY if class_names == CHEST_XRAY.labels else Task(class_names, positive=positive)
    groups, notes = _groups(ids, task.group)
    if not licence and class_names == CHEST_XRAY.labels and all(RELEASE_NAME.fullmatch(path.stem) for path in paths):
        licence = f"{RELEASE_LICENCE} (recognised by its file names)"
    if both := shared(groups, splits, "train", "test"):
        notes.append(
            f"{len(both)} {task.group} names stand in both train and test as the source splits them; whether they are "
            f"the same {task.group}s is not known"
        )
    if task != CHEST_XRAY and task.positive:
        notes.append(looked_for(task))
    notes += left_out
    return Catalogue(
        info=DataInfo(
            name or printable_path(Path(folder.resolve().name)),
            fingerprint_of(ids, digests),
            False,
            task,
            licence,
            tuple(notes),
        ),
        ids=ids,
        labels=np.array(labels, np.int64),
        splits=splits,
        groups=groups,
        digests=digests,
        open_images=lambda: lambda row: open_image(paths[row]),
        by_colours=task != CHEST_XRAY,
    )


def _root(folder: Path) -> Path:
    """The folder that holds the splits or the classes: archives often unpack to a folder in a folder."""
    if not folder.exists():
        raise EdgekitError(
            f"There is no folder {folder}.",
            "--data takes a folder, or a set by its name: see README, Data.",
        )
    if not folder.is_dir():
        raise EdgekitError(f"{folder} is a file, not a folder of images.", LAYOUT)
    while True:
        inner = _folders(folder)
        if len(inner) != 1 or inner[0].name.casefold() in SPLIT_NAMES or not _folders(inner[0]):
            return folder
        folder = inner[0]


def _split_folders(root: Path) -> list[tuple[str, Path]]:
    inner = [
        (SPLIT_NAMES[child.name.casefold()], child) for child in _folders(root) if child.name.casefold() in SPLIT_NAMES
    ]
    if not inner:
        return [("train", root)]
    if all(split == "test" for split, _ in inner):
        raise EdgekitError(f"{root} has a test folder but no train folder.", LAYOUT)
    return inner


def _class_names(root: Path, names: Sequence[str]) -> tuple[str, ...]:
    spelled = {_key(name): printable_path(Path(unicodedata.normalize("NFC", name))) for name in sorted(names)[::-1]}
    classes = [spelled[key] for key in sorted(spelled)]
    if not classes:
        raise EdgekitError(f"{root} has no class folders.", LAYOUT)
    parts = [*filter(names_a_part, classes)]  # beside two classes, a folder of masks or of a fold would be a third
    if parts and (len(classes) > 2 or len(parts) == 2):
        raise EdgekitError(
            f"{root} holds {listed(parts)}: these name parts of a set, not classes.",
            f"Call the parts train and test; join folds; keep masks elsewhere; if it is a class, rename it. {LAYOUT}",
        )
    if len(classes) == 1:
        raise EdgekitError(f"{root} has only one class, {classes[0]}.", f"Two or more are needed. {LAYOUT}")
    if [name.upper() for name in classes] == [NEGATIVE, POSITIVE]:
        return (NEGATIVE, POSITIVE)
    if len(classes) == 2 and classes[1].upper() == NEGATIVE:  # beside COVID, say: what is not normal is looked for
        classes.reverse()
    return tuple(classes)


def _key(name: str) -> str:
    """What two spellings of one folder name have in common."""
    return unicodedata.normalize("NFC", name).casefold()


def _folders(folder: Path) -> list[Path]:
    try:
        found = sorted(child for child in folder.iterdir() if child.is_dir() and not is_junk(child.name))
    except OSError as error:
        refuse(error)
    first: dict[str, Path] = {}
    for child in found:
        if (other := first.setdefault(_key(child.name), child)) != child:
            raise EdgekitError(
                f"{folder} has two folders whose names differ only in case or accents' spelling: {other.name} and "
                f"{child.name}.",
                "Put their files in one folder, or give them different names.",
            )
    return found


def _images(folder: Path) -> list[Path]:
    paths = []
    for parent, folders, names in os.walk(folder, onerror=refuse):  # it would pass over what it cannot read
        folders[:] = [name for name in folders if not is_junk(name) and name.casefold() not in MASKS]
        paths += [Path(parent, name) for name in names if Path(name).suffix.lower() in SUFFIXES and not is_junk(name)]
    return paths


def _digests(paths: Sequence[Path]) -> tuple[str, ...]:
    def digest(path: Path) -> str:
        try:
            return file_sha256(path)
        except OSError:
            return ""  # decoding will name it

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:  # hashing and reading give up the interpreter lock
        return tuple(pool.map(digest, paths, chunksize=64))


def _groups(ids: Sequence[str], word: str) -> tuple[tuple[str, ...], list[str]]:
    matches = [PATIENT.match(Path(name).stem) for name in ids]
    groups = tuple(match.group() if match else name for match, name in zip(matches, ids, strict=True))
    unnamed = sum(match is None for match in matches)
    if unnamed == len(ids):
        return groups, [f"no {word} in the file names: every image counts as its own {word}"]
    note = f"no {word} in {unnamed} of {len(ids)} file names: each of those counts as its own {word}"
    return groups, [note] if unnamed else []
