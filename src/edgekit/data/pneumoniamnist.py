"""PneumoniaMNIST of MedMNIST v2: the same X-rays, cropped to squares and made small by its authors.

In: an edge length and a cache folder. Out: a `Catalogue`. Its train, val and test are kept as they are.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.data.catalogue import Catalogue, ImageOf, fingerprint_of
from edgekit.data.download import address, download
from edgekit.errors import EdgekitError
from edgekit.files import file_sha256, open_regular
from edgekit.values.images import DataInfo
from edgekit.values.task import CHEST_XRAY

# https://zenodo.org/records/10519652 (MedMNIST v2 and MedMNIST+); the MD5 sums are medmnist.INFO's.
URL = "https://zenodo.org/records/10519652/files/{name}?download=1"
FILES = {
    28: ("pneumoniamnist.npz", "md5:28209eda62fecd6e6a2d98b1501bb15f"),
    64: ("pneumoniamnist_64.npz", "md5:8f4eceb4ccffa70c672198ea285246c6"),
    128: ("pneumoniamnist_128.npz", "md5:05b46931834c231683c68f40c47b2971"),
    224: ("pneumoniamnist_224.npz", "md5:d6a3c71de1b945ea11211b03746c1fe1"),
}
LICENCE = (
    'CC BY 4.0. J. Yang et al., "MedMNIST v2", Scientific Data 10, 41 (2023), doi:10.1038/s41597-022-01721-8; '
    "images of D. Kermany, K. Zhang, M. Goldbaum, doi:10.17632/rscbjbr9sj.3"
)
SPLITS = ("train", "val", "test")


def pneumoniamnist_catalogue(edge: int, cache_dir: Path, on_warning: Callable[[str], None]) -> Catalogue:
    """Downloads the .npz of that edge length below `cache_dir` if it is not there, and lists it.

    Raises:
        EdgekitError: no such edge length, no connection, a wrong checksum, a damaged file, a full disk.
    """
    if edge not in FILES:
        sizes = ", ".join(f"pneumoniamnist-{known}" for known in FILES)
        raise EdgekitError(f"There is no pneumoniamnist-{edge}.", f"Choose one of: {sizes}.")
    name, checksum = FILES[edge]
    path = cache_dir / "downloads" / name
    if not path.exists():
        download(address(URL.format(name=name), name), path, checksum=checksum)
    labels = {split: _labels(path, split) for split in SPLITS}
    if any(set(np.unique(values)) != {0, 1} for values in labels.values()):
        raise _damaged(path, "its labels are not 0 and 1")
    entries = sorted(
        (f"{split}/{CHEST_XRAY.labels[label]}/{number:05d}.png", split, number, int(label))
        for split, values in labels.items()
        for number, label in enumerate(values)
    )
    ids, splits, numbers, numbered_labels = zip(*entries, strict=True)

    def open_images() -> ImageOf:
        arrays = {split: _read(path, f"{split}_images") for split in SPLITS}
        for split, images in arrays.items():
            expected = (len(labels[split]), edge, edge)
            if images.dtype != np.uint8 or images.shape != expected:
                raise _damaged(path, f"{split}_images is {images.dtype} {images.shape}, not uint8 {expected}")
        return lambda row: Image.fromarray(arrays[splits[row]][numbers[row]])

    return Catalogue(
        info=DataInfo(
            name=f"pneumoniamnist-{edge}",
            fingerprint=fingerprint_of([name], [file_sha256(path)]),
            synthetic=False,
            task=CHEST_XRAY,
            licence=LICENCE,
            notes=(
                "no patients are given: every image counts as its own patient, and the authors' validation set may "
                "share patients with train",
            ),
        ),
        ids=ids,
        labels=np.array(numbered_labels, np.int64),
        splits=splits,
        groups=ids,
        digests=("",) * len(ids),
        open_images=open_images,
    )


def _labels(path: Path, split: str) -> NDArray[np.int64]:
    found = _read(path, f"{split}_labels")
    if found.dtype.kind not in "iu" or found.ndim > 2:
        raise _damaged(path, f"{split}_labels is {found.dtype} {found.shape}, not a whole number an image")
    return found.reshape(-1).astype(np.int64)


def _read(path: Path, name: str) -> NDArray[np.uint8]:
    try:
        with open_regular(path) as stream, np.load(stream, allow_pickle=False) as arrays:
            return np.asarray(arrays[name])
    except Exception as error:  # zipfile and the decompressors have a dozen
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> EdgekitError:
    return EdgekitError(
        f"{path} is damaged or not a PneumoniaMNIST file: {why}.",
        "Delete it and run the command again to fetch it anew.",
    )
