"""What a teacher adds: read from the runs of tools/distillation_gain, seed by seed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.errors import EdgekitError
from edgekit.report.distillation import NO_TEACHER, Run, gain_page, gain_table, read_runs
from edgekit.report.document import Cell, Figure, Table
from edgekit.values.codec import to_json

ALONE = Run(5, NO_TEACHER, 20, 0, 0.99, 0.95, 0.9, 0.8, "cpu (x86_64)")


def of_seeds(teacher: str, aucs: tuple[float, ...]) -> list[Run]:
    return [replace(ALONE, teacher=teacher, seed=seed, auc=auc) for seed, auc in enumerate(aucs)]


def test_a_gain_is_that_of_each_seed_over_itself_and_is_strong_where_chance_does_not_explain_it() -> None:
    alone = (0.90, 0.95, 0.92)
    sure = [auc + gain for auc, gain in zip(alone, (0.010, 0.011, 0.012), strict=True)]
    unsure = [auc + gain for auc, gain in zip(alone, (0.05, -0.02, 0.03), strict=True)]
    runs = [*of_seeds(NO_TEACHER, alone), *of_seeds("sure", tuple(sure)), *of_seeds("unsure", tuple(unsure))]
    table = gain_table(runs[::-1])
    assert [column.title for column in table.columns[3:]] == ["with sure", "with unsure"]
    (row,) = table.rows
    assert row[:3] == ("5 KB", "20", "0.9233")
    assert [(cell.text, cell.mark) for cell in row[3:] if isinstance(cell, Cell)] == [
        ("+0.0110 ± 0.0025", "strong"),  # 4.303 * 0.001 / sqrt(3)
        ("+0.0200 ± 0.0896", ""),
    ]


def test_seeds_that_only_one_of_them_has_are_left_out_and_one_pair_says_nothing() -> None:
    runs = [*of_seeds(NO_TEACHER, (0.9, 0.9, 0.9)), replace(ALONE, teacher="a", seed=2, auc=0.95)]
    assert gain_table(runs).rows[0][3] is None
    two = [*runs, replace(ALONE, teacher="a", seed=1, auc=0.93)]
    cell = gain_table(two).rows[0][3]
    assert isinstance(cell, Cell)
    assert cell.value == pytest.approx(0.04)


def test_runs_are_read_as_they_were_written_and_another_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    assert read_runs(path) == []
    path.write_text(json.dumps(to_json(ALONE)) + "\n", encoding="utf-8")
    assert read_runs(path) == [ALONE]
    path.write_text('{"size": 5}\n', encoding="utf-8")
    with pytest.raises(EdgekitError, match=str(path)):
        read_runs(path)
    path.write_text(json.dumps(to_json(ALONE))[:-9], encoding="utf-8")  # its writer was killed
    with pytest.raises(EdgekitError, match=str(path)):
        read_runs(path)


def test_the_page_draws_sizes_that_were_trained_as_long_and_says_what_each_student_reaches() -> None:
    runs = [
        replace(run, size=size, auc=run.auc + size / 1000) for size in (5, 10) for run in of_seeds("a", (0.90, 0.92))
    ]
    runs += [replace(run, size=size) for size in (5, 10) for run in of_seeds(NO_TEACHER, (0.91, 0.93))]
    runs += [replace(ALONE, epochs=400, auc=0.97)]
    page = gain_page(runs, "a command")
    (figure,) = (part for section in page.sections for part in section.parts if isinstance(part, Figure))
    assert figure.caption == "AUC on the test images after 20 epochs"
    assert [(line["name"], line["y"], line["low"]) for line in figure.data["series"]] == [
        ("labels alone", pytest.approx([0.92, 0.92]), pytest.approx([0.91, 0.91])),
        ("a", pytest.approx([0.915, 0.92]), pytest.approx([0.905, 0.91])),
    ]
    reached = [part for section in page.sections for part in section.parts if isinstance(part, Table)][1]
    assert reached.rows[0][:4] == ("5 KB", "20", "a", "0.9150 ± 0.0141")
    assert reached.rows[2][:4] == ("5 KB", "400", NO_TEACHER, "0.9700 ± 0.0000")
