"""ROC and reliability against scikit-learn, the drawing board against its promises."""

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve

from edgekit.metrics import curves
from edgekit.metrics.intervals import wilson
from edgekit.report import charts, charts_board
from edgekit.report.svg import (
    Scale,
    around,
    nice_step,
    spread_out,
    text_width,
)
from edgekit.values.evaluation import Threshold
from edgekit.values.program import Span
from edgekit.values.task import CHEST_XRAY
from specimen import margins as sample
from two_logits import logits_of


def area(y: tuple[float, ...], x: tuple[float, ...]) -> float:
    return float(reference.auc(x, y))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-9, 9), st.booleans()), min_size=2, max_size=60), st.integers(-9, 9))
def test_a_roc_curve_is_that_of_scikit_learn_and_passes_through_its_operating_point(
    rows: list[tuple[int, bool]], margin_q: int
) -> None:
    margins, labels = np.array([m for m, _ in rows]), np.array([int(b) for _, b in rows])
    if labels.min() == labels.max():
        with pytest.raises(ValueError, match="both classes"):
            curves.roc("m", logits_of(margins), labels, CHEST_XRAY)
        return
    found = curves.roc("m", logits_of(margins), labels, CHEST_XRAY, Threshold(0.5, margin_q))
    false_alarms, recall, _ = reference.roc_curve(labels, margins, drop_intermediate=False)
    assert np.interp(false_alarms, found.false_alarms, found.recall)[-1] == 1
    assert {*zip(found.false_alarms, found.recall, strict=True)} <= {*zip(false_alarms, recall, strict=True)}
    assert area(found.recall, found.false_alarms) == pytest.approx(reference.roc_auc_score(labels, margins))
    assert area(found.recall, found.false_alarms) == pytest.approx(found.auc)
    assert (found.false_alarms[0], found.recall[0], found.false_alarms[-1], found.recall[-1]) == (0, 0, 1, 1)
    assert all(low <= r <= high for low, r, high in zip(found.low, found.recall, found.high, strict=True))
    called = margins >= margin_q
    assert found.point == (called[labels == 0].mean(), called[labels == 1].mean())
    assert found.point_y == wilson(int(called[labels == 1].sum()), int(labels.sum()))


def test_reliability_is_that_of_scikit_learn_and_counts_every_image() -> None:
    margins, labels = sample(3)
    margins[margins == 0] = 1  # 0.5 stands on the edge of two bins
    found = curves.reliability("m", logits_of(margins), labels, CHEST_XRAY, 0.06)
    said = 1 / (1 + np.exp(-0.06 * margins))
    share, mean = calibration_curve(labels, said, n_bins=10)
    assert found.found == pytest.approx(share)
    assert found.said == pytest.approx(mean)
    assert sum(found.images) == len(labels)
    assert found.brier == pytest.approx(reference.brier_score_loss(labels, said))
    gaps = [n * abs(m - s) for n, m, s in zip(found.images, mean, share, strict=True)]
    assert found.error == pytest.approx(sum(gaps) / len(labels))


@given(st.floats(-1e4, 1e4), st.floats(0.01, 1e6), st.integers(2, 9))
def test_ticks_are_round_and_within_the_scale(low: float, extent: float, about: int) -> None:
    scale = Scale(low, low + extent, 0, 100)
    step = nice_step(extent, about)
    assert math.isclose(float(f"{step:.0e}"), step)
    ticks = scale.ticks(about)
    assert len(ticks) <= about + 2
    for tick in ticks:
        assert -1e-3 <= scale(tick) <= 100 + 1e-3
        assert math.isclose(tick / step, round(tick / step), abs_tol=1e-3)


@given(st.lists(st.floats(-1, 2), max_size=9))
def test_bounds_hold_every_value(values: list[float]) -> None:
    low, high = around(values)
    assert low < high
    assert all(low - 1e-9 <= value <= high + 1e-9 for value in values)


@given(st.lists(st.floats(0, 300), min_size=1, max_size=12))
def test_labels_are_moved_apart_and_stay_inside(wanted: list[float]) -> None:
    placed = spread_out(sorted(wanted), 0, 300, 15)
    assert all(0 <= y <= 300 for y in placed)
    assert all(after - before >= 15 - 1e-9 for before, after in itertools.pairwise(placed))


def test_a_sweep_that_chose_not_to_prune_says_so_and_draws_no_line_for_it() -> None:
    series = charts.Series("validation", (0.5, 1.0, 2.0), (0.8, 0.9, 0.91))
    zeroed = charts.Series("zeroed", (0.5, 1.0, 2.0), (0.8, 0.4, 0.2))
    drawn = charts.sweep("s", [series], zeroed, chosen={"validation": math.inf, "test, as the paper did": 2.0})
    assert "validation chose not to prune; test, as the paper did chose alpha 2" in drawn.alt
    assert drawn.svg.count("axis dashed") == 2  # a piece in each panel
    assert drawn.data["chosen"] == {"validation": None, "test, as the paper did": 2.0}


def test_values_that_are_not_numbers_break_a_line_and_are_never_written() -> None:
    series = charts.Series("loss", (1, 2, 3, 4), (0.5, math.nan, 0.3, 0.2))
    drawn = charts.curves("c", [series, charts.Series("none", (1, 2), (math.nan, math.nan))])
    assert "nan" not in drawn.svg.lower()
    assert re.search(r'class="c0 line" d="M[^"]*M', drawn.svg)
    assert "none: no value" in drawn.alt
    assert "0.500 at 1" in drawn.alt


def test_a_memory_plan_names_every_block_with_its_bytes_and_steps() -> None:
    blocks = [Span(0, 800, 0, 1), Span(800, 200, 1, 1, True)]
    drawn = charts_board.memory_plan("m", blocks, ("CONV_2D", "FULLY_CONNECTED"), 1000)
    assert "activation: 800 bytes at 0, steps 0 to 1" in drawn.svg
    assert "scratch: 200 bytes at 800, step 1" in drawn.svg
    assert "1 FULLY_CONNECTED: 1,000 bytes in 2 blocks" in drawn.alt


def test_equal_times_make_one_bar_and_every_time_is_counted() -> None:
    same = charts_board.histogram("t", [97_700] * 30, x="µs", marks={"p50": 97_700})
    assert sum(same.data["counts"]) == 30
    spread = charts_board.histogram("t", list(range(1, 500)), x="µs", marks={"p50": 250, "p95": 475})
    assert sum(spread.data["counts"]) == 499
    assert "from 1 to 499, p50 250, p95 475" in spread.alt


def test_a_long_operator_name_is_cut_to_its_room() -> None:
    name = "CONV_2D + " * 9
    drawn = charts_board.bars("b", [charts_board.Bar(name, 5)], x="MACs")
    (shown,) = re.findall(r">([^<]*…)<", drawn.svg)
    assert text_width(shown, 11) <= 191
    assert name.strip() in drawn.alt
