"""What an answer is, and how validation chooses the threshold."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.errors import EdgekitError
from edgekit.metrics import decisions
from edgekit.metrics.decisions import agreement, choose_threshold
from edgekit.metrics.scores import score
from edgekit.values.evaluation import EvalReport, Threshold
from edgekit.values.images import DataInfo
from edgekit.values.task import CHEST_XRAY
from two_logits import logits_of

DATA = DataInfo("made", "00", False, CHEST_XRAY)


def cut_of(margins: np.ndarray, labels: np.ndarray, sensitivity: float | None = None, **scale: float) -> Threshold:
    found = choose_threshold(logits_of(margins), labels, CHEST_XRAY, sensitivity, **scale)
    assert found is not None
    return found


def decide(margins: np.ndarray, threshold: Threshold) -> np.ndarray:
    return decisions.decide(logits_of(margins), CHEST_XRAY, threshold)


def noisy(n: int, seed: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.6).astype(np.int64)
    return rng.normal(shift * (labels - 0.5), 1.0), labels


def scored(margins: np.ndarray, labels: np.ndarray, threshold: Threshold) -> EvalReport:
    return score(logits_of(margins), labels, threshold, data=DATA, runtime="tflm", model_sha256="ab" * 32)


def test_the_threshold_is_the_most_specific_within_one_standard_error_of_the_best() -> None:
    margins, labels = noisy(300, seed=5, shift=3.0)
    chosen = cut_of(margins, labels)

    scores = np.unique(margins)
    tried = [Threshold(1 / (1 + math.exp(-cut))) for cut in (scores[:-1] + scores[1:]) / 2]
    reports = [scored(margins, labels, threshold) for threshold in tried]
    best = max(reports, key=lambda r: (r.balanced_accuracy, r.threshold.probability))
    sick, well = labels.sum(), (1 - labels).sum()
    error = 0.5 * math.sqrt(best.recall * (1 - best.recall) / sick + best.specificity * (1 - best.specificity) / well)
    expected = max(
        r.threshold.probability for r in reports if r.balanced_accuracy >= best.balanced_accuracy - error - 1e-12
    )
    assert chosen.probability == pytest.approx(expected, rel=1e-12)
    assert chosen.margin_q is None
    assert scored(margins, labels, chosen).specificity > best.specificity


def test_a_separable_validation_is_cut_halfway() -> None:
    labels = np.array([0, 0, 1, 1])
    assert cut_of(np.array([-3.0, -1.0, 2.0, 5.0]), labels).probability == pytest.approx(1 / (1 + math.exp(-0.5)))
    assert cut_of(np.array([-30, -10, 21, 50]), labels, scale=0.1).margin_q == 6  # 5.5, rounded up
    assert cut_of(np.array([-30, 3, 4, 50]), labels, scale=0.1).margin_q == 4


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-255, 255), min_size=2, max_size=40), st.floats(0.01, 0.5), st.randoms())
def test_the_int8_threshold_and_its_probability_make_the_same_decisions(
    values: list[int], scale: float, random: object
) -> None:
    margins, labels = np.array(values), np.arange(len(values)) % 2
    threshold = cut_of(margins, labels, scale=scale)
    assert threshold.margin_q is not None
    every = np.arange(-255, 256)
    resolved = np.abs(every * scale) < 30  # beyond that a double's probability no longer tells margins apart
    assert np.array_equal(decide(every, threshold)[resolved], decide(every * scale, threshold)[resolved])


def test_constant_and_saturated_scores_give_a_usable_threshold() -> None:
    labels = np.array([0, 1, 0, 1])
    assert cut_of(np.zeros(4), labels) == Threshold(0.5)
    assert cut_of(np.zeros(4, int), labels, scale=0.1).margin_q == 1
    saturated = cut_of(np.array([50.0, 60.0, 51.0, 61.0]), labels)
    assert 0 < saturated.probability < 1
    assert np.isfinite(decide(np.array([50.0]), saturated)).all()


def test_validation_with_one_class_cannot_choose_a_threshold() -> None:
    with pytest.raises(EdgekitError, match="one class only"):
        cut_of(np.array([1.0, 2.0]), np.array([1, 1]))


def test_agreement_counts_equal_answers_by_argmax_or_at_each_models_threshold() -> None:
    floats, ints = logits_of([-1.0, 0.2, 0.9, 3.0]), logits_of([-10, 0, 9, 30])
    assert agreement(floats, ints, CHEST_XRAY) == 0.75  # equal int8 logits are negative
    assert agreement(floats, ints, CHEST_XRAY, Threshold(0.6), Threshold(0.6, 5)) == 1.0


def test_the_sensitivity_rule_keeps_what_it_promises_and_no_lower_threshold_is_taken() -> None:
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1], 200)
    margins = np.round(rng.normal(np.where(labels, 20, -20), 15)).astype(int)
    margin_q = cut_of(margins, labels, 0.9, scale=0.1).margin_q
    assert margin_q is not None
    assert (margins[labels == 1] >= margin_q).mean() >= 0.9 > (margins[labels == 1] > margin_q).mean()
    flat = cut_of(np.zeros(4), np.array([0, 0, 1, 1]), 0.9)
    assert 0 <= flat.probability <= 1  # no cut separates anything, yet there is an answer
