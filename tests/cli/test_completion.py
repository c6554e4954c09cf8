"""Completion in real shells, its installation, and that a key waits for little."""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgekit.boards.board import BOARDS
from edgekit.cli import candidates
from edgekit.cli.completion import SHELLS, script
from edgekit.cli.main import cli
from edgekit.compile.options import Target
from edgekit.data.medmnist_sets import SETS
from edgekit.data.sources import KNOWN
from edgekit.device.link import STARTED
from edgekit.errors import EdgekitError
from edgekit.recipes.reading import BUILTIN

SRC = Path(__file__).parents[2] / "src"
LONGEST_S = 60  # that a test waits for a shell on a busy machine
Environment = dict[str, str]


@pytest.fixture
def user(tmp_path: Path) -> Environment:
    """Somebody with an empty home and edgekit on the PATH."""
    home, programs = tmp_path / "home", tmp_path / "programs"
    home.mkdir()
    programs.mkdir()
    (programs / "edgekit").write_text(f'#!/bin/sh\nexec {sys.executable} -m edgekit "$@"\n')
    (programs / "edgekit").chmod(0o755)
    return {
        "HOME": str(home), "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(SRC), "TERM": "xterm",
        "LANG": "C.UTF-8",
    }  # fmt: skip


def need(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed (apt-get install {shell})")
    return found


def edgekit(user: Environment, *words: str) -> str:
    command = [sys.executable, "-m", "edgekit", *words]
    return subprocess.run(command, env=user, capture_output=True, text=True, check=True).stdout


class Typist:
    """Types into an interactive shell."""

    def __init__(self, shell: str, user: Environment, folder: Path) -> None:
        program = need(shell)
        self._shell, self._terminal = pty.fork()  # the shell's controlling terminal
        if self._shell == 0:
            os.chdir(folder)
            os.execve(program, [shell, "-i"], user)
        self.seen = ""

    def type(self, text: str, until: str) -> str:
        """What comes back, up to where it matches."""
        os.write(self._terminal, text.encode())
        self.seen, end = "", time.monotonic() + LONGEST_S
        while not re.search(until, self.seen):
            assert time.monotonic() < end, f"{until!r} did not come: {self.seen!r}"
            if select.select([self._terminal], [], [], 0.1)[0]:
                self.seen += os.read(self._terminal, 65536).decode(errors="replace")
        return self.seen

    def close(self) -> None:
        os.kill(self._shell, signal.SIGKILL)
        os.waitpid(self._shell, 0)
        os.close(self._terminal)


@pytest.fixture(params=SHELLS)
def typist(request: pytest.FixtureRequest, user: Environment, tmp_path: Path) -> Iterator[Typist]:
    """In each shell, started after `edgekit completion --install`; edgekit writes down how it is called."""
    shell: str = request.param
    edgekit({**user, "SHELL": need(shell)}, "completion", "--install")
    program = Path(user["PATH"].partition(":")[0]) / "edgekit"
    program.write_text(
        f'#!/bin/sh\n[ "$_EDGEKIT_COMPLETE" ] && exec {sys.executable} -m edgekit\n'
        f"printf '%s\\n' \"$@\" > {tmp_path}/called\necho it was called\n"
    )
    typing = Typist(shell, user, tmp_path)
    yield typing
    typing.close()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("selft\t--po\tnat\t", ["selftest", "--port", "native"]),
        ("data info medmnist:blood\t", ["data", "info", "medmnist:bloodmnist"]),
        ("evaluate chest_xray_5\t--data=pha\t", ["evaluate", "chest_xray_5k", "--data=phantom"]),
        ("predict chest_xray fil\t", ["predict", "chest_xray", "film.png"]),
    ],
)
def test_tabs_complete_commands_options_values_and_files(
    typist: Typist, tmp_path: Path, keys: str, words: list[str]
) -> None:
    (tmp_path / "film.png").touch()
    typist.type("echo rea''dy\n", "ready")
    typist.type(f"edgekit {keys}\n", "it was called")
    assert (tmp_path / "called").read_text().splitlines() == words


# what a shell answers without a terminal: (the line, what is among the candidates, what is not)
LINES = [
    ("edgekit ", {"compile", "predict", "completion"}, {"--port"}),
    ("edgekit selftest --port ", {"auto", "emulator", "native", "qemu-esp32"}, {"desktop"}),
    ("edgekit eval-device --port d", {"desktop"}, {"auto"}),
    ("edgekit build-model --recipe s", {"smoke", "shapes"}, {"paper"}),
    ("edgekit compile chest_xray --target ", {"generic", "esp32"}, set()),
    ("edgekit predict chest_x", {"chest_xray", "chest_xray_3", "chest_xray_10k"}, set()),
    ("edgekit export m.tflite --as ", {"esp-idf", "arduino", "platformio", "cmake", "zephyr"}, set()),
    ("edgekit recipe d", {"demo", "digits"}, set()),
]
Ask = Callable[[Environment, str], set[str]]


