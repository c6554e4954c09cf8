"""Images are decoded and resized once, into a cache of uint8 pixels.

In: a catalogue and an image size. Out: uint8 [N, H, W, C] and the rows that could not be read.
"""

import json
import os
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.data.catalogue import Catalogue
from edgekit.data.preprocess import to_pixels
from edgekit.data.progress import bar
from edgekit.errors import EdgekitError
from edgekit.files import atomic_path, key_of
from edgekit.values.code import code_key
from edgekit.values.images import Size

Seen = TypeVar("Seen")


def decode(catalogue: Catalogue, size: Size, cache_dir: Path) -> tuple[NDArray[np.uint8], Mapping[int, str]]:
    """All images of the catalogue, from the cache where it has them.

    Returns:
        uint8 [N, H, W, C] in the catalogue's order, and the reason for each row that is unreadable (its pixels
        are 0).

    Raises:
        EdgekitError: the disk is full or the cache cannot be written.
    """
    channels = catalogue.info.task.channels
    shape = (len(catalogue), *size, channels)
    code = code_key("edgekit.data.preprocess")  # and of the libraries that do the work
    key = key_of({"data": catalogue.info.fingerprint, "shape": shape[1:], "code": code})
    path = cache_dir / "decoded" / f"{key}.pixels"
    cached = _cached(path, shape)
    if cached is not None:
        return cached
    images = np.zeros(shape, np.uint8)

    def fill(row: int, image: Image.Image) -> None:
        images[row] = to_pixels(image, size, channels)

    _, unreadable = see_images(catalogue, f"Reading {catalogue.info.name} at {size[0]}x{size[1]} px", fill)
    head = {"shape": images.shape, "crc32": zlib.crc32(images.data), "unreadable": list(unreadable.items())}
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(json.dumps(head).encode() + b"\n")
        stream.write(images.data)
    return images, unreadable


def _cached(path: Path, shape: tuple[int, ...]) -> tuple[NDArray[np.uint8], Mapping[int, str]] | None:
    """A line of JSON, then the pixels; not .npz, whose writer reports a full disk a second time, as a traceback."""
    try:
        with path.open("rb") as stream:
            head = json.loads(stream.readline())
            images = np.fromfile(stream, np.uint8).reshape(shape)
        if zlib.crc32(images.data) != head["crc32"]:
            return None
        return images, {int(row): str(reason) for row, reason in head["unreadable"]}
    except (OSError, ValueError, LookupError, TypeError):
        return None  # absent or damaged: both mean decoding again


def see_images(
    catalogue: Catalogue, label: str, see: Callable[[int, Image.Image], Seen]
) -> tuple[dict[int, Seen], dict[int, str]]:
    """Calls `see` with each row and its image, in threads, below a progress bar of that label.

    Returns:
        by row what `see` gave, and by row why the image is unreadable, both in the order of the rows.
    """
    image_of = catalogue.open_images()

    def seen_or_error(row: int) -> Seen | EdgekitError:
        try:
            with image_of(row) as image:
                return see(row, image)
        except EdgekitError as error:
            return error

    found: dict[int, Seen] = {}
    unreadable: dict[int, str] = {}
    # Threads, not processes: Pillow gives up the interpreter lock while it decodes and resizes, and a fork of a
    # process that has loaded torch may hang.
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    try:
        with bar(label, len(catalogue)) as advance:
            for row, one in enumerate(pool.map(seen_or_error, range(len(catalogue)))):
                if isinstance(one, EdgekitError):
                    unreadable[row] = one.message
                else:
                    found[row] = one
                advance(1)
    finally:
        pool.shutdown(cancel_futures=True)  # on Ctrl-C: at most one image a thread is still finished
    return found, unreadable
