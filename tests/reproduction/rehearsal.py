"""A rehearsal of the whole paper, and the command line that makes one."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = "phantom:0:120"


@dataclass(frozen=True)
class Rehearsal:
    """`edgekit reproduce --budget smoke` on drawn films. Copy `out` before you change it."""

    out: Path
    cache: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), "XDG_CACHE_HOME": str(self.cache)}

    def command(self, out: Path, *words: str, seeds: str = "0") -> list[str]:
        options = ["--budget", "smoke", "--data", DATA, "--seeds", seeds, "--workers", "2", "--out", str(out)]
        return [sys.executable, "-m", "edgekit", "reproduce", *options, *words]

    def run(self, out: Path, *words: str, seeds: str = "0") -> "subprocess.CompletedProcess[str]":
        command = self.command(out, *words, seeds=seeds)
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