def ask_bash(user: Environment, line: str) -> set[str]:
    """Calls the function as bash does."""
    words = line.split(" ")
    asked = (
        f"{script('bash')}\ncompopt() {{ :; }}\nCOMP_LINE='{line}' COMP_POINT={len(line)} COMP_WORDS=({line} '') "
        f"COMP_CWORD={len(words) - 1}\n_edgekit_completion edgekit\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run([need("bash"), "-c", asked], env=user, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines())


def ask_fish(user: Environment, line: str) -> set[str]:
    edgekit(user, "completion", "--install", "fish")
    asked = [need("fish"), "-c", 'complete -C "$argv[1]"', line]
    done = subprocess.run(asked, env=user, capture_output=True, text=True, check=True)
    return {found.partition("\t")[0] for found in done.stdout.splitlines()}


@pytest.mark.parametrize("ask", [ask_bash, ask_fish])
@pytest.mark.parametrize(("line", "offered", "not_offered"), LINES, ids=[line for line, *_ in LINES])
def test_a_shell_is_offered_what_the_command_takes(
    user: Environment, ask: Ask, line: str, offered: set[str], not_offered: set[str]
) -> None:
    found = ask(user, line)
    assert offered <= found
    assert not not_offered & found


@pytest.mark.parametrize(
    ("line", "bash", "fish"),
    [
        ("edgekit evaluate m --data medmnist:bl", "bloodmnist", "medmnist:bloodmnist"),
        ("edgekit evaluate m --data=medmnist:bl", "bloodmnist", "--data=medmnist:bloodmnist"),
        ("edgekit evaluate m --data=pha", "phantom", "--data=phantom"),
    ],
)
def test_a_value_with_colons_and_equals_signs_is_put_where_the_shells_word_begins(
    user: Environment, line: str, bash: str, fish: str
) -> None:
    assert ask_bash(user, line) == {bash}
    if shutil.which("fish"):
        assert ask_fish(user, line) == {fish}


def test_serial_ports_that_are_there_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    from serial.tools import list_ports
    from serial.tools.list_ports_common import ListPortInfo

    here = ListPortInfo("/dev/ttyUSB7", skip_link_detection=True)
    here.description = "CP2102"
    monkeypatch.setattr(list_ports, "comports", lambda: [here])
    (found,) = candidates.ports(("native",))(None, None, "/dev")  # type: ignore[arg-type]
    assert (found.value, found.help) == ("/dev/ttyUSB7", "CP2102")


def test_the_candidates_are_what_the_commands_know() -> None:
    assert candidates.RECIPES == BUILTIN
    assert set(candidates.MEDMNIST) == set(SETS)
    assert {name.partition(":")[0] for name in candidates.DATA} == {*KNOWN, "chest-xray-3"}
    for name in candidates.DATA:
        assert any(source.word.fullmatch(name) for source in KNOWN.values()), name
    assert {*STARTED, "auto"} <= set(candidates._PORTS)
    assert {"generic", *BOARDS} >= set(Target.__args__)


def test_completion_imports_nothing_heavy(user: Environment) -> None:
    asked = {**user, "_EDGEKIT_LINE": "edgekit selftest --port ", "_EDGEKIT_COMPLETE": "bash_complete"}
    command = [sys.executable, "-X", "importtime", "-m", "edgekit"]
    done = subprocess.run(command, env=asked, capture_output=True, text=True, check=True)
    assert "emulator" in done.stdout
    imported = set(re.findall(r"\| +([\w.]+)$", done.stderr, re.MULTILINE))
    assert "edgekit.cli.main" in imported
    heavy = {"numpy", "PIL", "rich", "jinja2", "pydantic", "tflite_micro", "torch", "tensorflow", "edgekit.compile"}
    assert not heavy & imported


@pytest.mark.parametrize("shell", SHELLS)
def test_an_installation_says_what_it_wrote_and_a_second_one_writes_nothing(user: Environment, shell: str) -> None:
    home = Path(user["HOME"])
    first = json.loads(edgekit(user, "completion", shell, "--install", "--json"))
    paths = [Path(one["path"]) for one in first["files"]]
    assert all(one["written"] for one in first["files"])
    assert all(path.is_relative_to(home) and path.is_file() for path in paths)
    assert paths[0].read_text() == script(shell) == edgekit(user, "completion", shell)
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert "nothing to do" in edgekit(user, "completion", shell, "--install")
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_a_start_up_file_keeps_its_lines_its_mode_and_its_link(user: Environment, tmp_path: Path) -> None:
    startup, real = Path(user["HOME"]) / ".bashrc", tmp_path / "dotfiles"
    real.write_bytes(b"alias x='caf\xe9'")  # no UTF-8, no end of line
    real.chmod(0o600)
    startup.symlink_to(real)
    edgekit(user, "completion", "--install", "bash")
    assert startup.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    first, second = real.read_bytes().splitlines()
    assert first == b"alias x='caf\xe9'"
    assert second.endswith(b"# edgekit completion")


def test_zsh_is_completed_where_its_own_folder_is(user: Environment, tmp_path: Path) -> None:
    (tmp_path / "zsh").mkdir()
    edgekit({**user, "ZDOTDIR": str(tmp_path / "zsh")}, "completion", "--install", "zsh")
    assert "edgekit completion" in (tmp_path / "zsh/.zshrc").read_text()


def test_somebody_elses_script_and_an_unknown_shell_are_refused(
    user: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Path(user["HOME"]) / ".config/fish/completions/edgekit.fish"
    mine.parent.mkdir(parents=True)
    mine.write_text("complete -c edgekit -a mine\n")
    for name, value in user.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for words, shell, says in ((["fish"], "", "not written by edgekit"), ([], "/bin/dash", "is dash; edgekit")):
        monkeypatch.setenv("SHELL", shell)
        with pytest.raises(EdgekitError, match=says):
            CliRunner().invoke(cli, ["completion", "--install", *words], standalone_mode=False, catch_exceptions=False)
    assert mine.read_text() == "complete -c edgekit -a mine\n"
