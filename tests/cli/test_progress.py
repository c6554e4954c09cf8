"""The stages of a build as a terminal and as a log see them, and the score of a board while it works."""

import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from rich.console import Console

from edgekit.cli import progress
from edgekit.cli.progress import LiveScore, StageBars
from edgekit.values.device_run import LinkCounts
from edgekit.values.evaluation import Prediction, Threshold
from edgekit.values.task import CHEST_XRAY


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


ONE_OF_EACH = (  # label, margin: with a threshold of 5 a hit, a false alarm, a miss, a rejection
    Prediction("a", 1, (0, 9), 100),
    Prediction("b", 0, (0, 5), 200),
    Prediction("c", 1, (0, 4), 300),
    Prediction("d", 0, (9, 0), 400),
)


def text_of(shown: object) -> str:
    console = Console(width=80, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(shown)
    return console.export_text()


def test_the_live_lines_tell_accuracy_confusion_rate_retries_and_latency_in_80_columns() -> None:
    live = LiveScore(624, CHEST_XRAY, Threshold(0.9, 5), "real", quiet=True)
    for one in ONE_OF_EACH:
        live(one, LinkCounts(retries=3))
    said = text_of(live)
    assert "4/624" in said
    assert "images/s" in said
    assert "3 retries" in said
    assert "accuracy 0.500  tp 1  fp 1  fn 1  tn 1  p50 200  p95 400 us" in said
    for number in range(620):
        live(Prediction(str(number), 1, (0, 9), 2_345_678), LinkCounts(retries=123))
    assert text_of(live).count("\n") == 2  # nothing wraps, nothing is cut
    assert "p95 2,345,678 us" in text_of(live)


def test_what_an_earlier_run_did_counts_in_the_score_but_not_in_the_rate() -> None:
    live = LiveScore(5, CHEST_XRAY, Threshold(0.9, 5), "real", quiet=True)
    live.resumed(ONE_OF_EACH)
    assert "4/5" in text_of(live)
    assert "accuracy 0.500" in live.line()
    assert "images/s" not in text_of(live)


def test_a_board_without_a_clock_of_its_own_gets_no_latency_of_zero() -> None:
    live = LiveScore(5, None, None, "emulated", quiet=True)
    live(Prediction("a", 1, (0, 9), None), LinkCounts())
    assert live.line() == "not timed"
