#!/usr/bin/env python3
"""Checks a model against its budget and against the model that it would replace, and says so on the pull request.

In: the inputs of action.yml as INPUT_*, what GitHub Actions sets as GITHUB_* and RUNNER_TEMP. Out: Markdown in the
job's summary and in one comment that is kept up to date; outputs for later steps; exit code 1 where the model is
refused, 2 where something was asked that cannot be checked. Python's own library alone.
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LIMITS = {"max-ram": "RAM, bytes", "max-flash": "flash, bytes", "max-ms": "estimated ms"}
FAILED, WRONG = 1, 2
CONDITION_HOLDS = 3  # exit code of `edgekit compare --fail-if`
MOST_CHARACTERS = 65_000  # of a comment; GitHub takes 65,536
PER_PAGE = 100


@dataclass
class Found:
    """What is to be said, and how the step ends."""

    parts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    code: int = 0

    def refuse(self, error: str, code: int = FAILED) -> None:
        """One reason more why the model does not pass."""
        self.errors.append(error)
        self.code = max(self.code, code)


def main() -> None:
    """Runs the checks, then says what they found wherever a reader may look."""
    model, found = _input("model"), Found()
    if not Path(model).is_file():
        found.refuse(f"There is no model at {model}.", WRONG)
    elif values := _compiled(model, found):
        _budget(model, values, found)
        _compared(model, found)
    verdict = "passes" if found.code == 0 else "**does not pass**"
    marker = f"<!-- edgekit-check {model} -->"
    heading = f"{marker}\n### `{model}` {verdict}"
    body = "\n\n".join([heading, *(f"- {error}" for error in found.errors), *found.parts])[:MOST_CHARACTERS]
    for error in found.errors:
        print(f"::error title=edgekit::{_escaped(error)}")
    _append("GITHUB_STEP_SUMMARY", body + "\n")
    outputs = {**found.outputs, "passed": "true" if found.code == 0 else "false"}
    _append("GITHUB_OUTPUT", "".join(f"{name}={value}\n" for name, value in outputs.items()))
    if _input("comment") == "true":
        _comment(marker, body)
    sys.exit(found.code)


def _compiled(model: str, found: Found) -> dict[str, Any] | None:
    """The figures of the compiled model; None where it does not compile."""
    done = _edgekit("compile", model, "--out", _room("library"), "--json", *_options())
    if done.returncode:
        found.refuse(_said(done), FAILED if done.returncode == 1 else WRONG)
        return None
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def _budget(model: str, values: dict[str, Any], found: Found) -> None:
    """The table of what the model needs and may need; edgekit's own words, which name the layer, where it is more."""
    total = values["total"]
    code, constants = total["code_bytes"], total["constant_bytes"]
    flash = None if code is None or constants is None else code + constants
    needs = {"max-ram": total["ram_bytes"], "max-flash": flash, "max-ms": total["estimated_ms"]}
    rows = []
    for limit, title in LIMITS.items():
        allowed, needed = _input(limit), needs[limit]
        if needed is not None:
            found.outputs[limit.removeprefix("max-")] = str(needed)
        outcome = "-"
        if allowed:
            done = _edgekit("compile", model, "--out", _room("library"), f"--{limit}", allowed, *_options())
            outcome = "**over**" if done.returncode else "within"
            if done.returncode:
                found.refuse(_said(done), FAILED if done.returncode == 1 else WRONG)
        shown = "not measured" if needed is None else f"{needed:,}"
        rows.append(f"| {title} | {shown} | {allowed or '-'} | {outcome} |")
    made = f"Compiled for {' '.join(_options())}; estimated, not timed."
    found.parts.append("\n".join(["| budget | needs | at most | |", "| --- | ---: | ---: | --- |", *rows, "", made]))


