"""tools/quantization_remedies makes what is missing, a line a file, and changes nothing where nothing is lost."""

import json
import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "quantization_remedies"


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, TOOL, *words], capture_output=True, text=True, timeout=540, check=False)


def test_the_harmed_network_is_trained_as_int8_and_the_other_keeps_every_byte(tmp_path: Path) -> None:
    out = tmp_path / "runs.jsonl"
    words = [
        "--out",
        out,
        "--work",
        tmp_path / "work",
        "--seeds",
        "1",
        "--epochs",
        "1",
        "--set",
        "distill.fit.epochs=4",
    ]
    first = run(*words)
    assert first.returncode == 0, first.stderr
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    files = ["float", "as converted", "percentile", "least mean square error", "bias correction"]
    files += ["quantization-aware training", "16x8"]
    harmed, other = lines[:7], lines[7:]
    assert [line["remedy"] for line in harmed] == [line["remedy"] for line in other] == files
    assert harmed[1]["drift"] > 0.25 > other[1]["drift"]
    assert (harmed[5]["changed"], other[5]["changed"]) == (True, False)
    assert other[5]["drift"] == other[1]["drift"]
    again = run(*words)
    assert again.returncode == 0, again.stderr
    assert "seed" not in again.stderr
    assert len(out.read_text(encoding="utf-8").splitlines()) == 14
