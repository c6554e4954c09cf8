"""Units side by side: a killed worker costs its unit a try and nothing else; Ctrl-C and kill -9 keep finished ones."""

import dataclasses
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from rehearsal import DATA, Rehearsal

from edgekit.errors import EdgekitError
from edgekit.executor.local import LocalExecutor
from edgekit.executor.ray_cluster import RayExecutor
from edgekit.executor.units import Progress, execute, run_unit
from edgekit.reproduction.plan import BUDGETS, Unit
from edgekit.reproduction.run import Request, reproduce
from edgekit.reproduction.work import STAGES, Settings, Work, do_unit

RESNET, STUDENT = Unit("teach", "resnet18", 0), Unit("student", "conventional", 0)
PRUNED = Unit("prune_network", "resnet18", 0, 4.0)
UNITS = (RESNET, PRUNED, STUDENT)


@pytest.fixture
def settings(rehearsal: Rehearsal, tmp_path: Path) -> Settings:
    (tmp_path / STAGES).mkdir()
    return Settings("smoke", DATA, tmp_path, "none", accelerator="cpu", cache_dir=rehearsal.cache / "edgekit")


def through(
    executor: LocalExecutor[Unit, None] | RayExecutor[Unit, None],
    on_progress: Callable[[Progress[Unit, None]], object] = lambda progress: None,
) -> dict[Unit, str]:
    """Every unit's problem."""
    problems: dict[Unit, str] = {}
    with closing(executor):
        for progress in execute(executor, UNITS, lambda unit: unit.needs(BUDGETS["smoke"])):
            if progress.result and not progress.retry:
                problems[progress.result.item] = progress.result.problem
            on_progress(progress)
    return problems


def local(settings: Settings, size: int) -> LocalExecutor[Unit, None]:
    return LocalExecutor(partial(do_unit, settings), size, settings.folder / "workers.log")


def test_a_worker_that_is_killed_is_replaced_and_its_unit_tried_again(settings: Settings) -> None:
    executor, news = local(settings, 2), list[Progress[Unit, None]]()

    def on_progress(progress: Progress[Unit, None]) -> None:
        news.append(progress)
        if len(news) == 1:  # the first unit has just been handed out
            os.kill(executor._workers[0].process.pid or 0, signal.SIGKILL)

    assert through(executor, on_progress) == dict.fromkeys(UNITS, "")
    (retry,) = [progress.result for progress in news if progress.retry]
    assert retry is not None
    assert retry.item == RESNET
    assert "killed by SIGKILL" in retry.problem
    reader = Work(settings, make=False)
    assert all(reader.do(unit) is not None for unit in UNITS)


def test_a_unit_that_raises_is_reported_in_words_and_not_tried_again(settings: Settings, tmp_path: Path) -> None:
    news: list[Progress[Unit, None]] = []
    problems = through(local(dataclasses.replace(settings, weights="imagenet", weights_dir=tmp_path), 1), news.append)
    assert "resnet18-f37072fd.pth does not exist" in problems[RESNET]
    assert problems[PRUNED] == f"not tried, because {RESNET} failed"
    assert problems[STUDENT] == ""
    assert not any(progress.retry for progress in news)


def test_a_machine_that_does_not_see_the_folder_says_so(settings: Settings, tmp_path: Path) -> None:
    result = run_unit(partial(do_unit, dataclasses.replace(settings, folder=tmp_path / "elsewhere")), STUDENT)
    assert "does not see" in result.problem
    assert "file system that all its machines share" in result.problem


def test_ray_does_the_same_units_and_survives_a_killed_worker(settings: Settings) -> None:
    killed, news = list[int](), list[Progress[Unit, None]]()

    def on_progress(progress: Progress[Unit, None]) -> None:
        news.append(progress)
        end = time.monotonic() + 60
        while not killed and RESNET in progress.running and time.monotonic() < end:
            for pid in ray_workers():
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            time.sleep(0.02)

    try:
        executor = RayExecutor(partial(do_unit, settings), "local", 1)
    except EdgekitError as error:
        pytest.skip(f"{error.message} (three times; Ray gives its processes 30 s)")
    assert through(executor, on_progress) == dict.fromkeys(UNITS, "")
    assert killed
    assert [progress.result.item for progress in news if progress.retry and progress.result] == [RESNET]


def ray_workers() -> list[int]:
    """Processes of ours that do a unit for Ray at this moment."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if b"ray::run_unit" in (process / "cmdline").read_bytes() and is_ours(int(process.name)):
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


def test_a_report_of_a_folder_that_holds_no_reproduction_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path / "missing", tmp_path):
        with pytest.raises(EdgekitError, match="holds no reproduction") as caught:
            reproduce(Request(Settings("smoke", DATA, folder, "none"), report_only=True))
        assert "without --report-only" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["[" * 100_000, '{"data": 1e999}', "{"])
def test_a_damaged_record_of_what_a_folder_holds_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "reproduction.json").write_text(text)
    with pytest.raises(EdgekitError, match=r"reproduction\.json cannot be read") as refused:
        reproduce(Request(Settings("smoke", DATA, tmp_path, "none"), report_only=True))
    assert "--out" in refused.value.hint
