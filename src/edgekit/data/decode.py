"""Images are decoded and resized once, into a cache of uint8 pixels.

In: a catalogue and an image size. Out: uint8 [N, H, W, C] and the rows that could not be read.
"""

import json
import math
import os
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
from edgekit.files import key_of, print_warning, read_kept, write_kept
from edgekit.values.code import code_key
from edgekit.values.images import Size

Seen = TypeVar("Seen")


def decode(
    catalogue: Catalogue, size: Size, cache_dir: Path, on_warning: Callable[[str], None] = print_warning
) -> tuple[NDArray[np.uint8], Mapping[int, str]]:
    """All images of the catalogue, from the cache where it has them; `on_warning` is told of a cache that is damaged
    or cannot be written.

    Returns:
        uint8 [N, H, W, C] in the catalogue's order, and the reason for each row that is unreadable (its pixels
        are 0).
    """
    channels = catalogue.info.task.channels
    shape = (len(catalogue), *size, channels)
    code = code_key("edgekit.data.preprocess")  # and of the libraries that do the work
    key = key_of({"data": catalogue.info.fingerprint, "shape": shape[1:], "code": code, "layout": 2})
    path = cache_dir / "decoded" / f"{key}.pixels"
    cached = _cached(path, shape, on_warning)
    if cached is not None:
        return cached
    images = np.zeros(shape, np.uint8)

    def fill(row: int, image: Image.Image) -> None:
        images[row] = to_pixels(image, size, channels)

    _, unreadable = see_images(catalogue, f"Reading {catalogue.info.name} at {size[0]}x{size[1]} px", fill)
    try:
        write_kept(path, images.data, json.dumps(list(unreadable.items())).encode())
    except EdgekitError as error:  # nothing needs it: the images are here
        on_warning(f"{error.message} The images will be read again next time.")
    return images, unreadable


def _cached(
    path: Path, shape: tuple[int, ...], on_warning: Callable[[str], None]
) -> tuple[NDArray[np.uint8], Mapping[int, str]] | None:
    """The pixels, then what is unreadable as JSON; not .npz, which would be in memory twice."""
    content = read_kept(path, on_warning)
    if content is None:
        return None
    size = math.prod(shape)
    return np.frombuffer(content[:size], np.uint8).reshape(shape), dict(json.loads(bytes(content[size:])))


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
