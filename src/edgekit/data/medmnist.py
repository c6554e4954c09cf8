"""The two-dimensional sets of MedMNIST v2: medical images, cropped to squares and made small by its authors.

In: a set's name, an edge length and a cache folder. Out: a `Catalogue`. Its train, val and test are kept as they are.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.data.catalogue import Catalogue, ImageOf, fingerprint_of
from edgekit.data.download import address, download
from edgekit.data.medmnist_sets import EDGES, MULTI_LABEL, SETS, THREE_DIMENSIONAL, Set
from edgekit.errors import EdgekitError
from edgekit.files import file_sha256, open_regular
from edgekit.values.images import DataInfo

# MedMNIST v2 and MedMNIST+
URL = "https://zenodo.org/records/10519652/files/{name}?download=1"
LICENCE = '{licence}. J. Yang et al., "MedMNIST v2", Scientific Data 10, 41 (2023), doi:10.1038/s41597-022-01721-8; '
OWN_PATIENT = "no patients are given: every image counts as its own patient, and the authors' "
SPLITS = ("train", "val", "test")


def medmnist_catalogue(name: str, edge: int, cache_dir: Path, on_warning: Callable[[str], None]) -> Catalogue:
    """Downloads the .npz of that set and edge length below `cache_dir` if it is not there, and lists it.

    Raises:
        EdgekitError: no such set, one that edgekit does not take, no such edge length, no connection, a wrong checksum,
            a damaged file, a full disk.
    """
    found = _known(name, edge)
    file = f"{name}.npz" if edge == EDGES[0] else f"{name}_{edge}.npz"
    path = cache_dir / "downloads" / file
    if not path.exists():
        download(address(URL.format(name=file), file), path, checksum=f"md5:{found.md5[edge]}")
    task = found.task
    labels = {split: _labels(path, split, len(task.labels)) for split in SPLITS}
    entries = sorted(
        (f"{split}/{task.labels[label]}/{number:05d}.png", split, number, int(label))
        for split, values in labels.items()
        for number, label in enumerate(values)
    )
    ids, splits, numbers, numbered_labels = zip(*entries, strict=True)

    def open_images() -> ImageOf:
        arrays = {split: _read(path, f"{split}_images") for split in SPLITS}
        for split, images in arrays.items():
            expected = (len(labels[split]), edge, edge, *([3] if task.channels == 3 else []))
            if images.dtype != np.uint8 or images.shape != expected:
                raise _damaged(path, f"{split}_images is {images.dtype} {images.shape}, not uint8 {expected}")
        return lambda row: Image.fromarray(arrays[splits[row]][numbers[row]])

    shares = "validation set may share patients with train" if name == "pneumoniamnist" else "sets may share patients"
    return Catalogue(
        info=DataInfo(
            name=f"{name}-{edge}",
            fingerprint=fingerprint_of([file], [file_sha256(path)]),
            synthetic=False,
            task=task,
            licence=f"{LICENCE.format(licence=found.licence)}images of {found.images_of}",
            notes=(f"{OWN_PATIENT}{shares}",),
            mirror=found.mirror,
        ),
        ids=ids,
        labels=np.array(numbered_labels, np.int64),
        splits=splits,
        groups=ids,
        digests=("",) * len(ids),
        open_images=open_images,
    )


def _known(name: str, edge: int) -> Set:
    choose = f"Choose one of: {', '.join(SETS)}."
    if name in MULTI_LABEL:
        raise EdgekitError(f"{name} gives an image several labels at once; edgekit tells one from others.", choose)
    if name in THREE_DIMENSIONAL:
        raise EdgekitError(f"{name} is of volumes in three dimensions; edgekit takes pictures.", choose)
    if name not in SETS:
        raise EdgekitError(f"MedMNIST has no set {name}.", choose)
    if edge not in EDGES:
        sizes = ", ".join(f"{name}-{known}" for known in EDGES)
        raise EdgekitError(f"There is no {name}-{edge}.", f"Choose one of: {sizes}.")
    return SETS[name]


def _labels(path: Path, split: str, classes: int) -> NDArray[np.int64]:
    found = _read(path, f"{split}_labels")
    if found.dtype.kind not in "iu" or found.ndim > 2:
        raise _damaged(path, f"{split}_labels is {found.dtype} {found.shape}, not a whole number an image")
    labels = found.reshape(-1).astype(np.int64)
    if len(labels) != len(found) or not np.isin(labels, np.arange(classes)).all():
        raise _damaged(path, f"its {split} labels are not 0 to {classes - 1}, one an image")
    return labels


def _read(path: Path, name: str) -> NDArray[np.uint8]:
    try:
        with open_regular(path) as stream, np.load(stream, allow_pickle=False) as arrays:
            return np.asarray(arrays[name])
    except MemoryError as error:
        raise EdgekitError(f"{path} needs more memory than there is.", "Take the set in a smaller size.") from error
    except Exception as error:  # zipfile and the decompressors have a dozen
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> EdgekitError:
    return EdgekitError(
        f"{path} is damaged or not a MedMNIST file: {why}.",
        "Delete it and run the command again to fetch it anew.",
    )
