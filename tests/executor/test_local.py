"""Processes side by side: a killed worker costs its unit a try and nothing else, and none is left behind."""

import os
from collections.abc import Callable, Hashable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import unit_functions as work

from edgekit.executor.local import LocalExecutor
from edgekit.executor.units import TRIES, Progress, UnitResult, execute


def results(
    function: Callable[..., Any], items: Sequence[Hashable], log: Path, size: int = 2, needs: Any = lambda item: ()
) -> tuple[dict[Any, UnitResult[Any, Any]], list[Progress[Any, Any]]]:
    """By item, how it ended at last; and all that was said on the way."""
    with closing(LocalExecutor[Any, Any](function, size, log / "workers.log")) as executor:
        said = list(execute(executor, items, needs))
    return {one.result.item: one.result for one in said if one.result and not one.retry}, said


def test_every_item_gives_its_value_its_warnings_and_its_costs(tmp_path: Path) -> None:
    found, said = results(work.double, [1, 2, 3], tmp_path)
    assert {item: one.value for item, one in found.items()} == {1: 2, 2: 4, 3: 6}
    assert found[2].warnings == ("2 is small",)
    assert found[2].wall_s > 0
    assert found[2].where
    assert max(len(one.running) for one in said) == 2
    assert (said[-1].done, said[-1].total, said[-1].running) == (3, 3, ())


def test_a_worker_that_is_killed_is_replaced_and_its_unit_tried_up_to_three_times(tmp_path: Path) -> None:
    third, always, after = (str(tmp_path / name) for name in ("third", "always", "after"))
    Path(after).write_bytes(b"12")
    found, said = results(work.die_until_third_try, [third, always, after], tmp_path)
    assert found[third].value == "done"
    assert found[always].problem == f"its worker process was killed by SIGKILL, {TRIES} times"
    assert found[after].value == "done"
    assert [one.result.item for one in said if one.retry and one.result].count(third) == 2


def test_what_goes_wrong_is_told_in_words_and_what_cannot_change_is_not_tried_again(tmp_path: Path) -> None:
    found, said = results(work.fail, ["refused", "bug", "memory", "unpicklable", "exit", "sound"], tmp_path)
    assert found["refused"].problem == "There is no such thing.\nAsk for another."
    assert found["bug"].problem.endswith("ZeroDivisionError: a bug\n")
    assert found["memory"].problem == "this machine has not enough memory, 3 times"
    assert found["unpicklable"].problem.startswith("its result cannot be sent: ")
    assert found["exit"].problem == "its worker process ended with exit code 3, 3 times"
    assert found["sound"].value == "sound"
    assert {one.result.item for one in said if one.retry and one.result} == {"memory", "exit"}


def test_an_item_whose_need_failed_is_not_tried_and_others_wait_for_theirs(tmp_path: Path) -> None:
    needs = {"left over": ("bug",), "later": ("left over",), "second": ("first", "not asked for")}
    items = ["later", "left over", "bug", "second", "first"]
    found, said = results(work.fail, items, tmp_path, needs=lambda item: needs.get(item, ()))
    assert found["left over"].problem == "not tried, because bug failed"
    assert found["later"].problem == "not tried, because left over failed"
    assert found["second"].value == "second"
    ended = [one.result.item for one in said if one.result]
    assert ended.index("first") < ended.index("second")


def test_workers_have_their_threads_print_into_the_log_and_end_with_the_executor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    executor = LocalExecutor[Any, Any](work.threads, 2, tmp_path / "workers.log", threads=3)
    with closing(executor):
        values = [one.result.value for one in execute(executor, range(6)) if one.result]
        pids = {pid for _, pid in values}
        assert {threads for threads, _ in values} == {"3"}
        assert len(pids) == 2
    assert os.environ["OMP_NUM_THREADS"] == "2"
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert (tmp_path / "workers.log").read_text().count("said by a worker") == 6
