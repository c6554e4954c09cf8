"""Files that are either whole or absent: atomic writes, content hashes, a full disk said plainly.

In: bytes and paths. Out: files that a reader can trust, because they appear by rename alone.
"""

import errno
import hashlib
import io
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import platformdirs
from numpy.typing import ArrayLike

from edgekit.errors import EdgekitError, printable

_SEAL = b"\nsha256 of all before this line: "  # ends what is kept; then 64 hex digits


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`, which becomes `path` when the block ends without an error.

    Raises:
        EdgekitError: the disk is full or the folder cannot be written.
    """
    with failures_of(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part{path.suffix}")
        temporary.touch(exist_ok=False)  # not mkstemp, whose 0600 says nothing of the umask
        try:
            yield temporary
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raises an EdgekitError as `atomic_path` where a file could not be written there, before the work is done."""
    with failures_of(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part{path.suffix}")
        temporary.touch(exist_ok=False)
        temporary.unlink()


def open_regular(path: Path) -> io.BufferedReader:
    """Opens a file to read its bytes: the one way to open what somebody else may have put there.

    Raises:
        OSError: it cannot be opened, or it is a pipe (which would wait for a writer for ever), a device, a socket, a
            folder.
    """
    _check_regular(path, path.stat().st_mode)  # before it is opened: a device may act on that alone
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _check_regular(path, os.fstat(descriptor).st_mode)  # it may be another by now
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _check_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a pipe, device or socket"
        raise OSError(errno.EINVAL, f"it is {what}, not a regular file", str(path))


def read_regular(path: Path) -> bytes:
    """The content of a file. OSError as `open_regular`."""
    with open_regular(path) as stream:
        return stream.read()


def user_folder(kind: Literal["cache", "state", "data"]) -> Path:
    """Where edgekit keeps for this user what saves work ("cache"), goes on later ("state") or is read by other programs
    ("data").

    Raises:
        EdgekitError: the user has no home folder, and nothing says where else.
    """
    variable = f"XDG_{kind.upper()}_HOME"
    if given := os.environ.get(variable):  # on Windows and macOS, too, where platformdirs need not look at it
        return Path(given) / "edgekit"
    try:
        return Path(getattr(platformdirs, f"user_{kind}_dir")("edgekit"))
    except RuntimeError as error:
        raise EdgekitError(
            "This user has no home folder, where edgekit would keep its files.",
            f"Set HOME, or {variable}, to a folder that you may write.",
        ) from error


def read_bytes(path: Path, hint: str) -> bytes:
    """The file's content. Raises EdgekitError with the hint where it cannot be read."""
    try:
        return read_regular(path)
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


def packed(arrays: Mapping[str, ArrayLike]) -> bytes:
    """The arrays as an .npz. In memory, because the writer of .npz reports a full disk a second time, as a
    traceback."""
    stream = io.BytesIO()
    np.savez(stream, **{name: np.asarray(value) for name, value in arrays.items()})
    return stream.getvalue()


def print_warning(message: str) -> None:
    """Prints a warning on stderr."""
    from rich.console import Console  # 30 ms

    said = f"warning: {printable(message)}"
    Console(stderr=True).print(said, style="yellow", markup=False, highlight=False, soft_wrap=True)


def write_kept(path: Path, *chunks: bytes | memoryview) -> None:
    """Writes what saves work later to `path`: the chunks, then the digest of them all. The whole file or nothing."""
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        for chunk in chunks:
            stream.write(chunk)
        stream.write(_SEAL + sha256_of(*chunks).encode())


def read_kept(path: Path, on_warning: Callable[[str], None]) -> memoryview | None:
    """What `write_kept` wrote; None where it is absent or, said to `on_warning`, damaged: make it again."""
    try:
        with open_regular(path) as stream:
            content = np.fromfile(stream, np.uint8).data
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        on_warning(f"{path} cannot be read ({error.strerror or error}); the work that it kept is done again.")
        return None
    end = max(0, len(content) - len(_SEAL) - 64)
    if bytes(content[end:]) == _SEAL + sha256_of(content[:end]).encode():
        return content[:end]
    on_warning(f"{path} is damaged; the work that it kept is done again.")
    return None


def write_kept_arrays(path: Path, arrays: Mapping[str, ArrayLike]) -> None:
    """`write_kept` for arrays; the file can be opened as an .npz."""
    write_kept(path, packed(arrays))


def read_kept_arrays(path: Path, on_warning: Callable[[str], None]) -> dict[str, Any] | None:
    """What `write_kept_arrays` wrote; None as `read_kept` says."""
    content = read_kept(path, on_warning)
    if content is None:
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return dict(stored)


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


def sha256_of(*chunks: bytes | memoryview) -> str:
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
    with open_regular(path) as stream:
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


def check_room(folder: Path, size: int = 1 << 20) -> None:
    """Raises an EdgekitError as `atomic_path` where a file of so many bytes could not be written into the folder."""
    probe = folder / f".{secrets.token_hex(4)}.room"
    with failures_of(probe):
        try:
            probe.write_bytes(bytes(size))
        finally:
            probe.unlink(missing_ok=True)
