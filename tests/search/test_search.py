"""A search by the smoke recipe on drawn films: on processes, on Ray, killed, and with what it cannot do."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from filelock import FileLock

from edgekit.recipes.build import Recipe
from edgekit.recipes.reading import recipe_named
from edgekit.search.space import Candidate
from edgekit.search.study import FILE
from edgekit.search.work import CHECKPOINTS, TEACHERS, Settings, Unit, do_unit
from edgekit.values.networks import StudentSpec
from edgekit.values.task import CHEST_XRAY
from smoke_build import Said, wait_for

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = "phantom:0:120"
# Half of the space's students are above the milliseconds.
WIDE = ("--max-ms", "50")
BUDGET = ("--max-ram", "20000", "--max-flash", "20000", "--max-ms", "0.5")


def search_words(out: Path, *words: str, budget: tuple[str, ...] = BUDGET, data: str = DATA) -> list[str]:
    """What follows `edgekit`."""
    return ["search", "--recipe", "smoke", "--data", data, "--out", str(out), "--accelerator", "cpu", *budget, *words]


@dataclass(frozen=True)
class Searching:
    """`edgekit search --recipe smoke`, in a process of its own."""

    cache: Path

    def command(self, out: Path, *words: str, **others: Any) -> list[str]:
        return [sys.executable, "-m", "edgekit", *search_words(out, *words, **others)]

    @property
    def environment(self) -> dict[str, str]:
        own = {"PYTHONPATH": str(REPOSITORY / "src"), "XDG_CACHE_HOME": str(self.cache), "OMP_NUM_THREADS": "1"}
        return {**os.environ, **own}

    def run(self, out: Path, *words: str, **others: Any) -> Said:
        command = self.command(out, *words, **others)
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=300)
        return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the processes of one test run share."""
    base = tmp_path_factory.getbasetemp()
    base = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "search"
    base.mkdir(exist_ok=True)
    return base


@pytest.fixture(scope="session")
def searching(base: Path) -> Searching:
    return Searching(base / "cache")


@pytest.fixture(scope="session")
def found(searching: Searching, base: Path) -> tuple[Path, dict[str, Any]]:
    """A whole search, made once: its folder, and what it printed."""
    out, printed = base / "out", base / "printed.json"
    with FileLock(base / "lock"):
        if not printed.exists():
            said = searching.run(out, "--trials", "5", "--jobs", "2", "--json")
            assert said.code == 0, said.err
            printed.write_text(said.out)
    return out, json.loads(printed.read_text())


def trials_in(out: Path) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="edgekit search", storage=f"sqlite:///{out / FILE}").trials


def test_every_student_on_the_front_has_a_recipe_of_its_own(found: tuple[Path, dict[str, Any]]) -> None:
    out, said = found
    assert said["students"]["trained"] == 5
    assert said["judged"] == "by 2-fold cross-validation"
    assert said["front"]
    for point in said["front"]:
        recipe = recipe_named(point["recipe"])
        assert recipe.student.block == point["candidate"]["student"]["block"]
        assert point["cost"]["ms"] <= 0.5
    assert {Path(point["recipe"]) for point in said["front"]} == set((out / "front").glob("*/recipe.json"))


def test_what_exceeds_the_budget_is_remembered_and_was_never_trained(found: tuple[Path, dict[str, Any]]) -> None:
    refused = [one for one in trials_in(found[0]) if one.state.name == "PRUNED" and one.user_attrs["cost"]]
    over = [one for one in refused if one.user_attrs["state"] == "refused"]
    assert over
    for one in over:
        assert one.user_attrs["over"]["ms"] > 0
        assert not any(name.startswith("fold") for name in one.user_attrs)
        assert not list((found[0] / CHECKPOINTS).glob(f"{one.number}-*"))


def test_the_best_are_trained_in_full_with_every_seed_of_the_recipe(found: tuple[Path, dict[str, Any]]) -> None:
    full = [one for one in trials_in(found[0]) if one.user_attrs["rung"] == 1]
    assert len(full) == 2
    assert all(one.state.name == "COMPLETE" for one in full)
    assert all(set(one.user_attrs) >= {"fold 0", "fold 1"} for one in full)


def test_the_report_shows_the_front_against_every_cost(found: tuple[Path, dict[str, Any]]) -> None:
    report = json.loads((found[0] / "report.json").read_text())
    captions = [part.get("caption") for section in report["sections"] for part in section["parts"]]
    assert {"AUC against RAM", "AUC against flash", "AUC against estimated ms"} <= {*captions}
    words = json.dumps(report)
    assert "Neither validation nor test images were read" in words
    assert "Judged by 2-fold cross-validation on training images alone" in words


