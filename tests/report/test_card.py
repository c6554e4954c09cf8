"""A card comes back as it was written, or not at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgekit.data.preprocess import CONTRACT
from edgekit.errors import EdgekitError
from edgekit.recipes.builtin import ESP32
from edgekit.recipes.reading import from_dict
from edgekit.report.card import Card, card_json, load_card
from edgekit.report.pages.model import card_markdown


def test_a_card_comes_back_as_it_was_written(card: Card, folder: Path) -> None:
    loaded = load_card(folder)
    assert card_json(loaded) == card_json(card)
    assert loaded.metrics == card.metrics
    assert loaded.stages == card.stages
    assert loaded.input.preprocessing == CONTRACT
    assert from_dict(loaded.recipe) == ESP32
    assert load_card(folder / "card.json") == loaded


def test_the_json_has_the_keys_that_other_programs_read(folder: Path) -> None:
    values = json.loads((folder / "card.json").read_text())
    assert values["threshold"].keys() >= {"probability", "margin_q", "rule"}
    assert values["input"].keys() >= {"height", "width", "channels", "scale", "zero_point"}
    assert values["output"]["classes"] == ["NORMAL", "PNEUMONIA"]
    assert values["seeds"]["auc"].keys() == {"mean", "sd", "min", "max", "values"}
    assert values["metrics"]["test"]["intervals"]["auc"][0] < values["metrics"]["test"]["auc"]


def test_the_card_of_another_model_is_refused(folder: Path) -> None:
    (folder / "student_int8.tflite").write_bytes(b"another model")
    with pytest.raises(EdgekitError, match=r"is not the card of .*student_int8.tflite"):
        load_card(folder)
    (folder / "student_int8.tflite").unlink()
    with pytest.raises(EdgekitError, match=r"student_int8.tflite, the model of .* cannot be read"):
        load_card(folder)


def test_a_missing_card_is_named(tmp_path: Path) -> None:
    with pytest.raises(EdgekitError, match=r"There is no card at .*card.json") as caught:
        load_card(tmp_path)
    assert "build-model" in caught.value.hint


def _without(path: str) -> Callable[[dict[str, Any]], Any]:
    def change(values: dict[str, Any]) -> Any:
        *outer, last = path.split(".")
        node = values
        for name in outer:
            node = node[name]
        del node[last]

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_without("model.sha256"), "model.sha256 is missing"),
        (_without("metrics.test.confusion.tp"), "lack tp"),
        (lambda v: v["model"].update(bytes="many"), "model.bytes must be a whole number"),
        (lambda v: v["model"].update(file="../../etc/passwd"), "model.file must be a plain file name"),
        (lambda v: v["input"].update(scale=None), "input.scale must be a positive number"),
        (lambda v: v["threshold"].update(probability=1.5), "threshold.probability must lie between"),
        (lambda v: v["threshold"].update(margin_q=True), "threshold.margin_q must be a whole number"),
        (lambda v: v["metrics"]["test"]["intervals"].update(auc=[0.5]), "intervals.auc must have 2 values"),
        (lambda v: v.update(stages="none"), "stages must be a list"),
    ],
)
def test_a_field_that_is_missing_or_wrong_is_named(
    folder: Path, change: Callable[[dict[str, Any]], Any], named: str
) -> None:
    path = folder / "card.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    with pytest.raises(EdgekitError, match=named):
        load_card(path)


@pytest.mark.parametrize("content", [b"", b"[1, 2]", b"{", b"\xff\xfe\x00", b"null"])
def test_a_file_that_is_no_card_is_said_to_be_none(folder: Path, content: bytes) -> None:
    (folder / "card.json").write_bytes(content)
    with pytest.raises(EdgekitError, match=r"card.json is no valid card"):
        load_card(folder)


def test_the_page_has_results_before_limits_and_how_to_make_it_again(card: Card) -> None:
    page = card_markdown(card)
    places = [page.index(part) for part in ("## Results", "## Intended use and limits", "## How to make it again")]
    assert places == sorted(places)
    test = card.metrics.test
    low, high = test.intervals["auc"]
    for part in (
        f"{test.auc:.3f} ({low:.3f} to {high:.3f})",
        "synthetic phantoms",
        "Research demonstration, not a medical device.",
        "Nothing in this card was measured on a real board",
        CONTRACT,
        card.command,
        "| licence and attribution | CC0 |",
        "at least 4",
        card.model.sha256,
    ):
        assert part in page
    tables = [line for line in page.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)
