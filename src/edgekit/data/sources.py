"""The words that `--data` takes, and the one way from a word to images.

In: a word of `KNOWN`, or a folder. Out: a `Catalogue` or `ImageSplits`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.data.asked import as_seen, asked
from edgekit.data.catalogue import Catalogue, listed
from edgekit.data.chest_xray import by_cause, chest_xray_catalogue
from edgekit.data.decode import decode
from edgekit.data.digits import digits_catalogue
from edgekit.data.drawn import phantom_catalogue, shapes_catalogue
from edgekit.data.folder import folder_catalogue
from edgekit.data.medmnist import medmnist_catalogue
from edgekit.data.medmnist_sets import SETS
from edgekit.data.splits import split, train_in_test
from edgekit.errors import EdgekitError
from edgekit.files import print_warning, user_folder
from edgekit.recipes.recipe import DataRecipe
from edgekit.values.images import DataInfo, ImageSet, ImageSplits, Size

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A set that edgekit knows by name."""

    word: re.Pattern[str]
    takes: str  # the word in full, for a person
    open: Callable[[re.Match[str], Path, Warn], Catalogue]  # of the match, in a cache folder


def _chest_xrays(match: re.Match[str], cache_dir: Path, on_warning: Warn) -> Catalogue:
    release = _folder(match["folder"], on_warning) if match["folder"] else chest_xray_catalogue(cache_dir, on_warning)
    return by_cause(release) if match["three"] else release


def _count(match: re.Match[str], group: str, default: int) -> int:
    return int(match[group] or default)


_DRAWN = r"(?::(?P<seed>\d{1,9}))?(?::(?P<count>\d{1,6}))?"
_EDGE = r"(?:-(?P<edge>\d{1,4}))?"
KNOWN = {  # by the first word of its name
    "phantom": Source(
        re.compile(f"phantom{_DRAWN}"),
        "phantom[:SEED[:COUNT]], such as phantom:7 or phantom:7:400 (400 training images): up to 9 and 6 digits",
        lambda match, *_: phantom_catalogue(_count(match, "seed", 0), _count(match, "count", 1200)),
    ),
    "shapes": Source(
        re.compile(f"shapes{_DRAWN}"),
        "shapes[:SEED[:COUNT]], such as shapes:7 or shapes:7:400 (400 training images): up to 9 and 6 digits",
        lambda match, *_: shapes_catalogue(_count(match, "seed", 0), _count(match, "count", 2000)),
    ),
    "digits": Source(re.compile("digits"), "digits and takes nothing more", lambda *_: digits_catalogue()),
    "chest-xray": Source(
        re.compile(r"chest-xray(?P<three>-3(?::(?P<folder>.+))?)?"),
        "chest-xray, or of three classes chest-xray-3 or chest-xray-3:FOLDER",
        _chest_xrays,
    ),
    "medmnist": Source(
        re.compile(rf"medmnist:(?P<name>\w+){_EDGE}"),
        f"medmnist:NAME or medmnist:NAME-28, -64, -128, -224; NAME is one of {', '.join(SETS)}",
        lambda match, *more: medmnist_catalogue(match["name"].lower(), _count(match, "edge", 128), *more),
    ),
    "pneumoniamnist": Source(
        re.compile(f"pneumoniamnist{_EDGE}"),
        "pneumoniamnist or pneumoniamnist-28, -64, -128, -224",
        lambda match, *more: medmnist_catalogue("pneumoniamnist", _count(match, "edge", 128), *more),
    ),
}
_MEDMNIST = re.compile(f"({'|'.join(SETS)}){_EDGE}")

DARK = 32  # 12 bits in a 16-bit file reach 15


def dark_note(images: int) -> str:
    """What is said of so many images of which no pixel reaches DARK."""
    return f"{images} images are almost black: no pixel reaches {DARK} of 255"


