"""What a reader of the terminal sees."""

import json
import math

import numpy as np

from edgekit.metrics.scores import score, spread
from edgekit.report.tables import evaluation_parts, scores_table
from edgekit.report.tables_build import StageRow, seeds_parts, stages_parts
from edgekit.values.codec import from_json, to_json
from edgekit.values.evaluation import EvalReport, Threshold
from edgekit.values.images import DataInfo
from edgekit.values.task import CHEST_XRAY
from terminal import printed
from two_logits import logits_of

PHANTOM = DataInfo("phantom", "0", True, CHEST_XRAY)
KEYS = [
    *("n", "accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "auc", "intervals"),
    *("confusion", "threshold", "runtime", "model_sha256", "task", "data", "synthetic", "notes"),
    *("input_range", "classes", "matrix", "answers"),
]


def test_every_table_names_synthetic_data_the_runtime_and_what_it_is_not(
    report: EvalReport, rows: list[StageRow]
) -> None:
    seeds = seeds_parts(spread([report]), PHANTOM)
    for table in (evaluation_parts(report), stages_parts(rows, PHANTOM), seeds):
        lines = printed(table).rstrip().splitlines()
        assert "synthetic phantoms" in lines[0]
        assert lines[-2] == "Runtime: desktop, tflm interpreter"
        assert lines[-1] == "Research demonstration, not a medical device."


def test_the_mean_over_seeds_has_a_column_where_there_is_more_than_one(report: EvalReport) -> None:
    one, two = (scores_table("t", {"test": report, "val": report}, spread([report] * count)) for count in (1, 2))
    assert [column.title for column in one.columns] == ["figure", "test", "val"]
    assert [column.title for column in two.columns] == ["figure", "test", "test, mean ± sd of 2 seeds", "val"]
    assert all(len(row) == 3 for row in one.rows)


def test_real_data_is_not_called_synthetic() -> None:
    real = DataInfo("chest-xray", "0", False, CHEST_XRAY)
    report = score(logits_of([1, 2]), np.array([0, 1]), Threshold(0.5, 2), runtime="tflm", model_sha256="", data=real)
    text = printed(evaluation_parts(report))
    assert text.startswith("Evaluation, chest-xray")
    assert "synthetic" not in text


def test_an_evaluation_shows_intervals_and_each_cell_of_the_confusion(report: EvalReport) -> None:
    lines = printed(evaluation_parts(report)).splitlines()
    low, high = report.intervals["auc"]
    assert any("AUC" in line and f"{report.auc:.3f}" in line and f"{low:.3f} to {high:.3f}" in line for line in lines)
    normal, pneumonia = (next(x for x in lines if x.startswith(f"│ {name}")) for name in ("NORMAL", "PNEUMONIA"))
    c = report.confusion
    assert [int(word) for word in normal.split() if word.isdigit()] == [c["tn"], c["fp"]]
    assert [int(word) for word in pneumonia.split() if word.isdigit()] == [c["fn"], c["tp"]]
    assert any("int8 margin at least 4" in line for line in lines)


def test_the_stages_keep_their_order_and_a_stage_that_was_not_run_keeps_its_row(rows: list[StageRow]) -> None:
    text = printed(stages_parts(rows, PHANTOM))
    assert text.index("teacher") < text.index("dynamic") < text.index("int8")
    dynamic = next(line for line in text.splitlines() if "dynamic" in line)
    assert "33,192" in dynamic
    assert dynamic.count(" - ") == 6
    assert max(map(len, text.splitlines())) <= 100


def test_the_stages_fit_80_columns_whole_and_take_words_where_there_is_room(
    report: EvalReport, rows: list[StageRow]
) -> None:
    largest = StageRow("student (plain)", report, 640_123_456, 107_344 / 640_123_456, 0.971)
    table = stages_parts([largest, *rows], PHANTOM)
    lines = printed(table, 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].split() == ["stage", "acc", "F1", "AUC", "spec", "bytes", "ratio", "agree", "runtime"]
    assert [word for word in lines[3].split() if word[0].isalpha()] == ["student", "tflm"]
    assert {"(plain)", "640,123,456", "<0.01", "0.971", f"{report.auc:.3f}"} <= {*lines[3].split()}
    assert "…" not in printed(table, 80)
    assert "agreement" in printed(table, 140).splitlines()[2]


def test_json_has_the_promised_keys_and_nulls_where_a_figure_is_undefined(report: EvalReport) -> None:
    assert list(to_json(report)) == KEYS
    one_class = score(
        logits_of([1]), np.array([1]), Threshold(0.5, 0), data=DataInfo("x", "0", False, CHEST_XRAY), runtime="tflm",
        model_sha256="",
    )  # fmt: skip
    plain = json.loads(json.dumps(to_json(one_class), allow_nan=False))
    assert plain["auc"] is None
    assert plain["threshold"] == {"probability": 0.5, "margin_q": 0}
    assert math.isnan(from_json(EvalReport, plain, "a report").auc)
    assert from_json(EvalReport, json.loads(json.dumps(to_json(report))), "a report") == report
