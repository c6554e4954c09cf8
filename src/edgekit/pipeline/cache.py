"""The cache of a build's stages: what was made once from the same inputs and the same code is not made again.

In: a stage's name, its inputs as JSON, and a function that makes it, whose code and imports are part of the key. Out:
named arrays, from disk or fresh. A stage's file appears by rename alone, so a build that was killed goes on at its
first unfinished stage.
"""

import errno
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.files import failures_of, key_of, print_warning, read_kept_arrays, write_kept_arrays
from edgekit.values.code import function_key

Arrays = Mapping[str, NDArray[Any]]
# what a network's file system without locks answers: go on unguarded
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


class CacheMiss(Exception):
    """A stage is not in the cache, and this reader makes none."""


class StageCache:
    """One build's stages in `folder`.

    Args:
        fresh: forget the stages that are there.
        make: False only reads: a stage that is not there raises CacheMiss.
        on_stage: called with the name of each stage and whether it came from the cache.
        on_warning: told of a stage whose file is damaged; it is made again.

    Raises:
        EdgekitError: the folder cannot be written.
    """

    def __init__(
        self, folder: Path, *, fresh: bool = False, make: bool = True, on_stage: Callable[[str, bool], None],
        on_warning: Callable[[str], None] = print_warning,
    ) -> None:  # fmt: skip
        self.folder = folder
        self._make = make
        self._on_stage = on_stage
        self._on_warning = on_warning
        with failures_of(folder):  # before hours of training, not after
            if fresh and folder.exists():
                shutil.rmtree(folder)
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()

    def run(self, name: str, inputs: Mapping[str, Any], make: Callable[[Path], Arrays]) -> tuple[Arrays, str]:
        """The stage's arrays and its key, which the stages after it take among their inputs.

        Args:
            inputs: everything that decides the result besides code, JSON-ready: recipe parts, keys of stages before.
            make: is given a path where it may keep a checkpoint; the file is removed when the stage is done. A change
                in its code, in a module of edgekit that it reaches by imports, or of a library's version makes the
                result stale.
        """
        key = key_of({"inputs": inputs, "code": function_key(make)})
        path = self.folder / f"{name}-{key[:16]}.npz"
        kept = read_kept_arrays(path, self._on_warning)
        if kept is None and not self._make:
            raise CacheMiss(name)
        self._on_stage(name, kept is not None)
        if kept is not None:
            return kept, key
        checkpoint = self.folder / f"{name}-{key[:16]}.checkpoint"
        made = make(checkpoint)
        write_kept_arrays(path, made)
        checkpoint.unlink(missing_ok=True)
        return {field: np.asarray(value) for field, value in made.items()}, key


@contextmanager
def only_one(folder: Path, work: str) -> Iterator[None]:
    """Holds `folder` for the block, by its file `.lock`; `work` is what may be done once at a time in it, for the
    message. The system lets go of the lock when its holder ends, however it ends; the file stays.

    Raises:
        EdgekitError: another process holds the folder, or it cannot be written.
    """
    from filelock import FileLock, Timeout  # 40 ms that only builds need

    lock = FileLock(folder / ".lock")
    with failures_of(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise EdgekitError(
                f"Another {work} is at work in {folder}.", "Wait for it, stop it, or name another folder: --out."
            ) from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
    try:
        yield
    finally:
        lock.release()