def load_splits(
    data: str,
    size: Size,
    recipe: DataRecipe,
    *,
    cache_dir: Path | None = None,
    strict: bool = False,
    on_warning: Warn = print_warning,
) -> ImageSplits:
    """The data set at one image size. Ids, splits and fingerprint are the same at every size.

    Args:
        data: a folder, or the name of a set as `KNOWN` takes it.
        size: (height, width) in pixels.
        cache_dir: where downloads and decoded pixels are kept; the user's cache folder by default.
        strict: stop at unreadable images instead of skipping them.
        on_warning: called with what is said of skipped images and of training images in the test set.

    Raises:
        EdgekitError: no such data, fewer than two classes, an unreadable image with `strict`, a failed download, a full
            disk.
    """
    cache_dir = cache_dir or user_folder("cache")
    catalogue = asked(open_catalogue(data, cache_dir=cache_dir, on_warning=on_warning), recipe)
    decoded = decode(catalogue, size, cache_dir, on_warning)
    images, unreadable = decoded.images, decoded.unreadable
    chosen = recipe.channels != "auto"
    catalogue, told = as_seen(catalogue, decoded.coloured, decoded.transparent, chosen=chosen)
    for line in told:
        on_warning(line)
    if unreadable:
        names = listed([catalogue.ids[row] for row in unreadable])
        if strict:
            raise EdgekitError(
                f"{len(unreadable)} images cannot be read: {names}. The first: {next(iter(unreadable.values()))}",
                "Remove or replace them, or leave out --strict to skip them.",
            )
        on_warning(f"{len(unreadable)} images cannot be read and are skipped: {names}.")
        catalogue = catalogue.noted(f"{len(unreadable)} unreadable images were skipped")
    if dark := [row for row in range(len(catalogue)) if row not in unreadable and images[row].max() < DARK]:
        said = dark_note(len(dark))
        names = listed([catalogue.ids[row] for row in dark])
        on_warning(
            f"{said} ({names}). Values of 10 or 12 bits in 16-bit files come out so: stretch them to 16 bits, for "
            "training and for the board alike."
        )
        catalogue = catalogue.noted(said)
    if leaked := train_in_test(catalogue):
        on_warning(
            f"{len(leaked)} training images stand byte for byte in the test set ({listed(leaked)}): "
            "test figures will be too good. Remove them from one of the two."
        )
        catalogue = catalogue.noted(f"{len(leaked)} training images are byte-identical to test images")
    readable = np.setdiff1d(np.arange(len(catalogue)), list(unreadable)).astype(np.int64)
    return split(catalogue, images, readable, recipe)


def load_training(
    data: str, size: Size, recipe: DataRecipe, *, cache_dir: Path | None = None, on_warning: Warn = print_warning
) -> tuple[ImageSet, DataInfo]:
    """The training images alone, for who chooses among models: neither validation nor test. As `load_splits`."""
    splits = load_splits(data, size, recipe, cache_dir=cache_dir, on_warning=on_warning)
    return splits.train, splits.info


def open_catalogue(data: str, *, cache_dir: Path | None = None, on_warning: Warn = print_warning) -> Catalogue:
    """Finds the source that `data` names and lists its images; decodes none, but downloads what is not here.

    Raises:
        EdgekitError: as `load_splits`.
    """
    if not data.strip():  # an unset variable of a script would be the working directory
        raise EdgekitError("--data is empty.", "Name a set or a folder; the folder where you are is called .")
    cache_dir = cache_dir or user_folder("cache")
    for source, match in _known(data):
        if Path(data).is_dir():
            on_warning(
                f"{data} is the set that edgekit knows by that name. For the folder {data} here: --data ./{data}"
            )
        return source.open(match, cache_dir, on_warning)
    word = re.match("|".join(KNOWN), data)
    if word and "/" not in data and not Path(data).exists():
        raise EdgekitError(
            f"{data} is no data set that edgekit knows, and no folder here.",
            f"That set is called {KNOWN[word[0]].takes}.",
        )
    if not Path(data).exists() and (medmnist := _MEDMNIST.fullmatch(data.lower())):
        raise EdgekitError(
            f"{data} is no data set that edgekit knows, and no folder here.",
            f"That set is called medmnist:{medmnist[0]}.",
        )
    return _folder(data, on_warning)


def is_known(data: str) -> bool:
    """Whether a set is called so."""
    return bool(_known(data))


def _known(data: str) -> list[tuple[Source, re.Match[str]]]:
    return [(source, match) for source in KNOWN.values() if (match := source.word.fullmatch(data))]


def _folder(data: str, on_warning: Warn) -> Catalogue:
    try:
        folder = Path(data).expanduser()
    except RuntimeError as error:  # ~ or ~name of somebody who has no home folder
        raise EdgekitError(f"{data} names no folder: {error}", "Write the folder's path without ~.") from error
    return folder_catalogue(folder, on_warning=on_warning)
