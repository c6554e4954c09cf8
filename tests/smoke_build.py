"""A real build by the smoke recipe, and the command line as a test calls it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


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
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # a shell's `&` ignores it
        )  # fmt: skip

    def copy(self, folder: Path) -> Path:
        return Path(shutil.copytree(self.out, folder / "copy"))


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


def wait_for(pattern: str, folder: Path, process: "subprocess.Popen[str]", timeout_s: float = 120) -> None:
    """Returns as soon as a file of that pattern is in the folder."""
    end = time.monotonic() + timeout_s
    while not any(folder.glob(pattern)):
        assert process.poll() is None, f"it ended before {pattern} appeared: {process.communicate()}"
        assert time.monotonic() < end, f"no {pattern} after {timeout_s} s"
        time.sleep(0.002)
