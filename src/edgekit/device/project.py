"""The firmware as a project that PlatformIO and ESP-IDF build: where its sources are, and a copy that is the user's.

In: what comes with edgekit (`firmware/`). Out: a folder to build from for this computer, another for a board.
"""

import json
import os
import re
from contextlib import suppress
from pathlib import Path

from edgekit import files
from edgekit.errors import EdgekitError
from edgekit.values.codec import parsed
from edgekit.values.shipped import in_checkout, shipped

WRITTEN = ".edgekit.json"  # in an unpacked project: the SHA-256 of each file as edgekit wrote it


def sources() -> Path:
    """What `--port native`, `--port emulator` and `profile` build: the folder that EDGEKIT_FIRMWARE names, else the
    firmware that comes with edgekit. Nothing is written there.

    Raises:
        EdgekitError: the named folder is no firmware of edgekit's.
    """
    return _ours(Path(named)) if (named := os.environ.get("EDGEKIT_FIRMWARE")) else shipped("firmware")


def folder() -> Path:
    """The project from which a board is built: what EDGEKIT_FIRMWARE names, the working directory or its `firmware/`,
    or the checkout's. Only a folder whose platformio.ini has the section [edgekit] is edgekit's to write into.

    Raises:
        EdgekitError: none of them is.
    """
    if named := os.environ.get("EDGEKIT_FIRMWARE"):
        return _ours(Path(named))
    candidates = [Path.cwd(), Path("firmware").resolve(), in_checkout("firmware")]
    if there := next((one for one in candidates if _is_ours(one)), None):
        return there
    if (Path("firmware") / "platformio.ini").is_file():
        return _ours(Path("firmware").resolve())
    raise EdgekitError(
        "There is no firmware project here.",
        "Unpack one: edgekit firmware --project DIR; run from there, or set EDGEKIT_FIRMWARE to it.",
    )


def older_settings(root: Path, environment: str) -> tuple[str, ...]:
    """ESP-IDF's settings in which `sdkconfig.ENVIRONMENT`, which an earlier build has left and which wins, differs from
    the project's own; none where there is no such file. `prepare_model.py`, which runs without edgekit, tells the same
    at every build."""
    left = root / f"sdkconfig.{environment}"
    if not left.is_file():
        return ()
    further = [root / f"sdkconfig.{kind}" for kind in ("qio", "one_core") if f"_{kind}" in environment]
    has, wanted = _settings(left), _settings(root / "sdkconfig.defaults", *further)
    return tuple(name for name, value in wanted.items() if has.get(name, "n") != value)


def _settings(*paths: Path) -> dict[str, str]:
    """What files of ESP-IDF's settings say, a later one over an earlier one."""
    lines: list[str] = []
    for path in paths:
        with suppress(OSError):
            lines += files.read_regular(path).decode(errors="replace").splitlines()
    return dict(line.split("=", 1) for line in lines if line.startswith("CONFIG_") and "=" in line)


def unpack(into: Path) -> tuple[str, ...]:
    """Makes a folder the firmware's project, with all sources but a model's, or brings one to this edgekit's state.

    Returns:
        Files that were edited since edgekit wrote them: they stay as they are.

    Raises:
        EdgekitError: the folder holds something else, or cannot be written.
    """
    source = shipped("firmware")
    if into.exists() and into.resolve() == source.resolve():
        return ()
    with files.failures_of(into):
        if into.exists() and any(into.iterdir()) and not _is_ours(into):
            raise EdgekitError(
                f"{into} holds files, and is no firmware project of edgekit's.", "Name a new or an empty folder."
            )
        contents = {path.relative_to(source).as_posix(): path.read_bytes() for path in source_files(source)}
        written, kept = _written(into), []
        for name, content in contents.items():
            there = _sha256(into / name)
            if there not in (None, written.get(name), files.sha256_of(content)):
                kept.append(name)
            elif there != files.sha256_of(content):
                files.write_bytes(into / name, content)
        for name in written.keys() - contents.keys():  # of an earlier edgekit: a build would compile it, too
            if _sha256(into / name) == written[name]:
                (into / name).unlink()
    hashes = {name: files.sha256_of(content) for name, content in contents.items()}
    files.write_text(into / WRITTEN, json.dumps(hashes, indent=1) + "\n")
    return tuple(kept)


def source_files(root: Path) -> list[Path]:
    """The firmware's files without what a build leaves there, platformio.ini first: by it a folder that was cut off
    while it was unpacked is still known. `sources.txt` lists them, for the wheel, too."""
    lines = (root / "sources.txt").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    found = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    found = {path for path in found if "__pycache__" not in path.parts}
    return sorted(found, key=lambda path: (path.name != "platformio.ini", path))


def _sha256(path: Path) -> str | None:
    return files.file_sha256(path) if path.exists() else None


def _written(into: Path) -> dict[str, str]:
    """What WRITTEN says; of a damaged one nothing: then each file that is not today's counts as edited."""
    try:
        hashes = parsed(files.read_regular(into / WRITTEN))
        return {name: str(sha256) for name, sha256 in hashes.items() if _is_inside(name)}
    except (OSError, ValueError, AttributeError):
        return {}


def _is_inside(name: str) -> bool:
    return not Path(name).is_absolute() and ".." not in Path(name).parts


def _ours(candidate: Path) -> Path:
    if _is_ours(candidate):
        return candidate
    raise EdgekitError(
        f"{candidate} is a PlatformIO project, but not edgekit's: its platformio.ini has no section [edgekit]."
        if (candidate / "platformio.ini").is_file() else f"The firmware's sources are not at {candidate}.",
        "Unpack them: edgekit firmware --project DIR, and set EDGEKIT_FIRMWARE to that folder.",
    )  # fmt: skip


def _is_ours(candidate: Path) -> bool:
    try:
        text = (candidate / "platformio.ini").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return re.search(r"^\[edgekit\]", text, re.MULTILINE) is not None
