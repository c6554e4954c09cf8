"""The command line as a process: users without a home, streams that are closed, a Ctrl-C at any moment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.values.model import DEFAULT_MODEL
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