def test_the_same_command_has_nothing_more_to_do(
    edgekit: Callable[..., Said], found: tuple[Path, dict[str, Any]]
) -> None:
    before = [(one.number, one.state, one.values) for one in trials_in(found[0])]
    again = edgekit(*search_words(found[0], "--trials", "5", "--jobs", "2", "--json"))
    assert again.json["front"] == found[1]["front"]
    assert [(one.number, one.state, one.values) for one in trials_in(found[0])] == before


def test_a_killed_search_goes_on_and_loses_the_running_trials_at_most(searching: Searching, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("--trials", "4", "--jobs", "1", "--set", "search.finalists=1")
    process = subprocess.Popen(
        searching.command(out, *words, budget=WIDE), env=searching.environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(f"{CHECKPOINTS}/1-0-*", out, process)  # the second student has begun, so the first has ended
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = {one.number: one.values for one in trials_in(out) if one.state.name == "COMPLETE"}
    assert kept
    said = searching.run(out, *words, "--json", budget=WIDE)
    assert said.code == 0, said.err
    after = trials_in(out)
    assert {number: after[number].values for number in kept} == kept
    assert not any(one.state.name == "RUNNING" for one in after)
    assert said.json["students"] == {
        **said.json["students"], "trained": 4, "unfinished": 0, "failed": 0,  # type: ignore[dict-item]
    }  # fmt: skip


def test_a_teacher_a_fold_is_trained_once_where_students_may_learn_from_one(
    edgekit: Callable[..., Said], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    choices = ("--set", "search.distill_weights=0,0.5", "--set", "search.prune_alphas=0,2")
    words = (*choices, "--set", "seeds=0,1", "--jobs", "1", "--json")
    said = edgekit(*search_words(out, "--trials", "4", *words, budget=WIDE))
    assert said.code == 0, said.err
    in_full = [one.user_attrs for one in trials_in(out) if one.user_attrs.get("rung") == 1]
    assert [one["seed"] for one in in_full] == [0, 0, 1, 1]  # each finalist once before one has both
    assert in_full[0]["root"] != in_full[1]["root"]
    teachers = {path: path.stat().st_mtime_ns for path in (out / TEACHERS).iterdir()}
    assert {path.name for path in teachers} == {"0", "1"}
    assert said.err.count("teacher, fold 1: AUC") == 1
    trained = [one.user_attrs["candidate"] for one in trials_in(out) if one.state.name == "COMPLETE"]
    assert {0.0, 0.5} == {one["distill_weight"] for one in trained}
    for point in said.json["front"]:
        recipe, chosen = recipe_named(point["recipe"]), point["candidate"]
        assert recipe.distill.teacher == (chosen["distill_weight"] > 0)
        assert recipe.prune.alphas == ((chosen["prune_alpha"],) if chosen["prune_alpha"] else ())
    again = edgekit(*search_words(out, "--trials", "6", *words, budget=WIDE))
    assert again.code == 0, again.err
    assert "teacher, fold" not in again.err
    assert {path: path.stat().st_mtime_ns for path in (out / TEACHERS).iterdir()} == teachers
    longer = ("--set", "teach.fit.epochs=2", *words)  # of other teachers
    edgekit(*search_words(out, "--trials", "6", *longer, budget=WIDE)).assert_refused("another search: teacher is")


def test_ray_trains_them_as_processes_do(
    searching: Searching, found: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: it comes with the extra `cluster`")
    said = searching.run(tmp_path / "out", "--trials", "2", "--jobs", "2", "--ray", "local", "--json")
    if "Ray did not start" in said.err:
        pytest.skip("Ray gives its own processes 30 s to start, and this machine is too busy")
    assert said.code == 0, said.err
    of_ray, of_processes = ({one.number: one for one in trials_in(out)} for out in (tmp_path / "out", found[0]))
    first = [one for one in of_ray.values() if one.user_attrs["rung"] == 0 and one.values]
    assert len(first) == 2
    assert first[0].params == of_processes[first[0].number].params
    assert first[0].values == pytest.approx(of_processes[first[0].number].values)


def test_a_student_that_fails_is_counted_and_the_search_goes_on(edgekit: Callable[..., Said], tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / CHECKPOINTS / "0-0-0").mkdir(parents=True)  # where a file is to be written
    words = ("--trials", "2", "--jobs", "1", "--set", "search.finalists=1", "--json")
    said = edgekit(*search_words(out, *words, budget=WIDE))
    assert said.code == 0, said.err
    assert said.json["students"] == {**said.json["students"], "trained": 1, "failed": 1}  # type: ignore[dict-item]
    assert "failed: student 0" in said.err
    assert "cannot be written" in (out / "report.md").read_text()


def test_a_training_that_diverges_is_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / CHECKPOINTS).mkdir()
    changes = ["distill.fit.optimizer=adam", "distill.fit.weight_decay=10", "distill.fit.learning_rate=10"]
    recipe: Recipe = recipe_named("smoke", [*changes, "distill.fit.epochs=200", "distill.fit.batch_size=2"])
    unit = Unit(0, 0, 0, 0, 200, Candidate(recipe.student))
    spec = StudentSpec((32, 32, 1), 2, recipe.student.channels, recipe.student.depths)
    assert recipe.student.spec(CHEST_XRAY) == spec
    from edgekit.errors import EdgekitError
    from edgekit.training import nets

    def endless(spec: StudentSpec) -> Any:
        net = untouched(spec)
        net.head.weight.data[:] = np.inf
        return net

    untouched: Callable[[StudentSpec], Any] = nets.student_net
    monkeypatch.setattr("edgekit.training.distill.student_net", endless)
    with pytest.raises(EdgekitError, match="Its training diverged in epoch 1: the loss is nan"):
        do_unit(Settings(recipe, DATA, tmp_path, "cpu"), unit, lambda message: None)


@pytest.mark.parametrize(
    ("words", "others", "said"),
    [
        ((), {"budget": ("--max-ram", "100")}, ["No student meets the budget", "bytes of RAM, above --max-ram 100"]),
        (
            (), {"budget": ("--max-flash", "900", "--max-ms", "1000")},
            ["The nearest, ", "bytes of flash, above --max-flash 900", "search.widths"],
        ),
        (("--set", "search.stages=5"), {}, ["nothing to choose among", "search.stages=3"]),
        (("--set", "search.prune_alphas=0.05"), {}, ["search.prune_alphas holds 0.05: prune.alphas begins at 0.1"]),
        (("--set", "search.rungs=4"), {}, ["do not ascend", "distill.fit.epochs=2"]),
        (("--ray", "127.0.0.1:1"), {}, ["There is no Ray cluster at 127.0.0.1:1"]),
        ((), {"data": "/nowhere/films"}, ["/nowhere/films"]),
    ],
    ids=["RAM", "flash", "empty space", "alpha", "rungs", "no cluster", "no data"],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_in_words(
    edgekit: Callable[..., Said], tmp_path: Path, words: tuple[str, ...], others: dict[str, Any], said: list[str]
) -> None:
    edgekit(*search_words(tmp_path / "out", *words, **others)).assert_refused(*said)


def test_a_folder_of_another_search_is_refused_and_left_as_it_is(
    edgekit: Callable[..., Said], found: tuple[Path, dict[str, Any]]
) -> None:
    before, out = (found[0] / FILE).read_bytes(), found[0]
    edgekit(*search_words(out, data="phantom:1:120")).assert_refused("holds another search: fingerprint is", "--out")
    edgekit(*search_words(out, budget=("--max-ms", "2"))).assert_refused("holds another search: budget is")
    edgekit(*search_words(out, "--optimize", "speed")).assert_refused("holds another search: options is")
    assert (out / FILE).read_bytes() == before


def test_a_file_that_is_no_study_is_refused(edgekit: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"a note of mine" * 100)
    edgekit(*search_words(tmp_path)).assert_refused("study.db is no study of this version of Optuna")


def test_a_full_disk_ends_the_search_with_one_message(edgekit: Callable[..., Said], small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(750_000))
    said = edgekit(*search_words(small_disk / "out", "--trials", "5", "--jobs", "1"))
    said.assert_refused("The disk is full", "Free some room")


def test_no_module_of_a_search_knows_the_validation_or_test_images() -> None:
    """The one way in is `load_training`, which gives training images alone."""
    for path in (REPOSITORY / "src/edgekit/search").glob("*.py"):
        text = path.read_text()
        assert "load_splits" not in text, path
        assert ".test" not in text.replace(".testing", ""), path
