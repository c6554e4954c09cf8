"""What a command says reaches a full disk, a closed pipe and a script's JSON without a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.cli.output import typed
from smoke_build import Said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
@pytest.mark.parametrize("words", [("recipe",), ("recipe", "--json")])
def test_a_full_disk_or_a_closed_pipe_behind_stdout_ends_without_a_traceback(words: tuple[str, ...]) -> None:
    environment = {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    command = [sys.executable, "-m", "edgekit", *words]
    with open("/dev/full", "w") as full:  # noqa: PTH123  # no other way to a full stdout
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    Said(done.returncode, "", done.stderr).assert_refused("No space left on device")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command, env=environment, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_typed_command_of_no_utf_8_can_stand_in_json(monkeypatch):
    monkeypatch.setattr("sys.argv", ["edgekit", "build-model", "--out", "out_\udcff"])
    assert typed() == "edgekit build-model --out 'out_\\udcff'"
