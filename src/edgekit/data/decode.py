"""Images are decoded and resized once, into a cache of uint8 pixels.

In: a catalogue and an image size. Out: uint8 [N, H, W, C], the rows that could not be read and those with colours.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.data.catalogue import Catalogue
from edgekit.data.preprocess import flat, has_colours, is_transparent, to_pixels
from edgekit.data.progress import bar
from edgekit.errors import EdgekitError
from edgekit.files import key_of, print_warning, read_kept, write_kept
from edgekit.values.code import code_key
from edgekit.values.images import Size

Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class Decoded:
    """All images of a catalogue, in its order."""

    images: NDArray[np.uint8]  # [N, H, W, C]; 0 where they are unreadable
    unreadable: Mapping[int, str]  # by row, why
    coloured: tuple[int, ...]  # rows of the images that are not grey, whether C keeps their colours or not
    transparent: tuple[int, ...]  # rows of those that are not opaque everywhere, which is left out


def decode(
    catalogue: Catalogue, size: Size, cache_dir: Path, on_warning: Callable[[str], None] = print_warning
) -> Decoded:
    """All images of the catalogue, from the cache where it has them; `on_warning` is told of a cache that is damaged
    or cannot be written.

    There are as many channels as the task says, or, where the images decide `by_colours`, 3 if one of them has colours
    in any pixel and 1 if none has. That is found out as they are decoded, once.
    """
    count = len(catalogue)
    channels = None if catalogue.by_colours else catalogue.info.task.channels
    code = code_key("edgekit.data.preprocess")  # and of the libraries that do the work
    key = key_of({"data": catalogue.info.fingerprint, "shape": [*size, channels], "code": code, "layout": 3})
    path = cache_dir / "decoded" / f"{key}.pixels"
    cached = _cached(path, (count, *size), on_warning)
    if cached is not None:
        return cached
    # memory that is not written to is not taken: of the two, an image takes a place in one
    images = {number: np.zeros((count, *size, number), np.uint8) for number in ((channels,) if channels else (1, 3))}

    def fill(row: int, image: Image.Image) -> tuple[bool, bool]:
        pixels = flat(image)
        coloured = has_colours(pixels)
        number = channels or (3 if coloured else 1)
        images[number][row] = to_pixels(pixels, size, number)
        return coloured, is_transparent(image)

    seen, unreadable = see_images(catalogue, f"Reading {catalogue.info.name} at {size[0]}x{size[1]} px", fill)
    coloured, transparent = (tuple(row for row, one in seen.items() if one[what]) for what in (0, 1))
    number = channels or (3 if coloured else 1)
    if not channels and coloured:
        grey = np.setdiff1d(np.arange(count), coloured)
        images[3][grey] = images[1][grey]
    decoded = Decoded(images[number], unreadable, coloured, transparent)
    try:
        _keep(path, decoded)
    except EdgekitError as error:  # nothing needs it: the images are here
        on_warning(f"{error.message} The images will be read again next time.")
    return decoded


def _keep(path: Path, decoded: Decoded) -> None:
    """The pixels, then what is known of them as JSON, then the length of that; not .npz, which would be in memory
    twice."""
    known = {
        "channels": decoded.images.shape[-1],
        "unreadable": list(decoded.unreadable.items()),
        "coloured": decoded.coloured,
        "transparent": decoded.transparent,
    }
    text = json.dumps(known).encode()
    write_kept(path, decoded.images.data, text, len(text).to_bytes(8, "little"))


def _cached(path: Path, shape: tuple[int, ...], on_warning: Callable[[str], None]) -> Decoded | None:
    content = read_kept(path, on_warning)
    if content is None:
        return None
    end = len(content) - 8
    begin = end - int.from_bytes(content[end:], "little")
    known = json.loads(bytes(content[begin:end]))
    pixels = np.frombuffer(content[:begin], np.uint8).reshape(*shape, known["channels"])
    return Decoded(pixels, dict(known["unreadable"]), tuple(known["coloured"]), tuple(known["transparent"]))


def see_images(
    catalogue: Catalogue, label: str, see: Callable[[int, Image.Image], Seen]
) -> tuple[dict[int, Seen], dict[int, str]]:
    """Calls `see` with each row and its image, in threads, below a progress bar of that label.

    Returns:
        by row what `see` gave, and by row why the image is unreadable, both in the order of the rows.
    """
    image_of, rows = catalogue.open_images(), iter(range(len(catalogue)))
    done: SimpleQueue[tuple[int, Seen | Exception]] = SimpleQueue()
    stopped = Event()

    def work() -> None:
        for row in rows:  # of one iterator for all threads
            if stopped.is_set():
                return
            try:
                with image_of(row) as image:
                    done.put((row, see(row, image)))
            except Exception as error:
                done.put((row, error))

    found: dict[int, Seen] = {}
    unreadable: dict[int, str] = {}
    # Threads, not processes: Pillow gives up the interpreter lock while it decodes and resizes, and a fork of a process
    # that has loaded torch may hang. No pool of the library: a Ctrl-C within one of its many locks would be lost.
    threads = [Thread(target=work, daemon=True) for _ in range(os.cpu_count() or 1)]
    try:
        with bar(label, len(catalogue)) as advance:
            for thread in threads:
                thread.start()
            for _ in range(len(catalogue)):
                row, one = done.get()
                if isinstance(one, EdgekitError):
                    unreadable[row] = one.message
                elif isinstance(one, Exception):
                    raise one
                else:
                    found[row] = one
                advance(1)
    finally:
        stopped.set()
        for thread in threads:  # on Ctrl-C: at most one image a thread is still finished
            if thread.is_alive():
                thread.join()
    return dict(sorted(found.items())), dict(sorted(unreadable.items()))
