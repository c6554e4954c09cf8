"""The cache of a build's stages: what was made once from the same inputs and the same code is not made again.

In: a stage's name, its inputs as JSON, the source files that shape it, and a function that makes it. Out: named
arrays, from disk or fresh. A stage's file appears by rename alone, so a build that was killed goes on at its first
unfinished stage.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.files import (
    failures_of,
    key_of,
    sha256_of,
    write_arrays,
)

Arrays = Mapping[str, NDArray[Any]]
_PACKAGE = Path(__file__).parents[1]


class CacheMiss(Exception):
    """A stage is not in the cache, and this reader makes none."""


class StageCache:
    """One build's stages in `folder`.

    Args:
        fresh: forget the stages that are there.
        make: False only reads: a stage that is not there raises CacheMiss.
        on_stage: told the name of each stage and whether it came from the cache.

    Raises:
        EdgekitError: the folder cannot be written.
    """

    def __init__(
        self, folder: Path, *, fresh: bool = False, make: bool = True, on_stage: Callable[[str, bool], None]
    ) -> None:
        self.folder = folder
        self._make = make
        self._on_stage = on_stage
        with failures_of(folder):  # before hours of training, not after
            if fresh and folder.exists():
                shutil.rmtree(folder)
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()

    def run(
        self, name: str, inputs: Mapping[str, Any], code: Sequence[str], make: Callable[[Path], Arrays]
    ) -> tuple[Arrays, str]:
        """The stage's arrays and its key, which the stages after it take among their inputs.

        Args:
            inputs: everything that decides the result, JSON-ready: recipe parts and keys of stages before.
            code: source files below the package (`training/teach.py`) whose change makes the result stale.
            make: is given a path where it may keep a checkpoint; the file is removed when the stage is done.
        """
        key = key_of({"inputs": inputs, "code": [sha256_of((_PACKAGE / file).read_bytes()) for file in code]})
        path = self.folder / f"{name}-{key[:16]}.npz"
        kept = _read(path)
        if kept is None and not self._make:
            raise CacheMiss(name)
        self._on_stage(name, kept is not None)
        if kept is not None:
            return kept, key
        checkpoint = self.folder / f"{name}-{key[:16]}.checkpoint"
        made = make(checkpoint)
        write_arrays(path, made)
        checkpoint.unlink(missing_ok=True)
        return {field: np.asarray(value) for field, value in made.items()}, key


def _read(path: Path) -> Arrays | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except Exception:  # absent, or damaged from outside, for which zipfile has a dozen exceptions: make it again
        return None
