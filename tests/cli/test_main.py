"""The command line as a process: users without a home, streams that are closed, a Ctrl-C at any moment."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.values.shipped import DEFAULT_MODEL
from smoke_build import Said

ROOT = Path(__file__).parents[2]
STRANGER = ("unshare", "--user", "--map-user=54321")  # a user without an entry in /etc/passwd


@pytest.mark.skipif(subprocess.run([*STRANGER, "true"], check=False).returncode != 0, reason="no user namespaces here")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("doctor", "--json"), ()),
        (("recipe", "smoke"), ()),
        (("data", "info", "phantom"), ("no home folder", "XDG_CACHE_HOME")),
        (("data", "info", "~/xrays"), ("~/xrays names no folder", "without ~")),
        (
            ("profile", str(ROOT / DEFAULT_MODEL), "--port", "native"),
            ("no home folder", "XDG_CACHE_HOME"),
        ),
    ],
)
def test_a_user_without_a_home_or_a_name_is_told_in_two_lines_where_one_is_needed(
    words: tuple[str, ...], said: tuple[str, ...], tmp_path: Path
) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_") and name != "HOME"}
    environment = kept | {"PYTHONPATH": str(ROOT / "src")}
    command = [*STRANGER, sys.executable, "-P", "-m", "edgekit", *words]
    if "~/xrays" in words:
        environment["XDG_CACHE_HOME"] = str(tmp_path)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if said:
        Said(done.returncode, done.stdout, done.stderr).assert_refused(*said)
    else:
        assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_stdout_is_said_and_any_other_closed_stream_stops_nothing() -> None:
    run = ["sh", "-c", 'exec "$0" -P -m edgekit recipe smoke --json "$@"', sys.executable]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    for closed, code, out, err in ((">&-", 1, False, "error: Standard output is closed"), ("<&-", 0, True, ""),
                                   ("2>&-", 0, True, ""), (">&- 2>&-", 1, False, "")):  # fmt: skip
        command = [*run[:2], f"{run[2]} {closed}", run[3]]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, bool(done.stdout)) == (code, out), closed
        assert done.stderr.startswith(err), closed
        assert len(done.stderr.splitlines()) == (2 if err else 0), closed


@pytest.mark.parametrize("ignored", [False, True])
def test_a_ctrl_c_while_the_command_line_is_imported_ends_with_one_line(tmp_path: Path, ignored: bool) -> None:
    (tmp_path / "click.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(1)\n1 / 0\n")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "src")])}
    shell = "trap '' INT; " if ignored else ""  # as nohup and a shell's background have it
    command = ["sh", "-c", f'{shell}exec "$0" -P -m edgekit recipe', sys.executable]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "importing\n"
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=30)
    if ignored:
        assert "ZeroDivisionError" in err
    else:
        assert (run.returncode, err) == (130, "\nStopped.\n")
