"""What every threshold makes of a set: the counts are those that `score` finds there."""

import itertools

import numpy as np
import pytest

from edgekit.metrics.decisions import sigmoid
from edgekit.metrics.operating_points import operating_points, scores_by_class
from edgekit.metrics.scores import score
from edgekit.values.evaluation import Threshold
from edgekit.values.images import DataInfo
from edgekit.values.task import CHEST_XRAY, Task
from two_logits import logits_of

INFO = DataInfo("made", "0", False, CHEST_XRAY)
SCALE = 0.06


def drawn(seed: int, n: int = 80) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    return np.clip(np.round(rng.normal(30 * (labels - 0.4), 25)), -127, 127).astype(np.int64), labels


@pytest.mark.parametrize("own", [-300, -5, 17, 300])
def test_every_int8_threshold_has_the_confusion_that_a_report_at_it_has(own: int) -> None:
    margins, labels = drawn(1)
    points = operating_points(logits_of(margins), labels, CHEST_XRAY, Threshold(0.5, own), SCALE)
    assert points.margins_q[points.own] == own
    assert np.diff(points.margins_q).tolist() == [1] * (len(points.margins_q) - 1)
    for margin, odds, missed, rejected in zip(
        points.margins_q, points.log_odds, points.missed, points.rejected, strict=True
    ):
        cut = Threshold(float(sigmoid(odds)), margin)
        found = score(logits_of(margins), labels, cut, data=INFO, runtime="", model_sha256="").confusion
        assert (found["fn"], found["tn"]) == (missed, rejected)
        assert (found["tp"], found["fp"]) == (points.positives - missed, points.negatives - rejected)


@pytest.mark.parametrize("share", [0.0, 1e-9, 0.31, 0.5, 1.0, None])
def test_the_grid_over_floats_holds_the_models_own_threshold_exactly(share: float | None) -> None:
    margins, labels = drawn(2)
    logits = logits_of(margins * 0.113)
    cut = None if share is None else Threshold(share)
    points = operating_points(logits, labels, CHEST_XRAY, cut)
    found = score(logits, labels, cut, data=INFO, runtime="", model_sha256="").confusion
    assert (points.missed[points.own], points.rejected[points.own]) == (found["fn"], found["tn"])
    if share and share < 1:
        assert float(sigmoid(points.log_odds[points.own])) == pytest.approx(share)
    assert all(a < b for a, b in itertools.pairwise(points.log_odds))
    assert not points.margins_q


@pytest.mark.parametrize("whole", [True, False])
def test_the_lowest_threshold_calls_all_positive_and_the_highest_none(whole: bool) -> None:
    for seed in range(20):
        margins, labels = drawn(seed)
        logits = logits_of(margins if whole else margins * np.pi)
        points = operating_points(logits, labels, CHEST_XRAY, Threshold(0.7, 3), SCALE if whole else 1.0)
        assert (points.missed[0], points.rejected[0]) == (0, 0)
        assert (points.missed[-1], points.rejected[-1]) == (points.positives, points.negatives)


def test_one_score_for_all_images_and_one_class_alone_are_no_special_cases() -> None:
    for logits in (logits_of([4, 4, 4]), logits_of([0.4, 0.4, 0.4])):
        points = operating_points(logits, np.ones(3, np.int64), CHEST_XRAY, Threshold(0.5, 2))
        assert (points.positives, points.negatives) == (3, 0)
        assert (points.missed[0], points.missed[-1]) == (0, 3)
        assert points.rejected[-1] == 0


def test_scores_are_told_apart_by_class_whichever_label_is_the_positive_one() -> None:
    task = Task(("sick", "well"), positive="sick")
    scores = scores_by_class(logits_of([3, -2, 5], positive=0), np.array([0, 1, 0]), task, 0.5)
    assert {label: of.tolist() for label, of in scores.items()} == {"well": [-1.0], "sick": [1.5, 2.5]}
