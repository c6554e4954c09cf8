"""Images are decoded and resized once, into a cache of uint8 pixels.

In: a catalogue and an image size. Out: uint8 [N, H, W, C] and the rows that could not be read.
"""

import json
import os
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.data.catalogue import Catalogue
from edgekit.data.progress import bar
from edgekit.errors import EdgekitError
from edgekit.files import atomic_path, key_of
from edgekit.values.code import code_key
from edgekit.values.images import Size


def decode(catalogue: Catalogue, size: Size, cache_dir: Path) -> tuple[NDArray[np.uint8], Mapping[int, str]]:
    """All images of the catalogue, from the cache where it has them.

    Returns:
        uint8 [N, H, W, C] in the catalogue's order, and the reason for each row that is unreadable (its pixels
        are 0).

    Raises:
        EdgekitError: the disk is full or the cache cannot be written.
    """
    path = cache_dir / "decoded" / f"{_key(catalogue, size)}.pixels"
    shape = (len(catalogue), *size, catalogue.info.task.channels)
    cached = _cached(path, shape)
    if cached is not None:
        return cached
    images, unreadable = _decoded(catalogue, shape)
    head = {"shape": images.shape, "crc32": zlib.crc32(images.data), "unreadable": list(unreadable.items())}
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(json.dumps(head).encode() + b"\n")
        stream.write(images.data)
    return images, unreadable


def _key(catalogue: Catalogue, size: Size) -> str:
    """Changes with the data, the size, and the code and libraries that do the work."""
    shape = [*size, catalogue.info.task.channels]
    return key_of({"data": catalogue.info.fingerprint, "shape": shape, "code": code_key("edgekit.data.preprocess")})


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


def _decoded(catalogue: Catalogue, shape: tuple[int, int, int, int]) -> tuple[NDArray[np.uint8], dict[int, str]]:
    images = np.zeros(shape, np.uint8)
    _, height, width, channels = shape
    unreadable: dict[int, str] = {}
    catalogue.pictures.prepare()

    def fill(row: int) -> str:
        try:
            images[row] = catalogue.pictures.pixels(row, (height, width), channels)
        except EdgekitError as error:
            return error.message
        return ""

    # Threads, not processes: Pillow gives up the interpreter lock while it decodes and resizes, and a fork of a
    # process that has loaded torch may hang.
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    try:
        with bar(f"Reading {catalogue.info.name} at {height}x{width} px", len(catalogue)) as advance:
            for row, reason in enumerate(pool.map(fill, range(len(catalogue)))):
                if reason:
                    unreadable[row] = reason
                advance(1)
    finally:
        pool.shutdown(cancel_futures=True)  # on Ctrl-C: at most one image a thread is still finished
    return images, unreadable
