"""Builds the environment that tools/check and tools/demo run in, once for every set of requirements.

In: pyproject.toml and tools/constraints.txt. Out: `.venv` in this checkout, printed as the last line.

The packages (some 8 GB with torch and TensorFlow; which of them take it is said) go into a cached environment named by
the hash of what it holds, so clones share it and a change of the code rebuilds nothing. `.venv` is a thin layer over it
that adds this checkout's src: a cached environment knows no clone. A set-up that is killed is done again; of two at
once the second waits.

EDGEKIT_VENV names the cached environment; one that exists and was not made here is used as it is.
EDGEKIT_TORCH_INDEX is where pip finds PyTorch's builds for the processor alone, a package index or a folder of wheels;
without a GPU they are taken, which leaves out some 5 GB of CUDA libraries.
"""

import argparse
import fcntl
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("build", "cluster", "dev")
_SHOWN_BYTES = 100_000_000
_SIZES = """
import importlib.metadata as m, json
def size(found):
    return sum(f.size or 0 for f in found.files or ())
print(json.dumps({found.metadata["Name"]: size(found) for found in m.distributions()}))
"""
MARK = ".edgekit"  # in an environment: its key once it is whole, `unfinished` before


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    requirements, constraints = _requirements(), ROOT / "tools" / "constraints.txt"
    pins = constraints.read_text() if constraints.exists() else ""
    torch = _torch_source()
    named = [f"{platform.system()} {platform.machine()} {sys.version_info[:2]}", *requirements, pins, *torch]
    key = hashlib.sha256(json.dumps(named).encode()).hexdigest()
    given = os.environ.get("EDGEKIT_VENV")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgekit"
    packages = Path(given).expanduser().absolute() if given else cache / f"venv-{key[:16]}"

    with _only_one(cache, packages):
        if given and (packages / "bin" / "python").exists() and not (packages / MARK).exists():
            _say(f"Using {packages} as it is (EDGEKIT_VENV).")
        elif _mark(packages) != key:
            if not pins:
                _say("tools/constraints.txt is missing: the newest versions are taken, untested together.")
            _say(f"Installing packages into {packages}. Once; this takes several minutes and up to 8 GB.")
            _install(packages, requirements, [*(["-c", str(constraints)] if pins else []), *torch])
            _say_sizes(packages)
            (packages / MARK).write_text(key)
    with _only_one(cache, ROOT):
        _layer(ROOT / ".venv", packages)
    print(ROOT / ".venv")


def _requirements() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project.get("optional-dependencies", {})

    def lines(extra: str) -> Iterator[str]:
        for line in extras.get(extra, []):
            others = re.fullmatch(rf"{project.get('name', '')}\[([\w,]+)\]", line)  # an extra made of others
            yield from (one for other in others[1].split(",") for one in lines(other)) if others else [line]

    return [*project["dependencies"], *(line for extra in EXTRAS for line in lines(extra))]


def _torch_source() -> list[str]:
    """pip's words for where PyTorch's builds for the processor alone are, where there is no GPU and somebody says so.

    A build of the same version with a local name (`2.14.1+cpu`) goes before the one without.
    """
    source = os.environ.get("EDGEKIT_TORCH_INDEX")
    if not source or _has_gpu():
        return []
    return ["--find-links" if Path(source).is_dir() else "--extra-index-url", source]


def _has_gpu() -> bool:
    program = shutil.which("nvidia-smi")
    return program is not None and subprocess.run([program, "-L"], capture_output=True, check=False).returncode == 0


def _install(packages: Path, requirements: list[str], more: list[str]) -> None:
    _emptied(packages)
    _run([sys.executable, "-P", "-m", "venv", str(packages)])
    quiet = [] if sys.stderr.isatty() else ["--quiet"]  # a person sees pip's progress, a log only what goes wrong
    pip = [str(packages / "bin" / "python"), "-P", "-m", "pip", "--disable-pip-version-check", "install"]
    _run([*pip, *quiet, *more, *requirements])


