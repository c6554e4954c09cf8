"""The small student as what is exported, and commands that must succeed."""

import subprocess
from collections.abc import Callable
from pathlib import Path

STUDENT = Path(__file__).parents[1] / "vectors/student/int8.tflite"
LABELS = ("--labels", "small,large")
RIGHT = "The bytes are as they should be."  # the last line of an example
Export = Callable[..., Path]
Cmake = Callable[..., None]


def run(*command: object, cwd: Path | None = None) -> str:
    """What a command prints."""
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
