"""The models that come with edgekit by size, as their cards say."""

import shutil
from pathlib import Path

import pytest

from edgekit.errors import EdgekitError
from edgekit.files import file_sha256
from edgekit.report.frontier import cards_in, frontier_table
from edgekit.values.shipped import shipped

BUDGETS = {"chest_xray_5k": 5_000, "chest_xray_10k": 10_000, "chest_xray_20k": 20_000, "chest_xray": 40_700}


def test_the_shipped_models_keep_their_budgets_and_are_the_files_of_their_cards() -> None:
    cards = cards_in(shipped("models"))
    assert list(cards) == list(BUDGETS)  # and not the model of three classes
    for name, card in cards.items():
        path = shipped("models") / name / card.model.file
        assert path.stat().st_size == card.model.bytes <= BUDGETS[name]
        assert file_sha256(path) == card.model.sha256


def test_a_row_is_a_model_and_the_papers_student_is_last() -> None:
    table = frontier_table(cards_in(shipped("models")))
    assert [row[0] for row in table.rows] == [*(f"`{name}`" for name in BUDGETS), "the paper's student"]
    first = table.rows[0]
    assert first[1] == "4,976"
    assert first[3] is not None
    assert str(first[5]).startswith("0.91")


def test_a_damaged_card_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    shutil.copytree(shipped("models") / "chest_xray_5k", folder)
    (folder / "card.json").write_text("{}", encoding="utf-8")
    with pytest.raises(EdgekitError, match=r"one.card\.json"):
        cards_in(tmp_path)