def _say_sizes(packages: Path) -> None:
    """What takes the room, the greatest first; and how to do with less."""
    asked = [str(packages / "bin" / "python"), "-P", "-c", _SIZES]
    sizes: dict[str, int] = json.loads(subprocess.check_output(asked, text=True))
    cuda = {name: size for name, size in sizes.items() if re.match("nvidia-|cuda-", name)}
    rows = {name: size for name, size in sizes.items() if name not in cuda} | {"CUDA libraries": sum(cuda.values())}
    shown = [(name, size) for name, size in sorted(rows.items(), key=lambda row: -row[1]) if size >= _SHOWN_BYTES]
    rest = sum(rows.values()) - sum(size for _, size in shown)
    for name, size in [*shown, ("all others", rest), ("together", sum(rows.values()))]:
        _say(f"{name:<24}{size / 1e6:8,.0f} MB")
    if cuda and not _has_gpu():
        _say(
            "There is no GPU here: with EDGEKIT_TORCH_INDEX, the address of PyTorch's builds for the processor, the "
            "set-up does without the CUDA libraries and triton."
        )


def _layer(venv: Path, packages: Path) -> None:
    """Makes `venv` see the packages and this checkout, with every command of the packages run by its own Python."""
    python = packages / "bin" / "python"
    asked = [str(python), "-P", "-c", "import sysconfig as s; print(s.get_path('purelib'))"]
    found = subprocess.check_output(asked, text=True)
    facts = f"{ROOT}\n{found}\n{(packages / 'bin').stat().st_mtime_ns}\n{Path(__file__).read_text()}"
    key = hashlib.sha256(facts.encode()).hexdigest()
    if _mark(venv) == key:
        return
    _emptied(venv)
    _run([str(python), "-P", "-m", "venv", "--without-pip", str(venv)])
    site = next(venv.glob("lib/python*/site-packages"))
    # addsitedir, unlike a plain line, also reads the .pth files of the packages
    (site / "edgekit.pth").write_text(f"{ROOT / 'src'}\nimport site; site.addsitedir({found.strip()!r})\n")
    _command(venv / "bin" / "edgekit", f'exec {shlex.quote(str(venv / "bin" / "python"))} -P -m edgekit "$@"')
    for source in sorted((packages / "bin").iterdir()):
        target = venv / "bin" / source.name
        taken = re.match(r"python|pip|activate|edgekit$", source.name, re.I)
        if taken or not source.is_file() or not os.access(source, os.X_OK):
            continue
        with source.open("rb") as stream:
            script = stream.read(2) == b"#!"
        words = [str(venv / "bin" / "python")] if script else []
        _command(target, f'exec {shlex.join([*words, str(source)])} "$@"')
    (venv / MARK).write_text(key)


def _emptied(environment: Path) -> None:
    """An empty folder but for its mark, which is there first and all the time: without it, it would be the user's."""
    environment.mkdir(parents=True, exist_ok=True)
    if any(environment.iterdir()) and not (environment / MARK).exists():
        raise SystemExit(f"{environment} exists and was not made by tools/. Move it away and run this again.")
    (environment / MARK).write_text("unfinished")
    for old in environment.iterdir():
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        elif old.name != MARK:
            old.unlink()


def _command(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def _mark(environment: Path) -> str:
    try:
        return (environment / MARK).read_text()
    except OSError:
        return ""


@contextmanager
def _only_one(cache: Path, work: Path) -> Iterator[None]:
    cache.mkdir(parents=True, exist_ok=True)
    lock = cache / f"{hashlib.sha256(str(work).encode()).hexdigest()[:16]}.lock"
    with lock.open("w") as stream:  # fcntl, not filelock: this runs before any package is installed
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Another set-up is at work: waiting for it.")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=sys.stderr, check=False)
    if done.returncode:
        raise SystemExit(f"Set-up failed at: {shlex.join(command)[:300]}\nCheck the network and run this again.")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
