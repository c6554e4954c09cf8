"""One way to fetch a file over HTTP: resumed where it was cut, checked, and in place only when whole; and to unpack it.

In: an address, a path, a checksum where one is published. Out: the file at that path, or a folder of what a .zip holds.
"""

import errno
import hashlib
import http.client
import os
import re
import secrets
import shutil
import stat
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from edgekit import __version__
from edgekit.data.progress import bar
from edgekit.errors import EdgekitError, stopped_says
from edgekit.files import disk_error, file_sha256, open_regular, read_bytes, write_text

TIMEOUT_S = 30.0
TRIES = 4
# Images hardly shrink: an archive of them may unpack to its size so many times, and so many bytes.
_MOST_TIMES, _ROOM = 20, 100_000_000
# What names in an archive can do that the disk is not to blame for: a file in place of a folder, one too long
_OF_NAMES = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL, None)
MIRROR = "EDGEKIT_DATA_URL"  # a folder on a web server that holds the files under their own names
HEADERS = {"User-Agent": f"edgekit/{__version__}"}  # the default of urllib is refused by some data hosts


def address(url: str, name: str) -> str:
    """`url`, or the file `name` on the mirror that the environment names."""
    mirror = os.environ.get(MIRROR, "").rstrip("/")
    return f"{mirror}/{name}" if mirror else url


def download(url: str, path: Path, *, checksum: str | None, retry_delay_s: float = 1.0) -> None:
    """Fetches `url` to `path`. What arrives is kept in `path`.part, so that a cut or stopped download goes on.

    Args:
        checksum: `md5:...` or `sha256:...` as its publisher gives it. Where there is None, what `record_checksum`
            recorded of an earlier download must be equal.
        retry_delay_s: wait before the second try, doubled for each later one.

    Raises:
        EdgekitError: no connection, an HTTP error, a web page in place of the file, a wrong checksum, a full disk.
    """
    part = path.with_name(path.name + ".part")
    record = _record_of(path)
    expected = checksum or _recorded(record)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, path) from error
    with stopped_says("What has arrived is kept: the same command goes on from there."):
        _fetch_with_retries(url, part, retry_delay_s)
    _refuse_page(url, part)
    algorithm = expected.partition(":")[0] if expected else "sha256"
    with open_regular(part) as stream:
        actual = f"{algorithm}:{hashlib.file_digest(stream, algorithm).hexdigest()}"
    if expected and actual != expected:
        part.unlink()
        source = "" if checksum else f", which {record} recorded at the first download"
        raise EdgekitError(
            f"{url} arrived with the wrong checksum: {actual}, expected {expected}{source}. It was thrown away.",
            "Run the command again. If it happens twice, the file at that address has changed"
            + ("." if checksum else f"; delete {record} if you trust the new one."),
        )
    part.replace(path)


def record_checksum(path: Path, on_warning: Callable[[str], None]) -> None:
    """Records the SHA-256 of a download that nobody publishes one of, once it has proved to be what it should be; later
    downloads must equal it. `on_warning` is told of it.

    Raises:
        EdgekitError: the record cannot be written.
    """
    record = _record_of(path)
    if record.exists():
        return
    write_text(record, f"{file_sha256(path)}  {path.name}\n")
    on_warning(
        f"No checksum of {path.name} is published or it cannot be reached; the SHA-256 of this first download was "
        f"recorded in {record} and later downloads are compared with it."
    )


def _record_of(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _recorded(record: Path) -> str | None:
    if not record.exists():
        return None
    hint = f"Delete it, if you trust the next download as a first one: rm {record}"
    found = re.match(rb"[0-9a-f]{64}\b", read_bytes(record, hint))
    if found is None:
        raise EdgekitError(f"{record} is damaged: it does not begin with a SHA-256.", hint)
    return f"sha256:{found.group().decode()}"


def _refuse_page(url: str, part: Path) -> None:
    """A network that wants a log-in first answers everything with a page of its own."""
    with open_regular(part) as stream:
        begin = stream.read(1024)
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|head|body|script|meta|\?xml|!--)", begin, re.IGNORECASE):
        part.unlink()
        raise EdgekitError(
            f"{url} answered with a web page, not with the file. It was thrown away.",
            f"Open the address in a browser: a network may want a log-in first. Or set {MIRROR} to a server that holds "
            "the file.",
        )


