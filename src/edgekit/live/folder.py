"""A folder that pictures come into, looked at over and over.

In: a folder. Out: what was seen in each picture, once it is whole; a `Skipped` for each that will not be. It is polled:
notifications differ from system to system and do not reach over network shares.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from PIL import Image

from edgekit.data.preprocess import open_image
from edgekit.data.unused import SUFFIXES, is_junk, printable_path
from edgekit.errors import EdgekitError, printable
from edgekit.live.events import Skipped

LOOK_S = 0.4  # between two looks at the folder
WHOLE_S = 5.0  # that a picture which cannot be read may still change: then it counts as unreadable
# Pictures that edgekit does not read: named, where other files (notes, tables) are none of a watcher's business.
_OTHERS = frozenset(
    {".avif", ".bmp", ".dcm", ".gif", ".heic", ".heif", ".jp2", ".jxl", ".tif", ".tiff", ".webp"},
)
_View = TypeVar("_View")


@dataclass(frozen=True, slots=True)
class Arrived(Generic[_View]):
    """A whole picture, by its path below the folder, and what was seen in it."""

    path: str
    view: _View


@dataclass(slots=True)
class _File:
    """What is known of one file. Of a changed file nothing is known but its new state."""

    stamp: tuple[int, int, int]  # size in bytes, time of its last change in ns, inode
    since_s: float  # when this state was first seen
    same_twice: bool = False  # the look after that found it unchanged
    done: bool = False  # answered, or skipped


class Folder:
    """The pictures below a folder, in folders within it too, but for hidden ones.

    Args:
        see: makes of an open picture what is kept of it.

    Raises:
        EdgekitError: there is no such folder.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            what = f"{root} is a file, not a folder." if root.exists() else f"There is no folder {root}."
            raise EdgekitError(what, "Name the folder that the pictures come into; make it first if need be.")
        self._root, self._real = root, root.resolve()
        self._files: dict[Path, _File] = {}
        self._unread: dict[str, str] = {}  # folders that may not be listed, and why
        self._looked_s = -LOOK_S

    def arrivals(self, see: Callable[[Image.Image], _View]) -> Iterator[Arrived[_View] | Skipped]:
        """Whole pictures, the oldest first, and those that cannot be read; ends where there is none at present.

        A picture is whole when two looks found it unchanged and all of it can be decoded. One that is written over is
        another picture.

        Raises:
            EdgekitError: the folder itself is gone or may not be read.
        """
        while True:
            yield from self._look()
            path = min((path for path, file in self._files.items() if _is_ready(file)), key=self._age, default=None)
            if path is None:
                return
            one = self._opened(path, self._files[path], see)
            if one is not None:
                yield one

    def _age(self, path: Path) -> tuple[int, str]:
        return self._files[path].stamp[1], str(path)

    def _opened(self, path: Path, file: _File, see: Callable[[Image.Image], _View]) -> Arrived[_View] | Skipped | None:
        """None where nothing is to be said yet: it may become whole, or is gone."""
        name = self._name(path)
        if not path.resolve().is_relative_to(self._real):
            file.done = True
            return Skipped(name, "it is a link that leads out of the folder")
        try:
            with open_image(path) as image:
                view = see(image)
        except EdgekitError as error:
            file.same_twice = False  # to be tried again after the next look
            if not path.exists() or time.monotonic() - file.since_s < WHOLE_S:
                return None
            file.done = True
            return Skipped(name, error.message.removeprefix(printable(f"{path} ")))
        file.done = True
        return Arrived(name, view)

    def _look(self) -> Iterator[Skipped]:
        """Brings what is known up to date, if it is time to."""
        now = time.monotonic()
        if now - self._looked_s < LOOK_S:
            return
        self._looked_s = now
        found, unread = dict[Path, _File](), dict[str, str]()
        for path, stamp in self._listed(unread):
            known = self._files.get(path)
            if known is None or known.stamp != stamp:
                found[path] = _File(stamp, now)
            else:
                known.same_twice = True
                found[path] = known
        self._files = found
        yield from (Skipped(name, reason) for name, reason in unread.items() if name not in self._unread)
        self._unread = unread

    def _listed(self, unread: dict[str, str]) -> Iterator[tuple[Path, tuple[int, int, int]]]:
        def refuse(error: OSError) -> None:
            at = Path(error.filename)
            if at == self._root:
                raise EdgekitError(
                    f"{self._root} can no longer be read: {error.strerror}.", "Check the folder, then run this again."
                ) from error
            if not isinstance(error, FileNotFoundError):  # one that was just removed is no news
                unread[f"{self._name(at)}/"] = f"the folder cannot be read: {error.strerror}"

        for parent, folders, names in os.walk(self._root, onerror=refuse):
            folders[:] = [name for name in folders if not is_junk(name)]
            for name in names:
                path = Path(parent, name)
                if is_junk(name) or path.suffix.lower() not in SUFFIXES | _OTHERS:
                    continue
                try:
                    at = path.stat()
                except OSError:  # gone since, or a link to nothing
                    continue
                yield path, (at.st_size, at.st_mtime_ns, at.st_ino)

    def _name(self, path: Path) -> str:
        return printable(printable_path(path.relative_to(self._root)))


def _is_ready(file: _File) -> bool:
    return file.same_twice and not file.done
