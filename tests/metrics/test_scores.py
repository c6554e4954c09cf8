"""The metrics against scikit-learn, against resampling, and at their edges."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from edgekit.errors import EdgekitError
from edgekit.metrics.classes import auc
from edgekit.metrics.decisions import choose_threshold
from edgekit.metrics.intervals import wilson
from edgekit.metrics.scores import METRICS, on_images, score, score_predictions, spread
from edgekit.values.evaluation import EvalReport, Prediction, Threshold
from edgekit.values.images import DataInfo
from edgekit.values.task import CHEST_XRAY
from two_logits import logits_of

DATA = DataInfo("made", "00", False, CHEST_XRAY)


def noisy(n: int = 400, seed: int = 0, shift: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.6).astype(np.int64)
    return rng.normal(shift * (labels - 0.5), 1.0), labels


def scored(margins: np.ndarray, labels: np.ndarray, threshold: Threshold) -> EvalReport:
    return score(logits_of(margins), labels, threshold, data=DATA, runtime="tflm", model_sha256="ab" * 32)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-9, 9), st.booleans()), min_size=2, max_size=60), st.integers(-9, 9))
def test_every_figure_is_that_of_scikit_learn_on_small_integers_full_of_ties(
    rows: list[tuple[int, bool]], margin_q: int
) -> None:
    margins, labels = np.array([m for m, _ in rows]), np.array([int(b) for _, b in rows])
    report, said = scored(margins, labels, Threshold(0.5, margin_q)), (margins >= margin_q).astype(int)

    assert report.confusion == dict(
        zip(("tn", "fp", "fn", "tp"), reference.confusion_matrix(labels, said, labels=[0, 1]).ravel(), strict=True)
    )
    expected = {
        "accuracy": reference.accuracy_score(labels, said),
        "precision": reference.precision_score(labels, said, zero_division=np.nan),
        "recall": reference.recall_score(labels, said, zero_division=np.nan),
        "specificity": reference.recall_score(1 - labels, 1 - said, zero_division=np.nan),
        "f1": reference.f1_score(labels, said, zero_division=np.nan),
    }
    if 0 < labels.sum() < len(labels):
        expected["auc"] = reference.roc_auc_score(labels, margins)
        expected["balanced_accuracy"] = reference.balanced_accuracy_score(labels, said)
    for name, value in expected.items():
        assert getattr(report, name) == pytest.approx(value, nan_ok=True), name
    for name in METRICS:
        low, high = report.intervals[name]
        assert 0 <= low <= high <= 1
        value = getattr(report, name)
        assert math.isnan(value) or (low - 1e-12 <= value <= high + 1e-12 and high - low > 1e-3), name


def test_wilson_gives_the_published_interval() -> None:
    # Newcombe, Statistics in Medicine 1998;17:857, table I, method 3: 81/263, 15/148, 0/20, 1/29
    for (k, n), expected in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }.items():
        assert wilson(k, n) == pytest.approx(expected, abs=5e-5)


def test_f1_and_balanced_intervals_are_those_of_a_stratified_bootstrap_where_that_works() -> None:
    report = scored(*noisy(624, seed=3), Threshold(0.5))
    c, rng = report.confusion, np.random.default_rng(0)
    sick, well = c["tp"] + c["fn"], c["tn"] + c["fp"]
    # resampling images within each class draws the counts from binomials
    tp, fp = rng.binomial(sick, c["tp"] / sick, 40_000), rng.binomial(well, c["fp"] / well, 40_000)
    drawn = {"f1": 2 * tp / (tp + fp + sick), "balanced_accuracy": (tp / sick + 1 - fp / well) / 2}
    for name, values in drawn.items():
        assert report.intervals[name] == pytest.approx(np.quantile(values, (0.025, 0.975)), abs=0.006), name


def test_auc_interval_is_that_of_resampled_images_and_covers_the_true_area() -> None:
    margins, labels = noisy(500, seed=1)
    area, interval = auc(margins, labels)
    rng, sick, well = np.random.default_rng(0), margins[labels == 1], margins[labels == 0]
    drawn = [
        auc(np.r_[rng.choice(sick, len(sick)), rng.choice(well, len(well))], np.sort(labels)[::-1])[0]
        for _ in range(2000)
    ]
    assert interval == pytest.approx(np.quantile(drawn, (0.025, 0.975)), abs=0.006)
    truth = 0.5 * (1 + math.erf(2.0 / math.sqrt(2) / math.sqrt(2)))  # P(N(2, 2) > 0)
    intervals = [auc(*noisy(120, seed=seed))[1] for seed in range(400)]
    assert 0.92 <= np.mean([low <= truth <= high for low, high in intervals]) <= 0.98
    assert interval[0] < area < interval[1]


def test_perfect_separation_still_has_an_interval_that_shrinks_with_the_images() -> None:
    widths = []
    for n in (20, 200):
        margins, labels = np.r_[-np.ones(n), np.ones(n)], np.r_[np.zeros(n, int), np.ones(n, int)]
        report = scored(margins, labels, Threshold(0.5))
        assert all(getattr(report, name) == 1 and report.intervals[name][1] == 1 for name in METRICS)
        widths.append([1 - report.intervals[name][0] for name in METRICS])
    assert np.all(np.array(widths[1]) < np.array(widths[0]) / 5)
    assert np.all(np.array(widths[1]) > 0.001)


def test_one_class_leaves_its_missing_half_undefined_and_says_so() -> None:
    report = scored(np.array([1, 2, -3]), np.array([1, 1, 1]), Threshold(0.5, 1))
    assert report.recall == pytest.approx(2 / 3)
    assert all(math.isnan(getattr(report, name)) for name in ("specificity", "balanced_accuracy", "auc"))
    assert report.intervals["auc"] == (0.0, 1.0)
    assert "one class only" in report.notes[-1]


def test_a_model_that_never_says_pneumonia_has_no_precision_and_an_f1_of_zero() -> None:
    report = scored(np.array([-5.0, -4.0, -3.0]), np.array([0, 1, 1]), Threshold(0.5))
    assert math.isnan(report.precision)
    assert (report.f1, report.recall, report.specificity) == (0.0, 0.0, 1.0)


def test_outputs_that_are_not_numbers_and_an_empty_set_are_said_plainly() -> None:
    with pytest.raises(EdgekitError, match="not numbers on 1 of 2") as caught:
        scored(np.array([np.nan, 1.0]), np.array([0, 1]), Threshold(0.5))
    assert "learning_rate" in caught.value.hint
    with pytest.raises(EdgekitError, match="no image"):
        scored(np.array([]), np.array([]), Threshold(0.5))
    with pytest.raises(EdgekitError, match="margin_q"):
        scored(np.array([1, 2]), np.array([0, 1]), Threshold(0.5))


def test_predictions_of_a_board_score_like_margins_even_at_the_ends_of_int8() -> None:
    ends = [Prediction("a", 1, (np.int8(-128), np.int8(127))), Prediction("b", 0, (np.int8(127), np.int8(-128)))]  # type: ignore[arg-type]
    info = DataInfo("phantom", "00", True, CHEST_XRAY, notes=("drawn",))
    report = score_predictions(ends, Threshold(0.5, 255), runtime="tflm", model_sha256="", data=info, notes=("x",))
    assert report.confusion == {"tn": 1, "fp": 0, "fn": 0, "tp": 1}
    assert (report.data, report.synthetic, report.notes) == ("phantom", True, ("drawn", "x"))


def test_a_report_with_ids_says_what_was_answered_and_can_be_cut_to_some_of_the_images() -> None:
    margins, labels = noisy(60)
    ids = [f"{row}.png" for row in range(60)]
    rows = np.array([7, 3, 51, 20, 8, 44, 2, 30])
    whole = score(logits_of(margins), labels, Threshold(0.6), data=DATA, runtime="t", model_sha256="", ids=ids)
    part = score(
        logits_of(margins[rows]), labels[rows], Threshold(0.6), data=DATA, runtime="t", model_sha256="",
        ids=[ids[row] for row in rows],
    )  # fmt: skip
    assert whole.answers is not None
    assert whole.answers.labels == tuple(labels)
    assert on_images(whole, [ids[row] for row in rows]) == part
    assert score(logits_of(margins), labels, None, data=DATA, runtime="t", model_sha256="").answers is None


def test_spread_over_seeds_is_mean_and_sample_deviation() -> None:
    reports = [scored(*noisy(100, seed=seed), Threshold(0.5)) for seed in range(3)]
    accuracy = spread(reports)["accuracy"]
    values = [r.accuracy for r in reports]
    assert accuracy.values == tuple(values)
    assert (accuracy.min, accuracy.max) == (min(values), max(values))
    assert (accuracy.mean, accuracy.sd) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    assert math.isnan(spread(reports[:1])["auc"].sd)


def test_two_classes_keep_every_figure_of_version_0_1_to_the_last_bit() -> None:
    at = np.arange(90)
    labels = (at * 53 % 7 < 4).astype(np.int64)
    logits = logits_of(at * 37 % 101 - 60 + 30 * labels)
    threshold = choose_threshold(logits, labels, CHEST_XRAY, scale=0.06)
    assert threshold == Threshold(0.9275735146384823, 43)
    report = score(logits, labels, threshold, data=DATA, runtime="tflm", model_sha256="", scale=0.06)
    assert report.confusion == {"tn": 39, "fp": 0, "fn": 37, "tp": 14}
    assert {name: (getattr(report, name), *report.intervals[name]) for name in METRICS} == {
        "accuracy": (0.5888888888888889, 0.48563237347145555, 0.684867959761553),
        "balanced_accuracy": (0.6372549019607843, 0.5688354383463483, 0.7047332538038954),
        "precision": (1.0, 0.7846891972623643, 1.0),
        "recall": (0.27450980392156865, 0.17114275234644882, 0.4094665076077909),
        "specificity": (1.0, 0.9103331462924287, 1.0),
        "f1": (0.4307692307692308, 0.29226625362886793, 0.5810233948769107),
        "auc": (0.760432378079437, 0.6502017062664064, 0.8442474338752085),
    }
