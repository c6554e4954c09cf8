"""tools/pruning_table makes what is missing, a line a student, and shows the table of what is there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.boards.toolchains import LX106

TOOL = Path(__file__).resolve().parents[2] / "tools" / "pruning_table"


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, TOOL, *words], capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.skipif(not LX106.installed(), reason="needs the cross compiler")
def test_a_student_is_made_once_and_zeroed_weights_compile_to_less(tmp_path: Path) -> None:
    out = tmp_path / "runs.jsonl"
    words = ["--data", "phantom:0:60", "--out", out, "--work", tmp_path / "work", "--accelerator", "cpu", "--seeds"]
    words += ["1", "--set", "distill.fit.epochs=1", "--set", "prune.fine_tune_epochs=1", "--way", "as trained"]
    first = run(*words)
    assert first.returncode == 0, first.stderr
    again = run(*words, "--way", "half the weights zeroed")
    assert again.returncode == 0, again.stderr
    assert again.stderr.startswith("1 of 1: ")
    whole, least = (json.loads(line) for line in out.read_text(encoding="utf-8").splitlines())
    assert (whole["way"], least["way"]) == ("as trained", "half the weights zeroed")
    assert least["model_bytes"] == whole["model_bytes"]
    assert least["flash_bytes"] < whole["flash_bytes"]
    shown = run("--table", "--out", out)
    assert "half the weights zeroed" in shown.stdout


def test_without_data_it_says_what_to_give() -> None:
    done = run()
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: There is no --data.",
        "  Name the folder of the chest X-rays: --data FOLDER.",
    ]
