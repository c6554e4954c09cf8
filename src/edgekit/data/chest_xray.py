"""The public release of the chest X-rays that the paper uses, fetched once.

In: a cache folder. Out: a `Catalogue` of the unpacked release.
"""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path

from edgekit.data.catalogue import Catalogue
from edgekit.data.download import HEADERS, TIMEOUT_S, address, download, record_checksum, unpack
from edgekit.data.folder import RELEASE_LICENCE, folder_catalogue

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
            record_checksum(archive, on_warning)
        archive.unlink()  # its checksum record stays
    return folder_catalogue(folder, name="chest-xray", licence=RELEASE_LICENCE)


def published_checksum() -> str | None:
    """`sha256:...` from the publisher's list of files, None where it cannot be had."""
    try:
        request = urllib.request.Request(address(INVENTORY, f"{ARCHIVE}.json"), headers=HEADERS)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            files = json.load(answer)
        found = [entry["content_details"]["sha256_hash"] for entry in files if entry["filename"] == ARCHIVE]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return f"sha256:{found[0].lower()}" if found else None