def _compared(model: str, found: Found) -> None:
    """The table of `edgekit compare` with the base, and the conditions that hold."""
    base, conditions = _base(model), _input("fail-if")
    if base is None:
        if conditions:
            found.refuse(f"fail-if needs a base, and there is none of {model}: name one, or leave fail-if out.", WRONG)
        found.parts.append("There is no base to compare with.")
        return
    words = [
        *(["--fail-if", conditions] if conditions else []),
        *(["--data", data] if (data := _input("data")) else []),
    ]
    done = _edgekit("compare", base, model, "--markdown", *words, *_options())
    if done.returncode == CONDITION_HOLDS:
        for line in done.stderr.splitlines():
            if line.startswith("fails: "):
                found.refuse(line)
    elif done.returncode:
        found.refuse(_said(done), WRONG)
    found.parts.append(done.stdout.strip())


def _base(model: str) -> str | None:
    """What the model is compared with: the input, or the same path, and its card, on the branch of the pull request's
    base."""
    if given := _input("base"):
        return given
    branch = os.environ.get("GITHUB_BASE_REF")
    if not branch:
        return None
    fetched = subprocess.run(["git", "fetch", "--quiet", "--depth=1", "origin", branch], check=False)
    if fetched.returncode:
        print(f"::warning title=edgekit::{_escaped(f'The base branch {branch} cannot be fetched.')}")
        return None
    inside = subprocess.run(["git", "rev-parse", "--show-prefix"], capture_output=True, text=True, check=True)
    path = Path(inside.stdout.strip()) / model
    folder = Path(_room("base"))
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("card.json", path.name):
        stored = subprocess.run(
            ["git", "show", f"FETCH_HEAD:{path.with_name(name).as_posix()}"], capture_output=True, check=False
        )
        if stored.returncode == 0:
            (folder / name).write_bytes(stored.stdout)
    return str(folder / path.name) if (folder / path.name).exists() else None


def _comment(marker: str, body: str) -> None:
    """Writes the comment of this model, or brings the one that is there up to date. What GitHub refuses, as it does for
    a pull request from a fork, is a warning: the summary has the same words."""
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    number = event.get("pull_request", {}).get("number")
    if number is None:
        return
    comments = f"repos/{os.environ['GITHUB_REPOSITORY']}/issues/{number}/comments"
    try:
        page, own = 1, None
        while own is None:
            listed = _api("GET", f"{comments}?per_page={PER_PAGE}&page={page}")
            own = next((one for one in listed if one["body"].startswith(marker)), None)
            page += 1
            if len(listed) < PER_PAGE:
                break
        if own is None:
            _api("POST", comments, {"body": body})
        else:
            _api("PATCH", f"repos/{os.environ['GITHUB_REPOSITORY']}/issues/comments/{own['id']}", {"body": body})
    except (urllib.error.URLError, TimeoutError) as error:
        says = f"The comment was not written ({error}). A pull request from a fork may not; see the job's summary."
        print(f"::warning title=edgekit::{_escaped(says)}")


def _api(method: str, path: str, values: Any = None) -> Any:
    request = urllib.request.Request(
        f"{os.environ['GITHUB_API_URL']}/{path}",
        method=method,
        data=None if values is None else json.dumps(values).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _edgekit(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [os.environ["EDGEKIT"], *words]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
    print(f"::group::edgekit {' '.join(words)}\n{done.stderr}\n::endgroup::")
    return done


def _options() -> list[str]:
    names = ("target", "optimize", "weights", "flash-mode")
    return [word for name in names for word in (f"--{name}", _input(name))]


def _said(done: "subprocess.CompletedProcess[str]") -> str:
    """What a command refused, in one line."""
    lines = [line.strip().removeprefix("error: ") for line in done.stderr.splitlines()]
    return (
        " ".join(line for line in lines if line and not line.startswith("warning:")) or f"exit code {done.returncode}"
    )


def _input(name: str) -> str:
    return os.environ.get(f"INPUT_{name.upper().replace('-', '_')}", "").strip()


def _room(name: str) -> str:
    return str(Path(os.environ["RUNNER_TEMP"]) / "edgekit-check-files" / name)


def _append(variable: str, text: str) -> None:
    with Path(os.environ[variable]).open("a", encoding="utf-8") as stream:
        stream.write(text)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


if __name__ == "__main__":
    main()
