"""The whole paper on drawn films: every network, table and figure is in the report, and a second run makes nothing."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rehearsal import Rehearsal

import browser
from edgekit.reproduction.paper import NETWORKS, SYSTEM_TITLES, TABLE_1, TABLE_2, TABLE_3, TABLE_4, TITLES
from edgekit.reproduction.plan import BUDGETS, plan

TABLES = {
    "Table I: teachers": len(TABLE_1), "Table II: student": len(TABLE_2), "Table III: quantization": len(TABLE_3),
    "Table IV: comparison": len(TABLE_4),
}  # fmt: skip


@pytest.fixture(scope="session")
def report(rehearsal: Rehearsal) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((rehearsal.out / "report.json").read_text())
    return found


def section(report: dict[str, Any], title: str) -> list[dict[str, Any]]:
    (parts,) = (one["parts"] for one in report["sections"] if one["title"] == title)
    found: list[dict[str, Any]] = parts
    return found


def number(cell: Any) -> float:
    """What a cell holds, whether with more words or alone."""
    return float(cell["value"] if isinstance(cell, dict) else cell)


def of_kind(parts: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [part for part in parts if part["kind"] == kind]


def test_the_first_words_say_what_the_figures_are_not(report: dict[str, Any], rehearsal: Rehearsal) -> None:
    assert report["synthetic"]
    assert "No ImageNet weights" in report["warnings"][0]
    assert "random" in report["warnings"][0]
    page = (rehearsal.out / "report.html").read_text()
    assert page.index("No ImageNet weights") < page.index("Table I")
    assert "synthetic" in page.lower()


@pytest.mark.parametrize("title", TABLES)
def test_every_row_of_the_papers_tables_has_the_papers_figure_and_ours(report: dict[str, Any], title: str) -> None:
    (table,) = of_kind(section(report, title), "table")
    assert len(table["rows"]) == TABLES[title]
    for row in table["rows"]:
        for group in ("paper: accuracy", "here: accuracy"):
            assert 0 < number(row[table["columns"].index(group)]) <= 1, (title, row[0], group)


def test_figures_three_and_four_show_every_network_and_both_students_on_all_sets(report: dict[str, Any]) -> None:
    for title, names in (
        ("Figure 3: teachers by epoch", set(TITLES.values())),
        ("Figure 4: student by epoch", {"distilled", "conventional"}),
    ):
        figures = of_kind(section(report, title), "figure")
        assert len(figures) == 6  # accuracy and loss on three sets
        for figure in figures:
            assert all(name in figure["alt"] for name in names)
        assert sum("never used to choose" in " ".join(figure["notes"]) for figure in figures) == 2


def test_what_the_paper_lacks_is_there(report: dict[str, Any]) -> None:
    sweeps = of_kind(section(report, "Pruning sweeps"), "figure")
    assert len(sweeps) == len(NETWORKS) + 1
    assert all("test, as the paper did chose" in sweep["alt"] for sweep in sweeps)
    lacks = section(report, "What the paper's tables lack")
    for table in of_kind(lacks, "table"):
        assert {row[0] for row in table["rows"]} == set(SYSTEM_TITLES.values())
        assert table["columns"][5:8] == ["specificity", "F1", "AUC"]
    captions = " ".join(figure["caption"] for figure in of_kind(lacks, "figure"))
    assert all(words in captions for words in ("ROC", "Reliability", "Confusion"))
    (temperatures,) = of_kind(section(report, "Temperature and weights of the distillation"), "table")
    assert len(temperatures["rows"]) == 1 + 1 + 1 + 1  # the recipe's own, another T, another mix, and no teacher
    (costs,) = [t for t in of_kind(section(report, "What it cost"), "table") if "passes" in t["caption"]]
    assert {row[0] for row in costs["rows"]} == set(TITLES.values())
    assert all(row[1] == 2 for row in costs["rows"])  # passes of the trunk


def test_every_figure_of_every_section_has_a_text_alternative(report: dict[str, Any]) -> None:
    figures = [part for one in report["sections"] for part in of_kind(one["parts"], "figure")]
    assert len(figures) >= 30
    assert all(len(figure["alt"]) > 30 for figure in figures)


def test_every_unit_was_made_once_and_none_is_left_half_done(rehearsal: Rehearsal) -> None:
    lines = [json.loads(line) for line in (rehearsal.out / "units.jsonl").read_text().splitlines()]
    assert sorted(line["unit"] for line in lines) == sorted(str(unit) for unit in plan(BUDGETS["smoke"], (0,)))
    left = [path.name for path in (rehearsal.out / ".units").iterdir()]
    assert not [name for name in left if ".part" in name or name.endswith(".checkpoint")]


def test_a_second_run_makes_nothing_and_prints_the_same_figures_as_json(
    rehearsal: Rehearsal, report: dict[str, Any], tmp_path: Path
) -> None:
    out = Path(shutil.copytree(rehearsal.out, tmp_path / "copy"))
    done = rehearsal.run(out, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["failed"] == {}
    assert [one for one in found["sections"] if one["title"].startswith("Table")] == [
        one for one in report["sections"] if one["title"].startswith("Table")
    ]
    assert (out / "units.jsonl").read_text() == (rehearsal.out / "units.jsonl").read_text()


def test_a_report_of_seeds_that_are_not_run_says_so_and_fills_nothing_in(
    rehearsal: Rehearsal, report: dict[str, Any], tmp_path: Path
) -> None:
    out = Path(shutil.copytree(rehearsal.out, tmp_path / "copy"))
    done = rehearsal.run(out, "--report-only", "--json", "--only", "table2,table3", seeds="0,7")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert any("of seed 7" in warning for warning in found["warnings"])
    assert section(found, "Table II: student") == section(report, "Table II: student")
    done = rehearsal.run(out, "--report-only", "--json", "--only", "table2", seeds="7")
    (table,) = of_kind(section(json.loads(done.stdout), "Table II: student"), "table")
    ours = [at for at, title in enumerate(table["columns"]) if title.startswith("here")]
    assert all(row[at] is None for row in table["rows"] for at in ours)


@pytest.mark.parametrize(
    ("words", "difference"),
    [
        (["--data", "phantom:1:120"], "fingerprint is "),
        (["--budget", "cpu"], "budget.name is smoke, not cpu"),
        (["--weights", "imagenet"], "weights is none, not imagenet"),
    ],
)
def test_a_folder_of_another_run_is_refused_with_the_difference(
    rehearsal: Rehearsal, tmp_path: Path, words: list[str], difference: str
) -> None:
    (tmp_path / "reproduction.json").write_bytes((rehearsal.out / "reproduction.json").read_bytes())
    done = rehearsal.run(tmp_path, *words)
    assert done.returncode == 1
    assert difference in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_of_another_version_is_refused(rehearsal: Rehearsal, tmp_path: Path) -> None:
    identity = json.loads((rehearsal.out / "reproduction.json").read_text())
    (tmp_path / "reproduction.json").write_text(json.dumps({**identity, "edgekit": "0.0.9"}))
    done = rehearsal.run(tmp_path)
    assert done.returncode == 1
    assert "edgekit is 0.0.9, not " in done.stderr


def test_missing_and_wrong_weights_are_all_named_with_their_checksums(rehearsal: Rehearsal, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "resnet18-f37072fd.pth").write_bytes(b"not weights")
    done = rehearsal.run(tmp_path / "out", "--weights-dir", str(folder), "--only", "table4")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for begins in ("7be5be79", "a639ec97", "dcbb9e9d", "1378be20", "0cc3c7bd"):
        assert f"SHA-256 begins with {begins}" in done.stderr
    assert "not f37072fd..." in done.stderr
    done = rehearsal.run(tmp_path / "out", "--weights-dir", str(folder), "--weights", "none")
    assert "contradict" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "table5"], "There is no part table5."),
        (["--budget", "huge"], "There is no budget 'huge'."),
        (["--seeds", "0,zero"], "whole numbers"),
        (["--seeds", "1,1"], "twice"),
    ],
)
def test_words_that_mean_nothing_are_refused(rehearsal: Rehearsal, tmp_path: Path, words: list[str], said: str) -> None:
    done = rehearsal.run(tmp_path / "out", *words)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(browser.program() is None, reason="chromium is not installed (tools/setup.sh does)")
def test_its_page_is_whole_on_a_phone_and_at_a_desk(rehearsal: Rehearsal, tmp_path: Path) -> None:
    with browser.tab(tmp_path / "profile") as tab:
        tab.assert_readable(rehearsal.out / "report.html")
    assert (rehearsal.out / "report.html").stat().st_size < 2_000_000
