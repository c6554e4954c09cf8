"""Units side by side: a killed worker costs its unit a try and nothing else; Ctrl-C and kill -9 keep finished ones."""

import dataclasses
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from rehearsal import DATA, Rehearsal

from edgekit.errors import EdgekitError
from edgekit.reproduction.budgets import SMOKE_BUDGET
from edgekit.reproduction.cluster import RayCrew
from edgekit.reproduction.executor import (
    Crew,
    Ended,
    LocalCrew,
    carry_out_unit,
)
from edgekit.reproduction.plan import Unit
from edgekit.reproduction.schedule import TRIES, Told, carry_out
from edgekit.reproduction.work import STAGES, Settings, Work

RESNET, STUDENT = Unit("teach", "resnet18", 0), Unit("student", "plain", 0)
PRUNED = Unit("prune_network", "resnet18", 0, 4.0)
UNITS = (RESNET, PRUNED, STUDENT)


@pytest.fixture
def settings(rehearsal: Rehearsal, tmp_path: Path) -> Settings:
    (tmp_path / STAGES).mkdir()
    return Settings("smoke", DATA, tmp_path, "none", accelerator="cpu", cache_dir=rehearsal.cache / "edgekit")


def through(crew: Crew, on_progress: object = lambda told: None) -> dict[Unit, Ended]:
    try:
        return carry_out(UNITS, {unit: unit.needs(SMOKE_BUDGET) for unit in UNITS}, crew, on_progress)  # type: ignore[arg-type]
    finally:
        crew.close()


def test_a_worker_that_is_killed_is_replaced_and_its_unit_tried_again(settings: Settings) -> None:
    crew, news = LocalCrew(settings, 2), list[Told]()

    def on_progress(told: Told) -> None:
        news.append(told)
        if len(news) == 1:  # the first unit has just been handed out
            os.kill(crew._workers[0].process.pid or 0, signal.SIGKILL)

    ended = through(crew, on_progress)
    assert {unit: one.problem for unit, one in ended.items()} == dict.fromkeys(UNITS, "")
    (retry,) = [told for told in news if told.retry]
    assert retry.ended is not None
    assert retry.ended.unit == RESNET
    assert "killed by SIGKILL" in retry.ended.problem
    reader = Work(settings, make=False)
    assert all(reader.do(unit) is not None for unit in UNITS)


def test_a_unit_whose_workers_always_die_is_given_up_and_the_others_go_on(settings: Settings) -> None:
    crew = LocalCrew(settings, 1)

    def on_progress(told: Told) -> None:
        if told.ended is None and told.running == (RESNET,):
            os.kill(next(w.process.pid or 0 for w in crew._workers if w.unit == RESNET), signal.SIGKILL)

    ended = through(crew, on_progress)
    assert ended[RESNET].problem.endswith(f"killed by SIGKILL, {TRIES} times")
    assert ended[PRUNED].problem == f"not tried, because {RESNET.name} failed"
    assert ended[STUDENT].problem == ""


def test_a_unit_that_raises_is_reported_in_words_and_not_tried_again(settings: Settings, tmp_path: Path) -> None:
    news: list[Told] = []
    crew = LocalCrew(dataclasses.replace(settings, weights="imagenet", weights_dir=tmp_path), 1)
    ended = through(crew, news.append)
    assert "resnet18-f37072fd.pth does not exist" in ended[RESNET].problem
    assert ended[STUDENT].problem == ""
    assert not any(told.retry for told in news)


def test_a_machine_that_does_not_see_the_folder_says_so(settings: Settings, tmp_path: Path) -> None:
    ended = carry_out_unit(dataclasses.replace(settings, folder=tmp_path / "elsewhere"), STUDENT)
    assert "does not see" in ended.problem
    assert "file system that all its machines share" in ended.problem


def test_ray_does_the_same_units_and_survives_a_killed_worker(settings: Settings) -> None:
    killed: list[int] = []

    def on_progress(told: Told) -> None:
        end = time.monotonic() + 60
        while not killed and RESNET in told.running and time.monotonic() < end:
            for pid in ray_workers():
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            time.sleep(0.02)

    news: list[Told] = []
    try:
        crew = RayCrew(settings, "local", 1)
    except EdgekitError as error:
        pytest.skip(f"{error.message} (three times; Ray gives its processes 30 s)")
    ended = through(crew, lambda told: (news.append(told), on_progress(told)))
    assert killed
    assert {unit: one.problem for unit, one in ended.items()} == dict.fromkeys(UNITS, "")
    assert [told.ended.unit for told in news if told.retry and told.ended] == [RESNET]


def ray_workers() -> list[int]:
    """Processes of ours that carry out a unit for Ray at this moment."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if b"ray::carry_out_unit" in (process / "cmdline").read_bytes() and is_ours(int(process.name)):
                    found.append(int(process.name))
            except OSError:
                continue
    return found


def is_ours(pid: int) -> bool:
    """Whether this process is among the ancestors."""
    while pid > 1 and pid != os.getpid():
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid == os.getpid()


def test_an_address_without_a_cluster_is_answered_in_words(rehearsal: Rehearsal, tmp_path: Path) -> None:
    done = rehearsal.run(tmp_path / "out", "--ray", "127.0.0.1:1", "--only", "table2")
    assert done.returncode == 1
    assert "There is no Ray cluster at 127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_finished_units_outlive_ctrl_c_and_kill_and_no_worker_is_left(
    rehearsal: Rehearsal, tmp_path: Path, how: signal.Signals
) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(
        rehearsal.command(out, "--only", "figure4"), env=rehearsal.environment, stderr=subprocess.PIPE, text=True,
        start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )  # fmt: skip
    end = time.monotonic() + 240
    while not list((out / STAGES).glob("teach-*.npz")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    kept = list((out / STAGES).glob("teach-*.npz"))
    process.send_signal(how)
    said = process.communicate()[1]
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "Finished units are kept" in said
    end = time.monotonic() + 30
    while members(process.pid):
        assert time.monotonic() < end, members(process.pid)
        time.sleep(0.05)
    assert all(path.exists() for path in kept)


def members(session: int) -> list[int]:
    """Processes of that session that still live."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                fields = (process / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(process.name))
    return found
