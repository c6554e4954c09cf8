"""The table of pruning: read from the runs of tools/pruning_table."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.errors import EdgekitError
from edgekit.report.pruning import Run, pruning_table, read_runs
from edgekit.values.codec import to_json

RUN = Run("as trained", 0, 9904, 14000, 19504, 2_200_000, 10.04, 0.98, 0.97, 0.9, "cpu (x86_64)")


def test_a_row_is_the_mean_of_a_ways_seeds_in_the_order_of_the_runs() -> None:
    runs = [RUN, replace(RUN, way="half", model_bytes=5000, flash_bytes=8001), replace(RUN, seed=1, auc=0.99, ms=12.0)]
    table = pruning_table(runs)
    assert table.rows == (
        ("as trained", "9,904", "14,000", "19,504", "2,200,000", "11.0", "0.9800 ± 0.0000", "0.9800 ± 0.0141",
         "0.9000 ± 0.0000", "2"),
        ("half", "5,000", "8,001", "19,504", "2,200,000", "10.0", "0.9800 ± 0.0000", "0.9700 ± 0.0000",
         "0.9000 ± 0.0000", "1"),
    )  # fmt: skip
    assert "estimated" in table.notes[0]
    assert "cpu (x86_64)" in table.notes[0]


def test_runs_are_read_as_they_were_written_and_another_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    assert read_runs(path) == []
    path.write_text(json.dumps(to_json(RUN)) + "\n", encoding="utf-8")
    assert read_runs(path) == [RUN]
    path.write_text('{"way": "half"}\n', encoding="utf-8")
    with pytest.raises(EdgekitError, match=str(path)):
        read_runs(path)
