"""tools/count_cycles prints what a model costs, and says what it cannot count."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "tests/vectors/student/int8.tflite"


def count(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, ROOT / "tools/count_cycles", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_layers_and_total_are_printed_as_json_and_as_a_table() -> None:
    values = json.loads(count(MODEL, "--json", "--flash-mode", "qio80").stdout)
    total = values["total"]
    assert values["exact"]
    parts = [*values["layers"], values["rest"]]
    for key in ("cycles", "instructions", "multiplies", "taken"):
        assert total[key] == sum(part[key] for part in parts) > 0
    assert total["band"][0] < 0 < total["band"][1]
    said = count(MODEL).stdout
    assert f"{total['taken']:,}" in said
    assert "estimated at DIO 40 MHz" in said
    assert "Outputs are TFLM's" in said


def test_a_flash_mode_that_the_board_does_not_have_is_refused_with_those_it_has() -> None:
    done = count(MODEL, "--flash-mode", "dio20")
    assert done.returncode == 2
    assert "dio40" in done.stderr


def test_no_model_is_one_line() -> None:
    done = count("nowhere.tflite")
    assert done.returncode == 1
    assert "nowhere.tflite" in done.stderr
    assert "student, mobilenet or resnet" in done.stderr
    assert "Traceback" not in done.stderr
