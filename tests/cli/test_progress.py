"""The stages of a build as a terminal and as a log see them."""

import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from edgekit.cli import progress
from edgekit.cli.progress import StageBars


def build() -> None:
    with StageBars() as bars:
        bars.warn("one image cannot be read")
        bars.stage("teach-0", cached=True)
        bars.warn("one image cannot be read")
        bars.stage("distill-0", cached=False)
        bars.epoch(1, 2, 0.5)
        bars.epoch(2, 2, 0.25)
        bars.stage("prune-0", cached=False)


def test_a_log_gets_plain_lines_and_each_warning_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_LOG_EVERY_S", 0.0)
    build()
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.rstrip() for line in said.err.splitlines()] == [
        "warning: one image cannot be read",
        "teach-0          cached",
        "distill-0        epoch 1/2, loss 0.500",
        "distill-0        epoch 2/2, loss 0.250",
        "distill-0        0.0 s",
        "prune-0          0.0 s",
    ]


def test_a_log_is_told_of_a_short_stage_only_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    build()
    assert "epoch" not in capsys.readouterr().err


ON_A_TERMINAL = """
import time
from edgekit.cli.progress import StageBars
with StageBars() as bars:
    bars.stage("distill-0", cached=False)
    bars.epoch(2, 2, 0.25)
    time.sleep(0.3)  # three of the bar's frames
    bars.stage("prune-0", cached=False)
"""


def test_a_terminal_shows_a_bar_and_keeps_one_line_a_stage() -> None:
    ours, theirs = pty.openpty()
    environment = {"PYTHONPATH": str(Path(progress.__file__).parents[2]), "TERM": "xterm", "COLUMNS": "80"}
    subprocess.run([sys.executable, "-c", ON_A_TERMINAL], env=environment, stderr=theirs, check=True)
    os.close(theirs)
    seen = ""
    with suppress(OSError):  # Linux's word for the end
        while chunk := os.read(ours, 65536):
            seen += chunk.decode()
    os.close(ours)
    assert "epoch 2/2, loss 0.250" in seen
    lines = [line.rsplit("\x1b[2K", 1)[-1] for line in seen.splitlines()]  # what follows the last erasure stays
    assert [line.split()[0] for line in lines if line.endswith(" s")] == ["distill-0", "prune-0"]
    assert not any("epoch" in line for line in lines[-2:])
