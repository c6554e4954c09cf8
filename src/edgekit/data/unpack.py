"""A zip archive becomes a folder: whole or absent, and never a file outside of it.

In: a .zip. Out: a folder.
"""

import shutil
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from edgekit.data.progress import bar
from edgekit.errors import EdgekitError
from edgekit.files import disk_error


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks `archive` beside `folder` and renames the result to it. What macOS adds to archives is left out.

    Raises:
        EdgekitError: not a zip, damaged, a member that would leave the folder, a full disk.
    """
    temporary: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
        with zipfile.ZipFile(archive) as members:
            wanted = [member for member in members.infolist() if not member.is_dir() and not _is_junk(member.filename)]
            for member in wanted:
                _check_stays_inside(member, archive)
            with bar(f"Unpacking {archive.name}", len(wanted)) as advance:
                for member in wanted:
                    members.extract(member, temporary)
                    advance(1)
        temporary.chmod(0o755)
        temporary.replace(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise EdgekitError(
            f"{archive} is damaged: {error}.", f"Delete {archive} and run the command again to fetch it anew."
        ) from error
    except OSError as error:
        raise disk_error(error, folder) from error
    finally:  # Ctrl-C comes through here too
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _is_junk(name: str) -> bool:
    return any(part == "__MACOSX" or part.startswith("._") or part == ".DS_Store" for part in name.split("/"))


def _check_stays_inside(member: zipfile.ZipInfo, archive: Path) -> None:
    name = PurePosixPath(member.filename.replace("\\", "/"))
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    if name.is_absolute() or ".." in name.parts or ":" in name.parts[0] or is_link:
        raise EdgekitError(
            f"{archive} holds {member.filename!r}, which would be written outside of its folder. Nothing was unpacked.",
            f"Do not use this archive. Delete {archive} and fetch it from its publisher.",
        )
