"""A folder that is written as a whole or not at all, and that replaces nothing but an earlier one of its kind.

In: files by path. Out: the folder, with a file that tells what was written, by which the next export knows its own.
"""

import json
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from edgekit import files
from edgekit.errors import EdgekitError
from edgekit.values.codec import parsed

WRITTEN = ".edgekit-export.json"  # the SHA-256 of each file as edgekit wrote it
_NAMED = 5  # files, at most, that a refusal lists


def check_free(out: Path, *, force: bool) -> None:
    """Refuses to write over what edgekit did not write: a folder with other files, an export that was edited since.

    Args:
        force: replace an earlier export whatever has become of it; a folder of other files is refused all the same.

    Raises:
        EdgekitError: names the files.
    """
    with files.failures_of(out):
        if not out.exists():
            return
        if not out.is_dir():
            raise EdgekitError(f"{out} is a file.", "Name a new or an empty folder with --out.")
        there = {path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir() or path.is_symlink()}
        if not there:
            return
        written = _written(out)
        if written is None:
            raise EdgekitError(
                f"{out} holds files that are no export of edgekit's: {_listed(there)}.",
                "Name a new or an empty folder with --out.",
            )
        changed = {
            name for name in there - {WRITTEN} if written.get(name) != _sha256(out / name) or name not in written
        }
        if changed and not force:
            raise EdgekitError(
                f"{out} was exported by edgekit, and these files are yours by now: {_listed(changed)}.",
                "Name another folder with --out, or give --force to have the whole folder replaced.",
            )


def write_folder(out: Path, contents: Mapping[str, bytes]) -> None:
    """Puts the files where `check_free` found room: beside it first, then in its place by renaming.

    Raises:
        EdgekitError: it cannot be written; what was there is there again.
    """
    out = out.resolve()
    staged, earlier = (out.with_name(f".{out.name}.{secrets.token_hex(4)}.{kind}") for kind in ("part", "old"))
    hashes = {name: files.sha256_of(content) for name, content in sorted(contents.items())}
    with files.failures_of(out):
        try:
            for name, content in contents.items():
                files.write_bytes(staged / name, content)
            files.write_text(staged / WRITTEN, json.dumps(hashes, indent=1) + "\n")
            if out.exists():
                out.rename(earlier)
            try:
                staged.rename(out)
            except OSError:
                if earlier.exists():
                    earlier.rename(out)
                raise
            shutil.rmtree(earlier, ignore_errors=True)
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def _written(out: Path) -> dict[str, str] | None:
    """What an earlier export wrote; None where there was none."""
    try:
        hashes = parsed(files.read_regular(out / WRITTEN))
        return {name: str(sha256) for name, sha256 in hashes.items()}
    except (OSError, ValueError, AttributeError):
        return None


def _sha256(path: Path) -> str | None:
    return files.file_sha256(path) if path.is_file() and not path.is_symlink() else None


def _listed(names: set[str]) -> str:
    shown = ", ".join(sorted(names)[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
