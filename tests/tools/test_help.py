"""Asking a tool for help does nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = [path for path in sorted((ROOT / "tools").iterdir()) if path.is_file() and path.stat().st_mode & 0o111]
HEADER = ROOT / "firmware/lib/wire/src/wire/protocol.h"  # that of gen_protocol
ANSWERS_WITHIN_S = 60


def help_of(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=ANSWERS_WITHIN_S, check=False)


@pytest.mark.parametrize("tool", [*TOOLS, ROOT / "tools/setup_venv.py"], ids=lambda path: path.name)
def test_help_says_what_a_tool_does_and_touches_no_file(tool: Path) -> None:
    first = tool.read_text().splitlines()[0]
    by_python = first.startswith('"""') or "python" in first
    written = HEADER.stat().st_mtime_ns
    done = help_of(*((sys.executable, tool) if by_python else (tool,)))
    assert done.returncode == 0, done.stderr
    said = tool.read_text().split('"""', 2)[1] if by_python else tool.read_text().splitlines()[1].removeprefix("# ")
    assert " ".join(said.split())[:50] in " ".join(done.stdout.split())
    assert done.stderr == ""  # nothing was set up, built or run
    assert HEADER.stat().st_mtime_ns == written


def test_a_contender_that_is_none_is_refused_with_the_names_of_those_there_are() -> None:
    command = [sys.executable, ROOT / "tools/bench_compile", "--only", "aot sise"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("--only: there is no contender 'aot sise'.")
    assert "aot size, aot speed, aot esp32, aot esp32 speed, aot esp32 speed, two cores, bakeNN" in done.stderr
    assert done.stdout == ""
