"""tools/distillation_gain trains what is missing, a line a student, and shows the table of what is there."""

import json
import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "distillation_gain"


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, TOOL, *words], capture_output=True, text=True, timeout=300, check=False)


def test_students_are_trained_once_and_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    out = tmp_path / "runs.jsonl"
    words = ["--data", "phantom:0:60", "--out", out, "--work", tmp_path / "work", "--teacher", "none", "--size", "5"]
    words += ["--epochs", "1", "--accelerator", "cpu", "--report", tmp_path / "page"]
    first = run(*words, "--seeds", "1")
    assert first.returncode == 0, first.stderr
    again = run(*words, "--seeds", "2")
    assert again.returncode == 0, again.stderr
    assert again.stderr.startswith("1 of 1: ")
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(line["teacher"], line["size"], line["epochs"], line["seed"]) for line in lines] == [
        ("none", 5, 1, 0), ("none", 5, 1, 1),
    ]  # fmt: skip
    assert all(0 <= line["auc"] <= 1 and line["made_on"].startswith("cpu") for line in lines)
    shown = run("--table", "--out", out, "--report", tmp_path / "page")
    assert "Mean of 2 seeds" in " ".join(shown.stdout.split())
    page = (tmp_path / "page" / "report.md").read_text(encoding="utf-8")
    assert "Mean of 2 seeds" in page
    assert "not a medical device" in page


def test_without_data_it_says_what_to_give() -> None:
    done = run()
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: There is no --data.",
        "  Name the folder of the chest X-rays: --data FOLDER.",
    ]
