"""A temporary folder for the converters, gone again however the work ends."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgekit.errors import EdgekitError


@contextmanager
def workspace() -> Iterator[Path]:
    """A temporary folder, gone again however the block ends."""
    try:
        with tempfile.TemporaryDirectory(prefix="edgekit-convert-") as folder:
            yield Path(folder)
    except OSError as error:
        raise EdgekitError(
            f"Conversion cannot write its temporary files: {error.strerror or error}.",
            "Free some room in the temporary folder, or name another: TMPDIR=/some/folder edgekit ...",
        ) from error