def _fetch_with_retries(url: str, part: Path, retry_delay_s: float) -> None:
    """Tries until it is whole, or until TRIES in a row have brought nothing new."""
    fruitless, kept = 0, _size(part)
    while True:
        try:
            return _fetch(url, part)
        except urllib.error.HTTPError as error:
            fruitless += 1
            if (error.code < 500 and error.code != 429) or fruitless == TRIES:
                raise EdgekitError(
                    f"{url} answered {error.code} {error.reason}.",
                    f"Try again later, or set {MIRROR} to a server that holds the file.",
                ) from error
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError) as error:
            fruitless = 1 if _size(part) > kept else fruitless + 1
            kept = _size(part)
            if fruitless == TRIES:
                reason = error.reason if isinstance(error, urllib.error.URLError) else error
                raise EdgekitError(
                    f"The download of {url} broke off: {reason}.",
                    "Check the network and run the command again"
                    + (f": {kept:,} bytes are kept and it goes on from there." if kept else ".")
                    + f" Or set {MIRROR} to a server that holds the file, or give a folder of images as --data.",
                ) from error
        except ValueError as error:
            raise EdgekitError(f"{url!r} is not an address: {error}.", f"Correct {MIRROR}.") from error
        time.sleep(retry_delay_s * 2 ** (fruitless - 1))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _fetch(url: str, part: Path) -> None:
    """One try, from the end of what is there."""
    have = _size(part)
    headers = HEADERS | ({"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not have:
            raise
        # Nothing beyond what is here: the part is whole, or longer than the file. Its checksum decides.
        if error.headers.get("Content-Range", "").endswith(f"/{have}"):
            return
        part.unlink()
        return _fetch(url, part)
    with answer:
        resumed = answer.status == 206
        if resumed and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise http.client.HTTPException("the server sent another part of the file than was asked for")
        length = int(answer.headers["Content-Length"]) if answer.headers.get("Content-Length") else None
        begin = have if resumed else 0
        total = None if length is None else begin + length
        name = part.name.removesuffix(".part")
        try:
            with (
                part.open("ab" if resumed else "wb") as stream,
                bar(f"Downloading {name}", total, begin, in_bytes=True) as advance,
            ):
                while chunk := _read(answer):
                    stream.write(chunk)
                    advance(len(chunk))
        except ConnectionError:
            raise
        except OSError as error:
            raise disk_error(error, part) from error
    if total is not None and (got := _size(part)) < total:  # http.client ends a short body in silence
        raise http.client.IncompleteRead(b"", total - got)


def _read(answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.read(1 << 18)
    except OSError as error:  # told apart from what the disk may raise
        raise ConnectionError(str(error) or type(error).__name__) from error


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a .zip beside `folder` and renames the result to it: whole or absent. What macOS adds is left out.

    Raises:
        EdgekitError: not a zip, damaged, a member that would leave the folder, more than images unpack to, a full disk.
    """
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()  # not mkdtemp, whose 0700 says nothing of the umask
        with open_regular(archive) as stream, zipfile.ZipFile(stream) as members:
            wanted = [member for member in members.infolist() if not member.is_dir() and not _is_junk(member.filename)]
            for member in wanted:
                _check_stays_inside(member, archive)
            _check_size(wanted, archive)
            with bar(f"Unpacking {archive.name}", len(wanted)) as advance:
                for member in wanted:
                    members.extract(member, temporary)
                    advance(1)
        temporary.replace(folder)
    except EdgekitError:
        raise
    except Exception as error:  # zipfile and its decompressors have a dozen for a damaged file
        if isinstance(error, OSError) and error.errno not in _OF_NAMES:
            raise disk_error(error, folder) from error
        raise EdgekitError(
            f"{archive} is damaged: {error or type(error).__name__}.",
            f"Delete {archive} and run the command again to fetch it anew.",
        ) from error
    finally:  # Ctrl-C comes through here too
        shutil.rmtree(temporary, ignore_errors=True)


def _is_junk(name: str) -> bool:
    return any(part == "__MACOSX" or part.startswith("._") or part == ".DS_Store" for part in name.split("/"))


def _check_size(members: list[zipfile.ZipInfo], archive: Path) -> None:
    """zipfile gives no more of a member than its head says."""
    total, most = sum(member.file_size for member in members), _ROOM + _MOST_TIMES * archive.stat().st_size
    if total > most:
        raise EdgekitError(
            f"{archive} would unpack to {total:,} bytes; an archive of images of its size holds {most:,} at most. "
            "Nothing was unpacked.",
            f"Do not use this archive. Delete {archive} and fetch it from its publisher.",
        )


def _check_stays_inside(member: zipfile.ZipInfo, archive: Path) -> None:
    name = PurePosixPath(member.filename.replace("\\", "/"))
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    if name.is_absolute() or ".." in name.parts or ":" in "".join(name.parts[:1]) or is_link:
        raise EdgekitError(
            f"{archive} holds {member.filename!r}, which would be written outside of its folder. Nothing was unpacked.",
            f"Do not use this archive. Delete {archive} and fetch it from its publisher.",
        )
