"""What int8 costs: read from the runs of tools/quantization_remedies, a row a network and remedy."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.errors import EdgekitError
from edgekit.report.remedies import Run, read_runs, remedies_table
from edgekit.values.codec import to_json

RUN = Run("a", "as converted", 0, False, 0.5, 0.9, 0.8, 0.7, 0.6, "cpu (x86_64)")


def test_a_row_is_the_mean_and_the_spread_of_its_seeds() -> None:
    runs = [RUN, replace(RUN, seed=1, drift=0.7, agreement=0.8), replace(RUN, network="b")]
    table = remedies_table(runs)
    assert [row[:2] for row in table.rows] == [("a", "as converted"), ("b", "as converted")]
    assert table.rows[0][2:4] == ("0.600 ± 0.141", "85.0 ± 7.1 %")
    assert table.rows[0][6] == "60.0 ± 0.0 %"
    assert "2 seeds" in table.notes[0]


def test_a_remedy_that_was_not_needed_has_no_figures_and_the_float_network_does_not_drift() -> None:
    runs = [replace(RUN, remedy="float", drift=0.0), RUN, replace(RUN, remedy="training")]
    exact, converted, trained = remedies_table(runs).rows
    assert exact[2] is None
    assert converted[2] == "0.500 ± 0.000"
    assert trained[1] == "training: not needed, no byte changes"
    assert set(trained[2:]) == {None}


def test_runs_are_read_as_they_were_written_and_another_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    assert read_runs(path) == []
    path.write_text(json.dumps(to_json(RUN)) + "\n", encoding="utf-8")
    assert read_runs(path) == [RUN]
    path.write_text(json.dumps(to_json(RUN))[:-9], encoding="utf-8")  # its writer was killed
    with pytest.raises(EdgekitError, match=str(path)):
        read_runs(path)
