"""The GitHub Action: its file by its public schema, its steps as a runner runs them, with an API on this machine."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import pytest

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github" / "actions" / "edgekit-check"
STUDENT = ROOT / "models" / "chest_xray"
EDGEKIT = Path(sys.executable).with_name("edgekit")


@dataclass
class GitHub:
    """The part of GitHub's API that the action calls, on this machine: comments by their number, requests as they
    came. `refuses` answers every request with 403, as a pull request from a fork is answered."""

    comments: dict[int, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    refuses: bool = False
    url: str = ""

    def answer(self, method: str, path: str, body: str) -> Any:
        place, _, query = path.partition("?")
        if method == "GET" and place == "/repos/us/it/issues/7/comments":
            page, size = (int(re.findall(f"{name}=(\\d+)", query)[0]) for name in ("[^_]page", "per_page"))
            named = [{"id": number, "body": text} for number, text in sorted(self.comments.items())]
            return named[(page - 1) * size : page * size]
        if method == "POST" and place == "/repos/us/it/issues/7/comments":
            number = max(self.comments, default=0) + 1
        else:
            (number,) = map(int, re.fullmatch(r"/repos/us/it/issues/comments/(\d+)", place).groups())  # type: ignore[union-attr]
            assert method == "PATCH"
            assert number in self.comments
        self.comments[number] = body
        return {"id": number}


@pytest.fixture
def github() -> Iterator[GitHub]:
    there = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            there.requests.append(f"{self.command} {self.path}")
            there.tokens.add(self.headers["Authorization"])
            found = (
                None if there.refuses else there.answer(self.command, self.path, json.loads(text or "{}").get("body"))
            )
            self.send_response(403 if there.refuses else 200)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        do_GET = do_POST = do_PATCH = _any

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    there.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield there
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Job:
    """A checkout in a runner's surroundings; `check` runs the step."""

    folder: Path
    github: GitHub

    def check(self, **inputs: str) -> "subprocess.CompletedProcess[str]":
        event = self.folder / "event.json"
        event.write_text(json.dumps({"pull_request": {"number": 7}}))
        given = {
            **defaults(),
            "model": "models/student_int8.tflite",
            **{k.replace("_", "-"): v for k, v in inputs.items()},
        }
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "INPUT_"))},
            **{f"INPUT_{name.upper().replace('-', '_')}": value for name, value in given.items()},
            "EDGEKIT": str(EDGEKIT), "RUNNER_TEMP": str(self.folder / "temp"), "GITHUB_EVENT_PATH": str(event),
            "GITHUB_OUTPUT": str(self.folder / "output"), "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_REPOSITORY": "us/it", "GITHUB_API_URL": self.github.url, "GITHUB_TOKEN": "secret",
            "GITHUB_BASE_REF": "main", "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(self.folder / "cache"),
        }  # fmt: skip
        for name in ("output", "summary"):
            (self.folder / name).unlink(missing_ok=True)
        command = [sys.executable, str(ACTION / "check.py")]
        return subprocess.run(
            command, cwd=self.folder / "checkout", env=environment, capture_output=True, text=True, check=False
        )

    @property
    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in (self.folder / "output").read_text().splitlines())

    @property
    def summary(self) -> str:
        return (self.folder / "summary").read_text()

    @property
    def model(self) -> Path:
        return self.folder / "checkout" / "models" / "student_int8.tflite"


def git(folder: Path, *words: str) -> None:
    names = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *names, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def job(tmp_path: Path, github: GitHub) -> Job:
    """A branch like its base, which holds the shipped model with its card; a shallow checkout, as a runner has it."""
    base = tmp_path / "origin"
    (base / "models").mkdir(parents=True)
    for name in ("student_int8.tflite", "card.json"):
        shutil.copy(STUDENT / name, base / "models" / name)
    git(base, "init", "-q")
    git(base, "add", ".")
    git(base, "commit", "-qm", "base")
    git(base, "checkout", "-qb", "change")
    git(tmp_path, "clone", "-q", "--depth=1", "--branch", "change", base.as_uri(), "checkout")
    return Job(tmp_path, github)


def action() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    found: dict[str, Any] = yaml.safe_load((ACTION / "action.yml").read_text())
    return found


def defaults() -> dict[str, str]:
    return {name: one["default"] for name, one in action()["inputs"].items() if "default" in one and name != "token"}


def test_the_action_is_valid_by_its_public_schema_and_pins_what_it_uses() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "tests" / "vectors" / "github" / "action.schema.json").read_text())
    jsonschema.Draft7Validator(schema).validate(action())
    assert not jsonschema.Draft7Validator(schema).is_valid({**action(), "runs": {"using": "composite"}})
    used = [step["uses"] for step in action()["runs"]["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", one) for one in used)


def test_every_input_reaches_the_script_by_its_environment_and_none_is_pasted_into_a_shell() -> None:
    found = action()
    steps = found["runs"]["steps"]
    assert not any("${{" in step.get("run", "") for step in steps)
    passed = {name: value for step in steps for name, value in step.get("env", {}).items()}
    assert set(passed.values()) == {f"${{{{ inputs.{name} }}}}" for name in found["inputs"]}
    script = (ACTION / "check.py").read_text() + (ACTION / "setup.sh").read_text()
    read = set(re.findall(r'_input\("([\w-]+)"\)', script)) | {"max-ram", "max-flash", "max-ms", "target", "optimize"}
    assert read | {"weights", "flash-mode", "edgekit", "token"} == set(found["inputs"])
    assert {one["value"] for one in found["outputs"].values()} == {
        f"${{{{ steps.check.outputs.{name} }}}}" for name in ("passed", "ram", "flash", "ms")
    }


