"""Looks at every image of a data set and says what is there: `edgekit data info`.

In: a `--data` word. Out: an `Audit`; `report.pages.sections` shows it.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from edgekit.data.asked import as_seen
from edgekit.data.catalogue import Catalogue, shared
from edgekit.data.decode import see_images
from edgekit.data.preprocess import has_colours, is_transparent, to_pixels
from edgekit.data.sources import DARK, dark_note, open_catalogue
from edgekit.files import print_warning, sha256_of
from edgekit.values.codec import to_json
from edgekit.values.images import DataInfo


@dataclass(frozen=True, slots=True)
class Spread:
    """Smallest, middle and largest of a size in pixels."""

    min: int
    median: float
    max: int


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Images that are the same."""

    within: Mapping[str, int]  # by split, how many images repeat an earlier one of the same split
    across: Mapping[str, int]  # by pair of splits (`train/test`), how many different images stand in both
    groups: tuple[tuple[str, ...], ...]  # the ids of each set of equal images, those across splits first
    two_labels: int  # how many groups have more than one label


@dataclass(frozen=True, slots=True)
class Audit:
    """What a data set holds, by split as the source gives it (the validation split of a folder is made later)."""

    info: DataInfo
    images: int
    counts: Mapping[str, Mapping[str, int]]  # by split and class name, unreadable images included
    width: Spread | None  # of the readable images as stored; None where there are none
    height: Spread | None
    modes: Mapping[str, int]  # readable images by Pillow mode (`L`, `RGB`, `I;16`)
    patients: Mapping[str, int]  # by split
    patients_shared: Mapping[str, int]  # patient names by pair of splits
    byte_identical: Duplicates  # equal files
    pixel_identical: Duplicates  # images of equal pixels, whatever their files
    unreadable: Mapping[str, str]  # id to reason
    coloured: int = 0  # readable images that are not grey, however they are stored


def audit(data: str, *, cache_dir: Path | None = None, on_warning: Callable[[str], None] = print_warning) -> Audit:
    """Reads every image in full.

    Raises:
        EdgekitError: no such data, fewer than two classes, a failed download.
    """
    catalogue = open_catalogue(data, cache_dir=cache_dir, on_warning=on_warning)
    rows = range(len(catalogue))
    images, unreadable = see_images(catalogue, f"Looking at {catalogue.info.name}", _seen)
    splits = [name for name in ("train", "val", "test") if name in catalogue.splits]
    found = Counter(zip(catalogue.splits, catalogue.labels.tolist(), strict=True))
    dark = sum(one.dark for one in images.values())
    coloured = [row for row, one in images.items() if one.coloured]
    catalogue, _ = as_seen(catalogue, coloured, [row for row, one in images.items() if one.transparent])
    return Audit(
        info=catalogue.noted(*([dark_note(dark)] if dark else [])).info,
        images=len(catalogue),
        counts={
            split: {name: found[split, label] for label, name in enumerate(catalogue.info.task.labels)}
            for split in splits
        },
        width=_spread([one.size[0] for one in images.values()]),
        height=_spread([one.size[1] for one in images.values()]),
        modes=dict(Counter(one.mode for one in images.values()).most_common()),
        patients={
            split: len({p for p, s in zip(catalogue.groups, catalogue.splits, strict=True) if s == split})
            for split in splits
        },
        patients_shared=_shared(catalogue, catalogue.groups, splits),
        byte_identical=_duplicates(catalogue, catalogue.digests, splits),
        pixel_identical=_duplicates(catalogue, [images[row].digest if row in images else "" for row in rows], splits),
        unreadable={catalogue.ids[row]: reason for row, reason in unreadable.items()},
        coloured=len(coloured),
    )


def audit_json(found: Audit) -> dict[str, Any]:
    """As `data info --json` prints it; the images of what is not medical belong to groups, not to patients."""
    group = found.info.task.group
    return {name.replace("patient", group): value for name, value in to_json(found).items()}


class _Seen(NamedTuple):
    size: tuple[int, int]  # (width, height)
    mode: str
    digest: str  # SHA-256 of the size and the pixels, grey ones where it has no colours
    dark: bool  # almost black
    coloured: bool
    transparent: bool


def _seen(row: int, image: Image.Image) -> _Seen:
    coloured = has_colours(image)
    pixels = to_pixels(image, (image.height, image.width), 3 if coloured else 1)
    digest = sha256_of(repr(pixels.shape[:2]).encode(), pixels.tobytes())
    return _Seen(image.size, image.mode, digest, bool(pixels.max(initial=0) < DARK), coloured, is_transparent(image))


def _shared(catalogue: Catalogue, values: Sequence[str], splits: Sequence[str]) -> dict[str, int]:
    pairs = combinations(splits, 2)
    return {f"{one}/{other}": len(shared(values, catalogue.splits, one, other)) for one, other in pairs}


def _spread(values: Sequence[int]) -> Spread | None:
    return Spread(min(values), statistics.median(values), max(values)) if values else None


def _duplicates(catalogue: Catalogue, keys: Sequence[str], splits: Sequence[str]) -> Duplicates:
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        if key:
            rows_of[key].append(row)
    groups = [rows for rows in rows_of.values() if len(rows) > 1]
    within = dict.fromkeys(splits, 0)
    for rows in groups:
        for split, count in Counter(catalogue.splits[row] for row in rows).items():
            within[split] += count - 1
    groups.sort(key=lambda rows: (len({catalogue.splits[row] for row in rows}) == 1, rows))
    return Duplicates(
        within=within,
        across=_shared(catalogue, keys, splits),
        groups=tuple(tuple(catalogue.ids[row] for row in rows) for rows in groups),
        two_labels=sum(len({int(catalogue.labels[row]) for row in rows}) > 1 for rows in groups),
    )
