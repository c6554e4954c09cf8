"""Many classes: every figure against scikit-learn, every interval against resampling."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from edgekit.errors import EdgekitError
from edgekit.metrics import curves
from edgekit.metrics.decisions import decide, log_odds, probabilities
from edgekit.metrics.intervals import seeds_interval, wilson
from edgekit.metrics.scores import METRICS, score, spread, spread_by_class
from edgekit.values.evaluation import EvalReport, Threshold
from edgekit.values.images import DataInfo
from edgekit.values.task import Task

PETS = Task(("cat", "dog", "newt"), noun="photo")
DATA = DataInfo("pets", "00", False, PETS)
Drawn = tuple[np.ndarray, np.ndarray]


def drawn(n: int = 300, seed: int = 0, shift: float = 1.5, classes: int = 3) -> Drawn:
    """Logits and labels, the first class the most frequent."""
    rng = np.random.default_rng(seed)
    shares = np.arange(classes, 0, -1) / sum(range(classes + 1))
    labels = rng.choice(classes, n, p=shares)
    return rng.normal(0, 1, (n, classes)) + shift * np.eye(classes)[labels], labels


def scored(logits: np.ndarray, labels: np.ndarray, scale: float = 1.0) -> EvalReport:
    return score(logits, labels, None, data=DATA, runtime="tflm", model_sha256="", scale=scale)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), *[st.integers(-4, 4)] * 3), min_size=3, max_size=50))
def test_every_figure_of_three_classes_is_that_of_scikit_learn_on_small_integers_full_of_ties(
    rows: list[tuple[int, int, int, int]],
) -> None:
    labels, logits = np.array([row[0] for row in rows]), np.array([row[1:] for row in rows])
    report, said = scored(logits, labels, 0.5), logits.argmax(1)
    assert report.matrix == tuple(map(tuple, reference.confusion_matrix(labels, said, labels=[0, 1, 2]).tolist()))
    assert (report.confusion, report.threshold) == ({}, None)
    assert report.accuracy == pytest.approx(reference.accuracy_score(labels, said))
    found = reference.precision_recall_fscore_support(labels, said, labels=[0, 1, 2], zero_division=np.nan)
    shares = np.exp(0.5 * logits) / np.exp(0.5 * logits).sum(1, keepdims=True)
    for label, one in enumerate(report.classes):
        precision, recall, f1, n = (column[label] for column in found)
        assert [one.precision, one.recall, one.f1, one.n] == pytest.approx([precision, recall, f1, n], nan_ok=True)
        truth = labels == label
        if 0 < truth.sum() < len(truth):
            assert one.auc == pytest.approx(reference.roc_auc_score(truth, shares[:, label].round(12)))
            assert one.specificity == pytest.approx(reference.recall_score(~truth, said != label))
    macro = [np.mean([getattr(one, name) for one in report.classes]) for name in METRICS[2:]]
    assert [getattr(report, name) for name in METRICS[2:]] == pytest.approx(macro, nan_ok=True)
    for figures in (report, *report.classes):
        for name, (low, high) in figures.intervals.items():
            value = getattr(figures, name)
            assert 0 <= low <= high <= 1
            assert math.isnan(value) or (low - 1e-12 <= value <= high + 1e-12 and high - low > 1e-3), name


def test_macro_figures_are_scikit_learns_where_every_class_is_there() -> None:
    logits, labels = drawn()
    report, said = scored(logits, labels), logits.argmax(1)
    assert report.balanced_accuracy == pytest.approx(reference.balanced_accuracy_score(labels, said))
    assert report.recall == report.balanced_accuracy
    assert report.precision == pytest.approx(reference.precision_score(labels, said, average="macro"))
    assert report.f1 == pytest.approx(reference.f1_score(labels, said, average="macro"))
    area = reference.roc_auc_score(labels, probabilities(logits), multi_class="ovr", average="macro")
    assert report.auc == pytest.approx(area)


@pytest.mark.parametrize("classes", [3, 8])
def test_intervals_of_means_over_classes_are_those_of_a_stratified_bootstrap(classes: int) -> None:
    logits, labels = drawn(900, 1, 2.2, classes)
    data = DataInfo("made", "00", False, Task(tuple(map(str, range(classes)))))
    report = score(logits, labels, None, data=data, runtime="", model_sha256="")
    rng, rows = np.random.default_rng(0), [np.flatnonzero(labels == one) for one in range(classes)]
    names = ("precision", "recall", "f1", "auc", "specificity")
    found = []
    for _ in range(300):
        at = np.concatenate([rng.choice(row, len(row)) for row in rows])
        one = score(logits[at], labels[at], None, data=data, runtime="", model_sha256="")
        found.append([getattr(one, name) for name in names])
    for name, (low, high) in zip(names, np.quantile(found, (0.025, 0.975), axis=0).T, strict=True):
        ours, theirs = np.diff(report.intervals[name])[0], high - low
        assert 0.85 < ours / theirs < (2 if name == "specificity" else 1.25), (name, ours, theirs)


def test_the_interval_of_the_macro_f1_covers_the_truth_as_often_as_it_says() -> None:
    truth = scored(*drawn(200_000, 99)).f1
    intervals = [scored(*drawn(250, seed)).intervals["f1"] for seed in range(300)]
    assert 0.92 <= np.mean([low <= truth <= high for low, high in intervals]) <= 0.99


def test_perfect_answers_have_intervals_of_some_width_that_shrink_with_the_images() -> None:
    widths = []
    for n in (20, 200):
        labels = np.repeat(np.arange(3), n)
        report = scored(np.eye(3)[labels], labels)
        assert all(getattr(report, name) == 1 and report.intervals[name][1] == 1 for name in METRICS)
        widths.append([1 - report.intervals[name][0] for name in METRICS])
    assert np.all(np.array(widths[1]) < np.array(widths[0]) / 5)
    assert np.all(np.array(widths[1]) > 5e-4)


def test_a_class_without_images_and_one_that_is_never_said_are_named() -> None:
    report = scored(np.array([[2, 1, 0], [1, 2, 0], [2, 1, 0]]), np.array([0, 1, 1]))
    assert [math.isnan(value) for value in (report.auc, report.recall, report.precision, report.accuracy)] == [
        True, True, True, False,
    ]  # fmt: skip
    assert report.intervals["recall"] == (0.0, 1.0)
    assert report.notes == (
        "no image of newt: recall, AUC and balanced accuracy have no mean",
        "no answer was newt: precision has no mean",
    )
    assert report.classes[0].recall == 1


def test_outputs_of_another_number_than_the_classes_are_refused_in_a_line() -> None:
    with pytest.raises(EdgekitError, match="The model gives 2 values; the data have 3 classes: cat, dog, newt"):
        scored(np.zeros((4, 2)), np.arange(4) % 3)


def test_the_greatest_logit_decides_and_of_equal_ones_the_first() -> None:
    assert decide(np.array([[1, 3, 3], [2, 2, 2], [0.0, 0.1, 0.2]]), PETS).tolist() == [1, 0, 2]
    cats = Task(("cat", "dog"))
    assert decide(np.array([[5, 5], [5, 6]], np.int8), cats, Threshold(0.9, 99)).tolist() == [0, 1]


def test_log_odds_of_two_classes_are_the_margin_and_equal_rivals_give_equal_odds() -> None:
    ends = np.array([[-128, 127], [127, -128], [3, 5]], np.int8)
    assert log_odds(ends, 0.1).tolist() == [[-25.5, 25.5], [25.5, -25.5], [-0.2, 0.2]]
    rng = np.random.default_rng(0)
    logits = rng.integers(-128, 128, (200, 5))
    turned = logits[:, [0, 3, 2, 4, 1]]
    assert np.array_equal(log_odds(logits, 0.07)[:, 0], log_odds(turned, 0.07)[:, 0])
    assert probabilities(logits, 0.07).sum(axis=1) == pytest.approx(np.ones(200))


def test_reliability_of_many_classes_is_that_of_the_answer() -> None:
    logits, labels = drawn(500, 3)
    found, shares = curves.reliability("m", logits, labels, PETS), probabilities(logits)
    right, said = shares.argmax(1) == labels, shares.max(1)
    assert sum(found.images) == 500
    assert sum(s * n for s, n in zip(found.found, found.images, strict=True)) == pytest.approx(right.sum())
    bins = np.digitize(said, np.linspace(0, 1, 11)[1:-1])
    gaps = [abs(said[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    assert found.error == pytest.approx(sum(gaps))
    assert found.brier == pytest.approx(((shares - np.eye(3)[labels]) ** 2).sum(1).mean())


def test_a_class_has_a_roc_curve_against_the_rest_with_the_point_where_it_is_answered() -> None:
    logits, labels = drawn(200, 4)
    found = curves.roc("newt", logits, labels, PETS, label=2)
    truth, said = labels == 2, logits.argmax(1) == 2
    assert found.auc == pytest.approx(reference.roc_auc_score(truth, probabilities(logits)[:, 2]))
    assert found.point == (said[~truth].mean(), said[truth].mean())
    assert found.point_y == wilson(int(said[truth].sum()), int(truth.sum()))


def test_spreads_over_seeds_hold_each_class() -> None:
    reports = [scored(*drawn(100, seed)) for seed in range(3)]
    found = spread_by_class(reports)
    assert list(found) == ["cat", "dog", "newt"]
    recall = found["newt"]["recall"]
    assert recall.values == tuple(one.classes[2].recall for one in reports)
    assert spread(reports)["auc"].low < spread(reports)["auc"].mean < spread(reports)["auc"].high


def test_the_interval_of_a_mean_over_seeds_covers_new_seeds_on_new_images() -> None:
    rng, covered = np.random.default_rng(0), []
    for _ in range(400):
        hard, skill = rng.normal(0, 1, 200), rng.normal(1.2, 0.15, 3)  # of the images, of the seeds
        right = (rng.normal(0, 0.6, (3, 200)) + hard < skill[:, np.newaxis]).sum(axis=1)
        low, high = seeds_interval([k / 200 for k in right], [wilson(int(k), 200) for k in right])
        truth = 0.5 * (1 + math.erf(1.2 / math.sqrt(1 + 0.36 + 0.15**2) / math.sqrt(2)))
        covered.append(low <= truth <= high)
    assert 0.93 <= np.mean(covered) <= 1
    assert seeds_interval([0.9], [(0.8, 0.95)]) == pytest.approx((0.8, 0.95))
    assert seeds_interval([0.9] * 12, [(0.8, 0.95)] * 12) == pytest.approx((0.8, 0.95))
    assert seeds_interval([0.8, 1.0], [(0.9, 0.9)] * 2) == (0.0, 1.0)  # two seeds that differ say little
