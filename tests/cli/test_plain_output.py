"""What every command prints into a pipe, on a terminal of 80 columns, without colours, in any encoding."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from PIL import Image

from edgekit.cli.main import cli

SRC = Path(__file__).parents[2] / "src"
STUDENT = str(Path(__file__).parents[1] / "vectors/student/int8.tflite")
COMMANDS = [
    "recipe paper",
    "data info phantom:0:40",
    "inspect chest_xray --target esp32 --optimize speed",
    f"compile {STUDENT} --out library",
    f"export {STUDENT} --as zephyr --out zephyr",
    "init phantom:0:40",
    "predict chest_xray film.png",
    "evaluate chest_xray --data phantom:0:40",
    "eval-device --port desktop --data phantom:0:40 --limit 4",
    "compare chest_xray chest_xray",
    "doctor",
    "firmware --project firmware",
    "compile nothing.tflite --out nothing",
    "nonsense",
]
# what is copied from the terminal stays whole, and so do messages, which a terminal folds and a log does not
WHOLE = re.compile(r"edgekit |error: |warning: |  [A-Z]|\S*/\S+: |(ok|--|     ) ")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
COLOURS = re.compile(r"\x1b\[(?:\d+;)*(?:3\d|4\d|9\d|10\d)(?:;\d+)*m")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a picture."""
    Image.new("L", (64, 64), 90).save(tmp_path / "film.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    return {**kept, "PYTHONPATH": str(SRC), "COLUMNS": "80", **more}


def piped(line: str, **more: str) -> str:
    """What it writes to stdout and stderr, which are pipes. Where these are ASCII, click writes JSON in UTF-8."""
    command = [sys.executable, "-m", "edgekit", *line.split()]
    done = subprocess.run(command, env=environment(**more), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return (done.stdout + b"\n" + done.stderr).decode("cp1252" if more.get("PYTHONIOENCODING") == "cp1252" else "utf-8")


def on_a_terminal(line: str, **more: str) -> str:
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, [sys.executable, "-m", "edgekit", *line.split()], environment(**more))
    seen = b""
    try:
        while part := os.read(terminal, 65536):
            seen += part
    except OSError:  # Linux's end of it
        pass
    os.waitpid(child, 0)
    os.close(terminal)
    return seen.decode()


def all_commands(group: click.Group = cli, path: str = "") -> Iterator[str]:
    for name, command in sorted(group.commands.items()):
        yield f"{path}{name}"
        if isinstance(command, click.Group):
            yield from all_commands(command, f"{path}{name} ")


@pytest.mark.parametrize("line", COMMANDS)
def test_a_pipe_gets_lines_of_80_columns_and_nothing_that_a_terminal_obeys(folder: Path, line: str) -> None:
    said = piped(line, NO_COLOR="1")
    assert len(said) > 20
    assert not CONTROLS.search(said)
    assert "━━━━" not in said.split("\n", 1)[0]
    assert [one for one in said.splitlines() if len(one) > 80 and not WHOLE.match(one)] == []


@pytest.mark.parametrize("line", all_commands())
def test_the_help_of_every_command_fits_80_columns(line: str) -> None:
    words = [*line.split(), "--help"]
    context = {"terminal_width": 80, "max_content_width": 80}
    said = CliRunner().invoke(cli, words, **context).output
    assert said.startswith("Usage: ")
    assert [one for one in said.splitlines() if len(one) > 80] == []


def test_a_log_of_an_evaluation_holds_no_bar(folder: Path) -> None:
    said = piped("eval-device --port desktop --data phantom:0:40 --limit 4", NO_COLOR="1")
    (line,) = (one for one in said.splitlines() if "images/s" in one)
    assert re.fullmatch(r"4/4 [\d.,]+ images/s  0 retries *", line)


@pytest.mark.parametrize("line", [*COMMANDS[:1], *COMMANDS[5:10]])
def test_no_colour_reaches_a_terminal_where_no_color_is_set_and_a_dumb_one_gets_text_alone(
    folder: Path, line: str
) -> None:
    plain = on_a_terminal(line, NO_COLOR="1", TERM="xterm-256color")
    assert not COLOURS.search(plain)
    assert "\x1b" not in on_a_terminal(line, TERM="dumb")


def test_colours_are_there_to_be_left_out(folder: Path) -> None:
    line = "eval-device --port desktop --data phantom:0:40 --limit 4"
    assert COLOURS.search(on_a_terminal(line, TERM="xterm-256color"))


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_pipe_that_takes_no_unicode_gets_plain_characters_and_json_its_escapes(folder: Path, encoding: str) -> None:
    said = piped("inspect chest_xray", PYTHONIOENCODING=encoding)
    assert re.search(r"MAX_POOL_2D[ |]+[-\u2013] ", said)
    Image.new("L", (32, 32), 90).save("disc.png")
    labels = "\u4e09,\U0001f600"
    asked = json.loads(piped(f"predict {STUDENT} disc.png --labels {labels} --json", PYTHONIOENCODING=encoding))
    assert asked[0]["label"] in labels.split(",")
    refused = piped(f"evaluate {STUDENT} --data phantom:0:40 --labels {labels}", PYTHONIOENCODING=encoding)
    assert ("\\u4e09" if encoding == "cp1252" else "\u4e09") in refused
