"""The public release of the chest X-rays that the paper uses, fetched once.

In: a cache folder. Out: a `Catalogue` of the unpacked release, with its two classes or with three.
"""

import shutil
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from edgekit.data.catalogue import Catalogue, listed
from edgekit.data.download import HEADERS, TIMEOUT_S, address, download, record_checksum, unpack
from edgekit.data.folder import RELEASE_LICENCE, RELEASE_NAME, folder_catalogue
from edgekit.errors import EdgekitError
from edgekit.values.codec import parsed
from edgekit.values.task import CHEST_XRAY, CHEST_XRAY_3

# The second version of the release has the chest X-rays in an archive of their own (1.2 GB); the third packs them
# together with retina scans into one of 8 GB.
ARCHIVE = "ChestXRay2017.zip"
URL = (
    "https://data.mendeley.com/public-files/datasets/rscbjbr9sj/files/f12eaf6d-6023-432f-acc9-80c9d7393433"
    "/file_downloaded"
)
# The publisher's list of files with their SHA-256.
INVENTORY = "https://data.mendeley.com/public-api/datasets/rscbjbr9sj/files?folder_id=root&version=2"


def chest_xray_catalogue(cache_dir: Path, on_warning: Callable[[str], None]) -> Catalogue:
    """Downloads and unpacks the release below `cache_dir` if it is not there, and lists it.

    Raises:
        EdgekitError: no connection, a wrong checksum, a damaged archive, a full disk.
    """
    folder = cache_dir / "downloads" / "chest_xray"
    if not folder.exists():
        archive, unpublished = folder.with_name(ARCHIVE), False
        if not archive.exists():
            checksum = published_checksum()
            download(address(URL, ARCHIVE), archive, checksum=checksum)
            unpublished = checksum is None
        unpack(archive, folder)
        if unpublished:
            _check_unpacked(folder, archive)
            record_checksum(archive, on_warning)
        archive.unlink()  # its checksum record stays
    return folder_catalogue(folder, name="chest-xray", licence=RELEASE_LICENCE)


def _check_unpacked(folder: Path, archive: Path) -> None:
    """Passes where the folder holds the release's classes; else it is removed before anybody calls it genuine."""
    try:
        folder_catalogue(folder)
    except EdgekitError as error:
        shutil.rmtree(folder)
        raise EdgekitError(
            f"{archive} does not hold the release: {error.message}", f"Delete {archive} and run the command again."
        ) from error


def by_cause(catalogue: Catalogue) -> Catalogue:
    """The release's images with three classes, `chest-xray-3`: the file names tell what caused a pneumonia.

    Groups, splits and digests stay.

    Raises:
        EdgekitError: not the release's folders, or a file name that does not tell.
    """
    name = "chest-xray-3"
    if catalogue.info.task != CHEST_XRAY:
        raise EdgekitError(
            f"{name} is the public release with its folders NORMAL and PNEUMONIA; {catalogue.info.name} has the "
            f"classes {listed(catalogue.info.task.labels)}.",
            "Give the release's folder, or this one by its path alone, with the classes that it has.",
        )
    labels, untold = np.empty(len(catalogue), np.int64), []
    for row, (path, label) in enumerate(zip(catalogue.ids, catalogue.labels.tolist(), strict=True)):
        found = RELEASE_NAME.fullmatch(PurePosixPath(path).stem)
        cause = (found and found[1]) or ""
        if found is None or bool(cause) != (label == CHEST_XRAY.positive_index):
            untold.append(path)
        else:
            labels[row] = CHEST_XRAY_3.labels.index(cause.upper() or CHEST_XRAY.negative)
    if untold:
        raise EdgekitError(
            f"{name} takes the class from the file names of the release, and {len(untold)} of {catalogue.info.name} "
            f"do not tell it: {listed(untold)}.",
            "Rename them as in the release (NORMAL/IM-0115-0001, PNEUMONIA/person1_virus_6), or make folders NORMAL, "
            "BACTERIA and VIRUS.",
        )
    return replace(catalogue, labels=labels, info=replace(catalogue.info, name=name, task=CHEST_XRAY_3))


def published_checksum() -> str | None:
    """`sha256:...` from the publisher's list of files, None where it cannot be had."""
    try:
        request = urllib.request.Request(address(INVENTORY, f"{ARCHIVE}.json"), headers=HEADERS)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            files = parsed(answer.read())
        found = [str(entry["content_details"]["sha256_hash"]) for entry in files if entry["filename"] == ARCHIVE]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return f"sha256:{found[0].lower()}" if found else None
