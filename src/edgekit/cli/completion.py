"""`edgekit completion`: what bash, zsh and fish ask edgekit while a command is typed, and how they come to ask.

In: a shell's name. Out: its script, printed or installed. The scripts call edgekit with the line so far; click finds
the candidates, and each goes back as a line: kind, value and help, with tabs between.
"""

import os
import shlex
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string

from edgekit.cli.output import show
from edgekit.errors import EdgekitError

SHELLS = ("bash", "zsh", "fish")


class _Complete(ShellComplete):
    """click's part of it, for all three."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The whole words so far but the program's, and the word at the cursor."""
        line = os.environ.get("_EDGEKIT_LINE", "")
        words = split_arg_string(line)
        self.typed = words.pop() if words and not line[-1].isspace() else ""
        return words[1:], self.typed

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """A candidate as a line."""
        said = " ".join((item.help or "").split())
        return f"{item.type}\t{self.inserted(str(item.value)) if item.type == 'plain' else ''}\t{said}"

    def inserted(self, value: str) -> str:
        """What the shell puts where its word begins."""
        return value


class _Bash(_Complete):
    name = "bash"

    def inserted(self, value: str) -> str:
        """Bash's word begins behind the last = or : that was typed."""
        breaks = os.environ.get("_EDGEKIT_BREAKS", "")
        typed = self.typed.partition("=")[2] if self.typed.startswith("--") else self.typed
        cut = max((typed.rfind(one) for one in "=:" if one in breaks), default=-1) + 1
        return value.removeprefix(typed[:cut])


class _Zsh(_Complete):
    name = "zsh"


class _Fish(_Complete):
    name = "fish"

    def inserted(self, value: str) -> str:
        """For fish --data=phantom is one word."""
        option, equals, _ = self.typed.partition("=")
        return option + equals + value if equals and option.startswith("--") else value


for _shell in (_Bash, _Zsh, _Fish):
    add_completion_class(_shell)


@dataclass(frozen=True, slots=True)
class Installed:
    """A file of the shell's, and whether this call wrote to it."""

    path: str
    says: str
    written: bool


@click.command("completion")
@click.argument("shell", required=False, type=click.Choice(SHELLS))
@click.option("--install", is_flag=True, help="Have the shell read it from now on, instead of printing it.")
@click.option("--json", "as_json", is_flag=True, help="With --install: print JSON, for a script.")
def completion_command(shell: str | None, install: bool, as_json: bool) -> None:
    """Let bash, zsh or fish complete edgekit's commands, options, ports, data sets and recipes.

    SHELL is yours ($SHELL) if left out. --install may be called again: what is there already stays as it is.
    """
    shell = shell or _of_the_user()
    if not install:
        click.echo(script(shell), nl=False)
        return
    from edgekit.report.document import Code

    done = installed(shell)
    lines = [f"{one.path}: {one.says if one.written else 'nothing to do'}" for one in done]
    show(
        [*map(Code, lines), Code(f"The next {shell} that starts completes edgekit.")],
        {"shell": shell, "files": [{"path": one.path, "written": one.written} for one in done]},
        as_json,
    )


def script(shell: str) -> str:
    """What the shell reads."""
    return (resources.files("edgekit.cli") / "shells" / f"completion.{shell}").read_text(encoding="utf-8")


def installed(shell: str) -> list[Installed]:
    """Writes the script where the shell, or a line in its start-up file, reads it.

    Raises:
        EdgekitError: a file that cannot be written, or is somebody else's; a user without a home folder.
    """
    from edgekit.files import user_folder

    if shell == "fish":  # reads what lies there when edgekit is first completed
        settings = Path(os.environ.get("XDG_CONFIG_HOME") or _home() / ".config")
        return [_script_at(shell, settings / "fish" / "completions" / "edgekit.fish")]
    place = _script_at(shell, user_folder("data") / f"completion.{shell}")
    folder = os.environ.get("ZDOTDIR") if shell == "zsh" else None
    return [place, _line_in(Path(folder or _home()) / f".{shell}rc", Path(place.path))]


def _script_at(shell: str, path: Path) -> Installed:
    from edgekit import files

    content, first = script(shell), f"# edgekit's completion for {shell}"
    there = _text(path)
    if there is not None and there != content and first not in there:
        raise EdgekitError(f"{path} was not written by edgekit.", "Move it away, then run this again.")
    if there != content:
        files.write_text(path, content)
    return Installed(str(path), "the script, written", there != content)


def _line_in(startup: Path, read: Path) -> Installed:
    """Adds the line that reads the script. It is appended: the file may be a link, and has its owner's mode."""
    from edgekit import files

    quoted = shlex.quote(str(read))
    line = f"[ -r {quoted} ] && . {quoted}  # edgekit completion"
    there = _text(startup) or ""
    if line in there.splitlines():
        return Installed(str(startup), "", False)
    with files.failures_of(startup), startup.open("a", encoding="utf-8") as stream:
        stream.write(f"{'' if there.endswith(chr(10)) or not there else chr(10)}{line}\n")
    return Installed(str(startup), "a line that reads the script, added", True)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EdgekitError(f"{path} cannot be read: {error.strerror or error}.", "Check what it is.") from error


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise EdgekitError("This user has no home folder, where a shell reads its files.", "Set HOME.") from error


def _of_the_user() -> str:
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise EdgekitError(
            f"Your shell ($SHELL) is {name or 'not known'}; edgekit completes in {', '.join(SHELLS)}.",
            "Name one of them: edgekit completion --install bash",
        )
    return name
