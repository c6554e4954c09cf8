"""The evidence for the costs: a table of errors from files of the repository alone."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.boards.board import ESP32
from edgekit.boards.costs import Counts

ROOT = Path(__file__).parents[2]
MEASURED = ROOT / "tools/bench/esp32_measured"
DIO40 = ESP32.costs.flash_modes[0]


def validate(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, ROOT / "tools/validate_cycles", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_table_of_errors_needs_nothing_but_the_repository() -> None:
    done = validate()
    assert done.returncode == 0, done.stderr
    for program, error in (("person_detect", "+1.0%"), ("MLPerf ResNet", "-2.7%"), ("ad01", "-0.2%")):
        assert any(line.startswith(program) and error in line for line in done.stdout.splitlines())
    assert "Root mean square 1.9%" in done.stdout
    assert "no chip has run edgekit's own C" in done.stdout


def test_the_costs_are_those_of_the_estimates_that_are_reported() -> None:
    """What was kept of the counts comes to nearly all of the estimate: the rest is loads and products."""
    with (MEASURED / "reported.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["taken_thousands"]]
    assert len(rows) == 4
    for row in rows:
        instructions = float(row["instructions_millions"]) * 1e6
        taken, misses = (1e3 * float(row[key]) for key in ("taken_thousands", "data_misses_thousands"))
        known = ESP32.costs.cycles(Counts(round(instructions), round(taken), data_misses=round(misses)), DIO40)
        assert 0.82 < known * 1000 / ESP32.clock_hz / float(row["estimated"]) < 1.0, row["program"]


def test_the_lx106s_counts_read_the_same_lines_from_flash_and_take_longer() -> None:
    counts = {
        name: Counts(**one) for name, one in json.loads((MEASURED / "counted.json").read_text())["counts"].items()
    }
    with (MEASURED / "reported.csv").open() as file:
        rows = {row["program"]: row for row in csv.DictReader(file)}
    for name, one in counts.items():
        ms = 1000 * ESP32.costs.cycles(one, DIO40) / ESP32.clock_hz
        assert 1.05 < ms / float(rows[name]["real"]) < 1.6, name
    for name in ("person_detect", "ad01"):  # whose time goes into reading weights
        assert counts[name].data_misses / 1e3 == pytest.approx(float(rows[name]["data_misses_thousands"]), rel=0.05)


def test_paths_come_together() -> None:
    done = validate("--write")
    assert done.returncode == 2
    assert "--tflm, --esp-nn and --models go together" in done.stderr
