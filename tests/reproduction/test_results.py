"""What is read from units: choices on validation, McNemar, macro means as scikit-learn has them."""

import math

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from edgekit.metrics.decisions import decide
from edgekit.metrics.scores import score
from edgekit.reproduction.paper import NETWORKS, PAPER_ENSEMBLE, TABLE_1, TABLE_2, TABLE_3
from edgekit.reproduction.plan import BUDGETS, PARTS, Unit, plan
from edgekit.reproduction.results import (
    ARGMAX,
    PruningSweep,
    Results,
    Scored,
    System,
)
from edgekit.reproduction.tables import (
    macro_scores,
    table_1,
    table_2,
    table_4,
)
from edgekit.values.evaluation import Threshold
from edgekit.values.images import DataInfo
from edgekit.values.task import CHEST_XRAY
from two_logits import logits_of

DATA = DataInfo("phantom", "", True, CHEST_XRAY)
RNG = np.random.default_rng(0)
LABELS = (RNG.random(200) < 0.6).astype(np.int64)


def scored(noise: float, seed: int) -> Scored:
    logits = logits_of(LABELS * 2.0 - 1 + np.random.default_rng(seed).normal(0, noise, len(LABELS)))
    report = score(logits, LABELS, Threshold(0.5, 1), runtime="torch", model_sha256="", data=DATA)
    return Scored(logits, report, report)


def results(**systems: System) -> Results:
    return Results(DATA, LABELS, systems, {}, {}, (), {}, None)


def test_equal_logits_are_normal_in_tables_as_in_tests_between_systems() -> None:
    logits = logits_of([-1e-6, 0.0, 1e-6])
    assert decide(logits, CHEST_XRAY, ARGMAX).tolist() == decide(logits, CHEST_XRAY).tolist() == [0, 0, 1]


def test_macro_scores_are_scikit_learns() -> None:
    for noise in (0.3, 1.0, 3.0):
        one = scored(noise, 1)
        expected = precision_recall_fscore_support(LABELS, decide(one.logits, CHEST_XRAY), average="macro")[:3]
        assert macro_scores(one.argmax) == pytest.approx(expected)


def test_the_papers_f1_is_no_harmonic_mean_so_that_its_figures_are_means_over_classes() -> None:
    for row in TABLE_2.values():
        harmonic = 2 * row.precision * row.recall / (row.precision + row.recall)
        assert abs(harmonic - row.f1) > 0.001


def test_a_choice_on_test_is_never_worse_on_test_than_one_on_validation() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        sweep = PruningSweep(
            (0.5, 1.0, 4.0, math.inf), np.array([[0.9, 0.6, 0.1, 0.0]]), rng.random((1, 4)), rng.random((1, 4)), (0,)
        )
        on_val, on_test = sweep.choice(0, "val"), sweep.choice(0, "test")
        assert on_test.test_accuracy >= on_val.test_accuracy
        assert on_val.alpha == sweep.alphas[int(sweep.val[0].argmax())]


def test_of_equal_accuracies_the_alpha_that_zeroes_most_is_chosen() -> None:
    flat = np.full((1, 3), 0.9)
    sweep = PruningSweep((1.0, 4.0, math.inf), np.array([[0.6, 0.1, 0.0]]), flat, flat, (0,))
    assert sweep.choice(0, "val").alpha == 1.0


def test_mcnemar_is_given_seed_by_seed_and_only_where_both_systems_have_the_seed() -> None:
    conventional = System({1: scored(3.0, 3), 2: scored(3.0, 4)}, 4)
    found = results(mean=System({0: scored(0.5, 1), 1: scored(0.5, 2)}, 4), conventional=conventional)
    (p,) = found.mcnemar("mean", "conventional")
    assert p < 0.001
    assert found.mcnemar("mean", "mean") == [1.0, 1.0]


def test_a_cell_holds_mean_deviation_and_interval_and_a_missing_system_is_a_dash() -> None:
    seeds = {seed: scored(1.0, seed) for seed in (0, 1, 2)}
    table = table_2(results(conventional=System(seeds, 4)))
    at = [(c.group, c.title) for c in table.columns].index(("here", "accuracy"))
    teacher, student = table.rows[0][at], table.rows[1][at]
    assert teacher is None
    values = [one.argmax.accuracy for one in seeds.values()]
    assert student is not None
    assert not isinstance(student, str)
    assert student.text == f"{100 * np.mean(values):.2f}"
    assert f"± {100 * np.std(values, ddof=1):.2f}; " in student.detail
    low, high = seeds[0].argmax.intervals["accuracy"]
    assert student.detail.endswith(f"{100 * low:.1f} to {100 * high:.1f}")


def test_an_empty_reproduction_still_has_every_row_of_the_paper() -> None:
    empty = results()
    assert [len(table(empty).rows) for table in (table_1, table_2, table_4)] == [len(TABLE_1), len(TABLE_2), 9]
    assert {row.accuracy for row in TABLE_3.values()} == {0.9038, 0.9022, 0.9086}


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS)
def test_every_unit_comes_after_what_it_needs_and_once(budget: object) -> None:
    for seeds in ((0,), (3, 1)):
        seen: set[Unit] = set()
        for unit in plan(budget, seeds):  # type: ignore[arg-type]
            assert unit not in seen
            assert set(unit.needs(budget)) <= seen  # type: ignore[arg-type]
            seen.add(unit)
        assert {unit.what for unit in seen if unit.kind == "teach"} == set(NETWORKS)
        assert {unit.alpha for unit in seen if unit.kind == "prune_network"} == set(budget.network_alphas)  # type: ignore[attr-defined]


def test_a_part_needs_no_more_than_itself() -> None:
    smoke = BUDGETS["smoke"]
    kinds = {part: {unit.kind for unit in plan(smoke, (0,), (part,))} - {"audit"} for part in PARTS}
    assert kinds["figure3"] == {"teach"}
    assert kinds["figure4"] == {"teach", "student"}
    assert kinds["table3"] == {"teach", "student", "prune_student", "convert", "score"}
    table1 = plan(smoke, (0,), ("table1",))
    assert {unit.what for unit in table1 if unit.kind == "teach"} == set(PAPER_ENSEMBLE)


def test_the_sweeps_of_the_real_budgets_reach_from_a_half_to_fifteen() -> None:
    for name in ("full", "cpu"):
        budget = BUDGETS[name]
        for alphas in (budget.network_alphas, budget.recipe.prune.alphas):
            assert (min(alphas), max(alphas)) == (0.5, 15.0)
        assert {2.0, 3.0, 4.0, 5.0} == set(budget.temperatures)
    assert BUDGETS["full"].recipe.teach.fit.epochs == BUDGETS["cpu"].recipe.teach.fit.epochs == 50
