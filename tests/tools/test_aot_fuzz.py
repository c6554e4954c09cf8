"""tools/aot_fuzz compares random models with TFLM, and limits the processor time of a compilation."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def fuzz(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, ROOT / "tools/aot_fuzz", "--optimize", "size", "--target", "esp32", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_random_and_damaged_models_are_compared() -> None:
    done = fuzz("--models", "3", "--mutants", "6")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "random models, size: 3 equal" in done.stdout
    assert "damaged models, size:" in done.stdout


def test_a_compilation_beyond_the_limit_of_processor_time_is_a_failure() -> None:
    done = fuzz("--models", "2", "--mutants", "0", "--compile-s", "0.001")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "TimeoutError: more than 0.001 s of processor time" in done.stdout
