"""Files that are either whole or absent: atomic writes, content hashes, a full disk said plainly.

In: bytes and paths. Out: files that a reader can trust, because they appear by rename alone.
"""

import errno
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from edgekit.errors import EdgekitError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`, which becomes `path` when the block ends without an error.

    Raises:
        EdgekitError: the disk is full or the folder cannot be written.
    """
    with failures_of(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=f".part{path.suffix}", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
            temporary.chmod(0o644)  # mkstemp gives 0600, which a second user of the folder could not read
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def read_bytes(path: Path, hint: str) -> bytes:
    """The file's content. Raises EdgekitError with the hint where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise EdgekitError(f"{path} cannot be read: {error.strerror or error}.", hint) from error


def write_bytes(path: Path, content: bytes) -> None:
    """Writes `content` to `path`: the whole file or nothing."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Writes `content` in UTF-8 to `path`: the whole file or nothing. What is no UTF-8 of a file name is escaped."""
    write_bytes(path, content.encode(errors="backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON to `path`: the whole file or nothing."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_arrays(path: Path, arrays: Mapping[str, ArrayLike]) -> None:
    """Writes an .npz to `path`: the whole file or nothing. Through memory, because the writer of .npz reports a full
    disk a second time, as a traceback."""
    packed = io.BytesIO()
    np.savez(packed, **{name: np.asarray(value) for name, value in arrays.items()})
    write_bytes(path, packed.getvalue())


def read_arrays(path: Path) -> dict[str, Any] | None:
    """The arrays of an .npz; None where it is absent or damaged from outside: make them again."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except Exception:  # zipfile has a dozen exceptions
        return None


@contextmanager
def failures_of(path: Path) -> Iterator[None]:
    """Says an OSError of the block as `disk_error` of `path` does."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, path) from error


def clear_unfinished(folder: Path, names: str = "*") -> None:
    """Removes what a killed process left of files that match `names` in `folder`; for its sole holder."""
    for left in folder.glob(f".{names}.????????.part*"):  # as atomic_path calls them
        left.unlink(missing_ok=True)


def sha256_of(*chunks: bytes) -> str:
    """The hex SHA-256 of the chunks put together."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def key_of(value: Any) -> str:
    """A content key: the hex SHA-256 of `value` as canonical JSON."""
    return sha256_of(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def file_sha256(path: Path) -> str:
    """The hex SHA-256 of a file's content. OSError where it cannot be read."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def disk_error(error: OSError, path: Path) -> EdgekitError:
    """What to tell the user when `path` could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EdgekitError(
            f"The disk is full: {path} was not written.",
            f"Free some room on the disk that holds {path.parent} and run the command again; finished stages are kept.",
        )
    return EdgekitError(
        f"{path} cannot be written: {error.strerror or error}.",
        "Check that the folder exists and is yours to write, or name another: --out for the model, XDG_CACHE_HOME for "
        "what is kept between builds.",
    )
