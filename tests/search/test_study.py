"""What a search remembers, and what its samplers learn of it."""

from pathlib import Path
from typing import Any, get_args

import optuna
import pytest

from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import SearchRecipe
from edgekit.search.cost import Budget, Cost
from edgekit.search.space import candidate_of, choices_of
from edgekit.search.study import FILE, Sampler, Study

CHOICES = choices_of(SearchRecipe())
BUDGET = Budget(ram=None, flash=30_000, ms=20.0)
IDENTITY = {"data": "films", "fingerprint": "ab"}


def opened(folder: Path, sampler: Sampler = "tpe", **changes: Any) -> Study:
    return Study(folder, {**IDENTITY, **changes}, CHOICES, BUDGET, sampler, seed=0)


def cost_of(chosen: dict[str, Any]) -> Cost:
    """Wide students of large images cost much."""
    flash, ms = 1000 * chosen["width"] * chosen["depth_1"], chosen["input_size"] / 4
    return Cost(flash, 1000, ms, flash)


def filled(study: Study, count: int) -> None:
    """Asks for so many, refuses what is over the budget, and says that inverted residuals do best."""
    for _ in range(count):
        number, chosen = study.ask()
        candidate, cost = candidate_of(chosen), cost_of(chosen)
        if candidate is None or not BUDGET.met_by(cost):
            study.refuse(number, "refused", candidate, cost, BUDGET.excess(cost))
            continue
        study.accept(number, candidate, cost, BUDGET.excess(cost), 0)
        study.fold_done(number, 0, {"clean": 0.9 if chosen["block"] == "inverted" else 0.6 + number / 1000})
        (one,) = (trial for trial in study.trials() if trial.number == number)
        study.done(one)


@pytest.mark.parametrize("sampler", get_args(Sampler))
def test_samplers_learn_what_fits_and_what_is_good(tmp_path: Path, sampler: Sampler) -> None:
    study = opened(tmp_path, sampler)
    filled(study, 60)
    trials, first = study.trials(), 20
    fits = [one.state == "done" for one in trials]
    assert sum(fits[-first:]) > sum(fits[:first])
    good = [one.auc > 0.8 for one in trials if one.state == "done"]
    assert sum(good[len(good) // 2 :]) > sum(good[: len(good) // 2])
    shares = study.importances()["auc"]
    assert max(shares, key=lambda name: shares[name]) == "block"
    study.close()


def test_a_study_that_is_opened_again_has_all_its_trials(tmp_path: Path) -> None:
    study = opened(tmp_path)
    filled(study, 8)
    root = next(one for one in study.trials() if one.state == "done")
    begun = study.go_on(root, 1, 7)
    study.fold_done(begun, 2, {"clean": 0.7, "altered": 0.5})
    before = study.trials()
    study.close()
    again = opened(tmp_path)
    assert again.trials() == before
    left = again.trials()[begun]
    assert (left.root, left.rung, left.seed, left.state) == (root.root, 1, 7, "running")
    assert left.candidate == root.candidate
    assert left.auc == pytest.approx(0.6)
    again.done(left)  # by another process than the one that began it
    assert again.trials()[begun].state == "done"
    again.close()


def test_a_study_of_another_data_set_or_version_is_refused(tmp_path: Path) -> None:
    opened(tmp_path, edgekit="0.1.0").close()
    with pytest.raises(EdgekitError, match="holds another search: fingerprint is ab, not cd"):
        opened(tmp_path, edgekit="0.1.0", fingerprint="cd")
    with pytest.raises(EdgekitError, match=r"holds another search: edgekit is 0\.1\.0, not 0\.2\.0"):
        opened(tmp_path, edgekit="0.2.0")


def test_what_was_killed_before_it_began_is_found_unweighed_and_can_be_given_up(tmp_path: Path) -> None:
    opened(tmp_path).close()
    kept = optuna.load_study(study_name="edgekit search", storage=f"sqlite:///{tmp_path / FILE}")
    kept.enqueue_trial({"width": 8})
    again = opened(tmp_path)
    (one,) = again.trials()
    assert (one.state, one.candidate, one.cost) == ("running", None, None)
    again.failed(one.number, "the search was stopped before it was weighed")
    assert [one.state for one in again.trials()] == ["failed"]
    filled(again, 3)
    again.close()


def test_too_few_students_have_no_importances(tmp_path: Path) -> None:
    study = opened(tmp_path)
    filled(study, 5)
    assert study.importances() == {}
    study.close()
