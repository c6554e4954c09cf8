"""A folder of images as a data source: with a folder a class, or with a labels.csv.

In: a folder. Out: a `Catalogue` of its JPEG and PNG files.
"""

import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from edgekit.data.asked import looked_for
from edgekit.data.catalogue import Catalogue, fingerprint_of, shared
from edgekit.data.class_folders import LAYOUT, by_folders, folders_in, is_split
from edgekit.data.labels_csv import by_csv, labels_file
from edgekit.data.listing import Listing
from edgekit.data.preprocess import open_image
from edgekit.data.unused import printable_path
from edgekit.errors import EdgekitError
from edgekit.files import file_sha256, print_warning
from edgekit.values.images import DataInfo
from edgekit.values.task import CHEST_XRAY, Task

# File names of the public release: person123_bacteria_45, IM-0115-0001, NORMAL2-IM-1423-0001.
PATIENT = re.compile(r"(person\d+)(?=_)|((?:NORMAL2-)?IM-\d+)(?=-)", re.IGNORECASE)
RELEASE_NAME = re.compile(r"person\d+_(bacteria|virus)_\d+(_\d+)?|(NORMAL2-)?IM-\d+-\d+(-\d+)?")
RELEASE_LICENCE = (
    'CC BY 4.0. D. Kermany, K. Zhang, M. Goldbaum, "Labeled Optical Coherence Tomography (OCT) and Chest X-Ray Images '
    'for Classification", Mendeley Data, V3, doi:10.17632/rscbjbr9sj.3'
)


def folder_catalogue(
    folder: Path, *, name: str = "", licence: str = "", on_warning: Callable[[str], None] = print_warning
) -> Catalogue:
    """Lists and hashes the images below `folder`; decodes none. `on_warning` is told of images that a labels.csv does
    not name.

    Raises:
        EdgekitError: no such folder, no images, fewer than two classes, a class without images, class names that differ
            only in case, or a faulty labels.csv.
    """
    root = _root(folder)
    csv = labels_file(root)
    found = by_csv(folder, root, csv, on_warning) if csv else by_folders(folder, root)
    ids, paths, class_names = found.ids, found.paths, found.class_names
    digests = _digests(paths)
    # folders of other names are another question than the release's, in words of their own
    positive = class_names[1] if len(class_names) == 2 else ""
    task = CHEST_XRAY if class_names == CHEST_XRAY.labels else Task(class_names, positive=positive)
    groups, notes = _groups(found, task.group)
    if not licence and class_names == CHEST_XRAY.labels and all(RELEASE_NAME.fullmatch(path.stem) for path in paths):
        licence = f"{RELEASE_LICENCE} (recognised by its file names)"
    if both := shared(groups, found.splits, "train", "test"):
        notes.append(
            f"{len(both)} {task.group} names stand in both train and test as the source splits them; whether they are "
            f"the same {task.group}s is not known"
        )
    if task != CHEST_XRAY and task.positive:
        notes.append(looked_for(task))
    notes += found.notes
    return Catalogue(
        info=DataInfo(
            name or printable_path(Path(folder.resolve().name)),
            fingerprint_of(*zip(*zip(ids, digests, strict=True), *found.marks, strict=True)),
            False,
            task,
            licence,
            tuple(notes),
        ),
        ids=ids,
        labels=np.array(found.labels, np.int64),
        splits=found.splits,
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
            "Data are a folder, or phantom, shapes, digits, chest-xray, chest-xray-3, medmnist:NAME or pneumoniamnist.",
        )
    if not folder.is_dir():
        raise EdgekitError(f"{folder} is a file, not a folder of images.", LAYOUT)
    while True:
        if labels_file(folder):
            return folder
        inner = folders_in(folder)
        if len(inner) != 1 or is_split(inner[0]) or not (folders_in(inner[0]) or labels_file(inner[0])):
            return folder
        folder = inner[0]


def _digests(paths: Sequence[Path]) -> tuple[str, ...]:
    def digest(path: Path) -> str:
        try:
            return file_sha256(path)
        except OSError:
            return ""  # decoding will name it

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:  # hashing and reading give up the interpreter lock
        return tuple(pool.map(digest, paths, chunksize=64))


def _groups(found: Listing, word: str) -> tuple[tuple[str, ...], list[str]]:
    """Who belongs together as labels.csv says, or else as the file names do; and a note of images of which nobody
    says."""
    where, names = "file names", [match.group() if (match := PATIENT.match(path.stem)) else "" for path in found.paths]
    if any(found.groups):
        where, names = "lines of labels.csv", [*found.groups]
    unnamed = names.count("")
    groups = tuple(name or alone for name, alone in zip(names, found.ids, strict=True))
    if unnamed == len(names):
        return groups, [f"no {word} in the {where}: every image counts as its own {word}"]
    note = f"no {word} in {unnamed} of {len(names)} {where}: each of those counts as its own {word}"
    return groups, [note] if unnamed else []
