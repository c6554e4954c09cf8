"""The one way to start another Python: what runs is what is installed, never a file of the working directory.

In: what Python is to run. Out: the words of its command, or the environment of children that others start.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def python(*words: str | Path) -> list[str | Path]:
    """The command `python WORDS`. With -P, because `-m` and `-c` put the working directory first on the path: a
    numpy.py or esptool.py that lies there would be run."""
    return [sys.executable, "-P", *words]


@contextmanager
def child_environment(**values: str) -> Iterator[None]:
    """The environment that a child started in the block inherits: `values`, and what -P says, for `multiprocessing`
    has its own words."""
    changes = {"PYTHONSAFEPATH": "1", **values}
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            os.environ.update({} if value is None else {name: value})
