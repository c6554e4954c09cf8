"""Fixtures that more than one room needs."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def xray_folder() -> Path:
    """The real X-rays: at EDGEKIT_XRAYS, or beside the repository."""
    folder = Path(os.environ.get("EDGEKIT_XRAYS", REPOSITORY.parent / "shared" / "data" / "chest_xray"))
    if not folder.is_dir():
        pytest.skip(f"the real X-rays are not at {folder}; set EDGEKIT_XRAYS to their folder")
    return folder


@pytest.fixture(scope="session")
def build_cpp(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Compiles C++ of the repository with this computer's compiler, under the sanitizers; returns the program."""

    def build(*sources: str, flags: tuple[str, ...] = ()) -> Path:
        program = tmp_path_factory.mktemp("cpp") / "program"
        include = [f"-Ifirmware/lib/{lib}/src" for lib in ("wire", "app")]
        warnings = ("-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Werror")
        sanitizers = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
        command = ["g++", *warnings, *sanitizers, *include, *flags, *sources, "-o", str(program)]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return program

    return build


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 1 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@dataclass(frozen=True)
class Smoke:
    """A build by the smoke recipe on drawn films, made once for all tests. Copy `out` before you change it.

    `changes` are its `--set` words: enough epochs that a test can stop it in their midst.
    """

    out: Path
    cache: Path
    data: str = "phantom:0:120"
    changes: tuple[str, ...] = ("teach.fit.epochs=12", "distill.fit.epochs=6")

    @property
    def words(self) -> list[str]:
        return ["--recipe", "smoke", *(f"--set={change}" for change in self.changes), "--data", self.data]

    @property
    def environment(self) -> dict[str, str]:
        own = {"PYTHONPATH": str(REPOSITORY / "src"), "XDG_CACHE_HOME": str(self.cache), "OMP_NUM_THREADS": "1"}
        return {**os.environ, **own}

    def start(self, out: Path) -> "subprocess.Popen[str]":
        """The same build into another folder, in a process of its own that Ctrl-C reaches."""
        return subprocess.Popen(
            [sys.executable, "-m", "edgekit", "build-model", *self.words, "--out", str(out)],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's `&` has it ignored
        )  # fmt: skip

    def copy(self, folder: Path) -> Path:
        return Path(shutil.copytree(self.out, folder / "copy"))


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Smoke:
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # shared by the workers
    made = Smoke(base / "smoke" / "out", base / "smoke" / "cache")
    made.cache.mkdir(parents=True, exist_ok=True)
    with (made.cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made.out / "card.md").exists():
            process = made.start(made.out)
            _, said = process.communicate(timeout=240)
            assert process.returncode == 0, said
    return made


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.out)
        return found

    def assert_refused(self, *words: str) -> None:
        """One message that holds the words, a hint at most beside it, exit code 1."""
        lines = [line for line in self.err.splitlines() if not line.startswith("warning: ")]
        assert self.code == 1, self
        assert sum(line.startswith("error: ") for line in lines) == 1, self.err
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.err, self.err


@pytest.fixture
def edgekit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs the command line in this process; an exception that is not an exit fails the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))

    def run(*words: object) -> Said:
        from edgekit.cli import main

        monkeypatch.setattr(sys, "argv", ["edgekit", *map(str, words)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Said(code, *capsys.readouterr())

    return run


def wait_for(pattern: str, folder: Path, process: "subprocess.Popen[str]", timeout_s: float = 60) -> None:
    """Returns as soon as a file of that pattern is in the folder."""
    end = time.monotonic() + timeout_s
    while not any(folder.glob(pattern)):
        assert process.poll() is None, f"it ended before {pattern} appeared: {process.communicate()}"
        assert time.monotonic() < end, f"no {pattern} after {timeout_s} s"
        time.sleep(0.002)
