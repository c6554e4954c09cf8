"""The paired test against published and independent values, the intervals of differences against simulation."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.metrics.classes import class_figures, confusion_matrix
from edgekit.metrics.decisions import log_odds
from edgekit.metrics.intervals import wilson
from edgekit.metrics.paired import (
    auc_interval,
    correlation,
    difference_interval,
    influences,
    mcnemar,
    mean_gain,
)
from edgekit.values.task import Task

THREE = Task(("a", "b", "c"))


def answered(both: int, only_a: int, only_b: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    a = np.array([1] * both + [1] * only_a + [0] * only_b, bool)
    return a, np.array([1] * both + [0] * only_a + [1] * only_b, bool)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [(9, 2, 0.0654296875), (6, 10, 0.454498291015625), (86, 150, 3.7159361395713866e-05), (480, 520, 0.2174482932041)],
)
def test_mcnemar_of_few_discordant_pairs_is_the_exact_binomial_test(only_a: int, only_b: int, p: float) -> None:
    found = mcnemar(*answered(5, only_a, only_b))
    assert found.p == pytest.approx(p, rel=1e-9)  # scipy.stats.binomtest(only_a, only_a + only_b).pvalue
    assert (found.images, found.only_a, found.only_b) == (5 + only_a + only_b, only_a, only_b)
    assert found.method == "exact binomial"


def test_mcnemar_of_many_discordant_pairs_is_chi_squared_with_continuity_correction() -> None:
    found = mcnemar(*answered(3, 1100, 900))
    assert found.p == pytest.approx(8.596018738181874e-06, rel=1e-9)  # scipy.stats.chi2.sf(199**2 / 2000, 1)
    assert found.method == "chi-squared with continuity correction"
    assert mcnemar(*answered(0, 600, 600)).p == 1.0


def test_mcnemar_without_a_discordant_pair_finds_no_difference() -> None:
    assert mcnemar(*answered(9, 0, 0)).p == 1.0


def test_the_interval_of_a_difference_of_proportions_is_newcombes() -> None:
    low, high = difference_interval(48 / 80, wilson(48, 80), 56 / 70, wilson(56, 70))
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)  # Newcombe 1998;17:873, method 10, 56/70 - 48/80


def test_the_interval_of_a_difference_covers_the_truth_in_some_95_of_100_paired_experiments() -> None:
    rng, hits, n = np.random.default_rng(5), 0, 120
    for _ in range(600):
        common = rng.random(n) < 0.75  # images that both get right; of the others each has luck of its own
        a, b = (common | (rng.random(n) < share) for share in (0.2, 0.5))
        r = correlation(a - a.mean(), b - b.mean())
        figures = [(float(one.mean()), wilson(int(one.sum()), n)) for one in (a, b)]
        low, high = difference_interval(*figures[0], *figures[1], r)
        hits += low <= 0.25 * 0.3 <= high
    assert 0.92 <= hits / 600 <= 0.99


def test_figures_of_two_models_are_correlated_as_resampling_finds_them() -> None:
    rng = np.random.default_rng(8)
    labels = rng.integers(0, 3, 400)
    common = rng.normal(size=(400, 3)) + 1.2 * np.eye(3)[labels]
    models = [log_odds(common + rng.normal(scale=spread, size=(400, 3))) for spread in (0.5, 0.9)]
    said = [odds.argmax(axis=1) for odds in models]

    def figures(rows: NDArray[np.int64], which: int) -> dict[str, Any]:
        matrix = confusion_matrix(labels[rows], said[which][rows], 3)
        each = class_figures(matrix, models[which][rows], labels[rows], THREE.labels)
        names = ("precision", "recall", "specificity", "f1", "auc")
        by_class = {f"{name}:{one.label}": getattr(one, name) for one in each for name in names}
        mean = {name: np.mean([getattr(one, name) for one in each]) for name in names}
        return {**mean, **by_class, "balanced_accuracy": mean["recall"], "accuracy": np.trace(matrix) / len(rows)}

    draws = [rng.integers(0, 400, 400) for _ in range(300)]
    resampled = [[figures(rows, which) for rows in draws] for which in (0, 1)]
    moved = [influences(labels, said[which], models[which], THREE) for which in (0, 1)]
    assert set(moved[0]) == set(resampled[0][0])
    for name in moved[0]:
        a, b = ([one[name] for one in resampled[which]] for which in (0, 1))
        assert correlation(moved[0][name], moved[1][name]) == pytest.approx(np.corrcoef(a, b)[0, 1], abs=0.15), name
    differences = [b["auc:b"] - a["auc:b"] for a, b in zip(*resampled, strict=True)]
    interval = auc_interval(0.0, moved[0]["auc:b"], moved[1]["auc:b"])
    assert interval is not None
    assert interval[1] == pytest.approx(1.96 * np.std(differences), rel=0.1)


def test_the_correlation_of_proportions_is_phi_with_newcombes_correction() -> None:
    a, b = (np.array(one, float) for one in ([1] * 20 + [0] * 10, [1] * 17 + [0] * 3 + [1] * 2 + [0] * 8))
    phi = (17 * 8 - 3 * 2 - 30 / 2) / (20 * 10 * 19 * 11) ** 0.5
    assert correlation(a - a.mean(), b - b.mean()) == pytest.approx(phi)
    assert correlation(a - a.mean(), b.mean() - b) < -phi


def test_a_model_that_never_errs_is_taken_for_independent_of_another() -> None:
    labels = np.array([0, 1] * 10)
    perfect = log_odds(np.eye(2)[labels] * 9)
    other = log_odds(np.random.default_rng(0).normal(size=(20, 2)))
    task = Task(("a", "b"), positive="b")
    one = influences(labels, labels, perfect, task)
    two = influences(labels, other.argmax(axis=1), other, task)
    assert correlation(one["accuracy"], two["accuracy"]) == 0.0
    assert correlation(two["accuracy"], two["accuracy"]) > 0.8
    assert auc_interval(0.0, one["auc"], one["auc"]) is None
    assert {"accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "auc"} <= set(one)


def test_the_gain_over_pairs_is_students_own_of_two_sleeping_draughts() -> None:
    """Hours of extra sleep of ten people ("Student", Biometrika 1908;6:1), as R's t.test(paired = TRUE) gives them."""
    first = (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0)
    second = (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4)
    gain, interval = mean_gain(first, second)
    assert gain == pytest.approx(1.58)
    assert interval == pytest.approx((0.7001142, 2.4598858), abs=2e-4)
    with pytest.raises(ValueError, match="two pairs"):
        mean_gain((1.0,), (2.0,))
