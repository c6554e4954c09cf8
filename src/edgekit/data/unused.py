"""What lies in a folder of images and is not used: counted and named, so that nothing is dropped in silence.

In: a folder and the images that were taken of it. Out: notes for `data info` and the card.
"""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from edgekit.data.catalogue import listed
from edgekit.errors import EdgekitError, printable

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png"})
# Beside the images of a class they would count as more of its images.
MASKS = frozenset(
    f"{word}{plural}"
    for word in ("mask", "segmentation", "annotation", "label", "overlay", "heatmap", "contour", "ground_truth")
    for plural in ("", "s")
)
OUTSIDE = "images outside of the class folders"
_FOREIGN = "files that are neither JPEG nor PNG"
_PARTS = frozenset(
    """train training trainset test testing testset val valid validation dev holdout fold split part batch subset set
    data dataset image images img imgs picture pictures photo photos""".split()  # noqa: SIM905 (a list of lines)
).union(*(name.split("_") for name in MASKS))


def is_junk(name: str) -> bool:
    """Whether it is what systems leave in folders."""
    return name.startswith(".") or name == "__MACOSX"


def refuse(error: OSError) -> NoReturn:
    """Says what cannot be read."""
    raise EdgekitError(f"{error.filename} cannot be read: {error.strerror}.", "Check its permissions.") from error


def names_a_part(name: str) -> bool:
    """Whether a folder's name speaks of a part of a set (train_images, fold_1, masks) and not of a class."""
    words = re.findall(r"[^\W\d_]+", name.casefold())
    return bool(words) and _PARTS.issuperset(words)


def unused(folder: Path, used: Collection[Path], linked: Collection[Path]) -> list[str]:
    """A note for each kind of what is not used below the folder.

    Args:
        used: the images that were taken.
        linked: folders that were looked into, though they may be links.
    """
    return notes_of(unused_kinds(folder, used, linked, OUTSIDE), folder)


def unused_kinds(folder: Path, used: Collection[Path], linked: Collection[Path], stray: str) -> dict[str, list[Path]]:
    """As `unused`, what is not used by its kind; `stray` is what images are called that are no masks."""
    kinds: dict[str, list[Path]] = {}
    used = set(used)
    for path in _all(folder, set(linked)):
        if path not in used:
            kinds.setdefault(_kind(path, folder, stray), []).append(path)
    return kinds


def notes_of(kinds: Mapping[str, Sequence[Path]], folder: Path) -> list[str]:
    """A note for each kind of what is not used below the folder."""
    notes = []
    for kind, paths in sorted(kinds.items()):
        names = listed([printable_path(path.relative_to(folder)) for path in sorted(paths)])
        suffixes = Counter(path.suffix.lower() or "no suffix" for path in paths)
        counts = sorted(suffixes.items(), key=lambda one: (-one[1], one[0]))[:6]
        by_suffix = f"{', '.join(f'{count} {suffix}' for suffix, count in counts)}: " if kind == _FOREIGN else ""
        notes.append(f"not used: {len(paths)} {kind} ({by_suffix}{names})")
    return notes


def printable_path(path: Path) -> str:
    """A path as valid UTF-8, whatever bytes the file system holds, spelled as everywhere else."""
    return printable(path.as_posix())


def _all(folder: Path, linked: set[Path]) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not is_junk(name)]
        for path in (Path(parent, name) for name in folders):
            if path.is_symlink() and path in linked:
                yield from _all(path, linked)
            elif path.is_symlink():
                yield path
        yield from (Path(parent, name) for name in names if not is_junk(name))


def _kind(path: Path, folder: Path, stray: str) -> str:
    if path.is_dir():
        return "linked folders"
    if path.suffix.lower() not in SUFFIXES:
        return _FOREIGN
    if MASKS & {part.casefold() for part in path.relative_to(folder).parts[:-1]}:
        return "images in folders of masks"
    return stray