def test_an_unchanged_model_within_its_budget_passes_and_is_commented_once(job: Job, github: GitHub) -> None:
    github.comments = {number: f"another's {number}" for number in range(1, 131)}
    wanted = {"max_ram": "40000", "max_flash": "60000", "max_ms": "60", "fail_if": "ram>+5%, accuracy<-0.01"}
    done = job.check(**wanted)
    assert done.returncode == 0, done.stdout + done.stderr
    assert job.outputs == {"ram": "28026", "flash": "40354", "ms": "24.628", "passed": "true"}
    assert "| RAM, bytes | 28,026 | 40000 | within |" in job.summary
    assert "| flash, bytes | 40,354 | 40,354 | +0 |" in job.summary
    assert "| accuracy | 0.9487 | 0.9487 | +0.0000" in job.summary
    assert "| ram>+5% | +0% | passes |" in job.summary
    assert github.comments[131].strip() == job.summary.strip()
    assert github.tokens == {"Bearer secret"}

    assert job.check(max_ram="1000").returncode == 1
    assert sorted(github.comments) == list(range(1, 132))
    assert github.comments[131].startswith("<!-- edgekit-check models/student_int8.tflite -->\n### ")
    assert "**does not pass**" in github.comments[131]
    assert github.requests[-1] == "PATCH /repos/us/it/issues/comments/131"


def test_what_is_over_budget_is_said_with_the_layer_for_each_limit(job: Job) -> None:
    done = job.check(max_ram="5000", max_flash="30000", max_ms="9.5", comment="false")
    assert done.returncode == 1
    errors = [line for line in done.stdout.splitlines() if line.startswith("::error title=edgekit::")]
    assert len(errors) == 3
    assert "more than the 5,000 allowed. The peak is at CONV_2D" in errors[0]
    assert "10,354 more than the 30,000 allowed. The heaviest layer is" in errors[1]
    assert "more than the 9.5 allowed. The slowest layer is CONV_2D" in errors[2]
    assert job.summary.count("**over**") == 3
    assert job.outputs["passed"] == "false"
    assert job.github.requests == []


def test_a_heavier_model_than_the_base_branchs_is_refused_by_name_and_figure(job: Job) -> None:
    shutil.copy(ROOT / "models" / "chest_xray_3" / "student_int8.tflite", job.model)
    (job.model.parent / "card.json").unlink()
    done = job.check(fail_if="bytes>0, ram>-50%, flash>+400%")
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"::error title=edgekit::fails: bytes>0: 36,784 in A, [\d,]+ in B, \+\d+", done.stdout)
    assert "::error title=edgekit::fails: ram>-50%25: 28,026 in A" in done.stdout
    assert "flash>+400%25:" not in done.stdout
    assert "| bytes>0 |" in job.summary


def test_a_model_that_the_base_branch_has_not_is_checked_by_its_budget_alone(job: Job) -> None:
    job.model.rename(job.model.with_name("new.tflite"))
    (job.model.parent / "card.json").unlink()
    done = job.check(model="models/new.tflite", max_ram="40000")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "There is no base to compare with." in job.summary
    done = job.check(model="models/new.tflite", fail_if="ram>0")
    assert done.returncode == 2
    assert "fail-if needs a base" in job.summary


@pytest.mark.parametrize(
    ("inputs", "code", "says"),
    [
        ({"model": "models/absent.tflite"}, 2, "There is no model at models/absent.tflite."),
        ({"fail_if": "speed>1"}, 2, "there is no quantity 'speed'"),
        ({"max_ram": "lots"}, 2, "'lots' is not a valid integer"),
        ({"target": "esp99"}, 2, "esp99"),
        ({"base": "README.md"}, 2, "README.md cannot be read"),
        ({"model": "models/card.json"}, 1, "card.json"),
    ],
)
def test_what_cannot_be_checked_is_said_and_never_passes(
    job: Job, inputs: dict[str, str], code: int, says: str
) -> None:
    done = job.check(**inputs)
    assert done.returncode == code, done.stdout + done.stderr
    assert says in job.summary
    assert job.outputs["passed"] == "false"
    assert "Traceback" not in done.stderr


def test_a_pull_request_from_a_fork_may_not_comment_and_the_summary_has_it_all(job: Job, github: GitHub) -> None:
    github.refuses = True
    done = job.check()
    assert done.returncode == 0
    assert "::warning title=edgekit::The comment was not written (HTTP Error 403" in done.stdout
    assert "| RAM, bytes |" in job.summary


def test_set_up_installs_this_checkout_and_names_the_command(tmp_path: Path) -> None:
    environment = {
        **os.environ, "RUNNER_TEMP": str(tmp_path), "GITHUB_ENV": str(tmp_path / "env"), "INPUT_EDGEKIT": "",
        "PIP_NO_DEPS": "1",  # which this environment has, and a runner takes from the registry
    }  # fmt: skip
    done = subprocess.run(["bash", ACTION / "setup.sh"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    command = (tmp_path / "env").read_text().strip().removeprefix("EDGEKIT=")
    packages = Path(click.__file__).parents[1]
    said = subprocess.run(
        [command, "compare", "--help"], env={**os.environ, "PYTHONPATH": str(packages)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert "--fail-if" in said.stdout, said.stderr
