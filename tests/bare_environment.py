"""An environment with edgekit's wheel and what that asks for, and nothing else: made by pip, without a network.

pip takes edgekit's own wheel as it was built; what it asks for comes from wheels that are put together again from what
is installed here, so that the tests need no index.
"""

import csv
import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[1]
_BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"


@dataclass(frozen=True)
class BareEnvironment:
    """Its folder, and that of the cache that its commands use."""

    folder: Path
    cache: Path

    @property
    def package(self) -> Path:
        """Where edgekit lies in it."""
        return next(self.folder.glob("lib/python*/site-packages")) / "edgekit"

    def run(self, folder: Path, *words: object) -> "subprocess.CompletedProcess[str]":
        """Its command in a folder outside any checkout."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("EDGEKIT", "PYTHON"))}
        command = [self.folder / "bin" / "edgekit", *map(str, words)]
        env["XDG_CACHE_HOME"] = str(self.cache)
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)

    def edgekit(self, folder: Path, *words: object) -> str:
        """What its command prints, and that it did."""
        done = self.run(folder, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout


def tracked(*under: str) -> list[str]:
    """The files of the repository below some paths, those that git does not know yet included."""
    asked = ["git", "-C", str(REPOSITORY), "ls-files", "--cached", "--others", "--exclude-standard", "-z", *under]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a checkout with git")
    return [name for name in done.stdout.split("\0") if name and (REPOSITORY / name).is_file()]


def copied(tree: Path) -> Path:
    """A fresh checkout, as far as the package is made of it."""
    for name in tracked("pyproject.toml", "README.md", "LICENSE", "src", "firmware", "models", "tools/build_wheel.py"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, tree / name)
    return tree


def built(what: str, tree: Path, into: Path) -> Path:
    """A `wheel` or an `sdist` of a tree, by its own build backend."""
    into.mkdir(exist_ok=True)
    command = [sys.executable, "-P", "-W", "ignore", "-c", _BUILD, f"build_{what}", str(into)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return into / done.stdout.splitlines()[-1]


def make(wheel: Path, base: Path) -> BareEnvironment:
    """The environment of a wheel, below `base`."""
    made, wheels = BareEnvironment(base / "environment", base / "cache"), base / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        asked = metadata.PathDistribution(zipfile.Path(archive, name.rpartition("/")[0] + "/")).requires or []
    for distribution in _needed(asked):
        _wheel_of(distribution, wheels)
    subprocess.run([sys.executable, "-P", "-m", "venv", str(made.folder)], check=True)
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": os.devnull}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    pip = [
        str(made.folder / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        str(wheel),
    ]
    done = subprocess.run(pip, env=kept | offline, cwd=base, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return made


def _needed(asked: list[str]) -> Iterator[metadata.Distribution]:
    """What is asked for, with what that asks for in turn, as it is installed here."""
    ahead, seen = [(Requirement(line), "") for line in asked], set[tuple[str, str]]()
    while ahead:
        wanted, extra = ahead.pop()
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": extra}):
            continue
        found = metadata.distribution(wanted.name)
        for inner in ("", *wanted.extras):
            if (canonicalize_name(wanted.name), inner) not in seen:
                seen.add((canonicalize_name(wanted.name), inner))
                ahead += [(Requirement(line), inner) for line in found.requires or []]
                if not inner:
                    yield found


def _wheel_of(distribution: metadata.Distribution, folder: Path) -> None:
    """The wheel that an installed distribution came from, but for what pip makes itself: commands, bytecode, notes."""
    tags = [line[5:] for line in (distribution.read_text("WHEEL") or "").splitlines() if line.startswith("Tag: ")]
    tag = "-".join(".".join(dict.fromkeys(parts)) for parts in zip(*(tag.split("-") for tag in tags), strict=True))
    stem = f"{canonicalize_name(distribution.metadata['Name']).replace('-', '_')}-{distribution.version}"
    record, own = io.StringIO(), ("INSTALLER", "REQUESTED", "direct_url.json")
    rows = csv.writer(record, lineterminator="\n")
    with zipfile.ZipFile(folder / f"{stem}-{tag}.whl", "w") as archive:
        for path in distribution.files or []:
            if path.parts[0] == ".." or "__pycache__" in path.parts or path.name in own:
                continue
            rows.writerow((path, "", ""))
            if path.name == "RECORD" and path.parent.suffix == ".dist-info":
                at = str(path)
            else:
                archive.write(distribution.locate_file(path), str(path))
        archive.writestr(at, record.getvalue())
