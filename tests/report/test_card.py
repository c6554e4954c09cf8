"""A card comes back as it was written, or not at all."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.data.preprocess import CONTRACT
from edgekit.errors import EdgekitError
from edgekit.files import sha256_of, write_json
from edgekit.metrics.scores import score, spread, spread_by_class
from edgekit.pipeline.loading import load_model, program_of
from edgekit.recipes.reading import recipe_named
from edgekit.report.card import Card, Metrics, load_card, time_facts
from edgekit.report.pages.model import card_markdown
from edgekit.tflite.model import read_tflite
from edgekit.values.codec import to_document
from edgekit.values.images import DataInfo
from edgekit.values.shipped import DEFAULT_MODEL
from edgekit.values.task import CHEST_XRAY, Task

VECTORS = Path(__file__).parents[1] / "vectors" / "version_0_1"


def test_a_card_comes_back_as_it_was_written(card: Card, folder: Path) -> None:
    loaded = load_card(folder)
    assert to_document(loaded) == to_document(card)
    assert loaded.metrics == card.metrics
    assert loaded.stages == card.stages
    assert loaded.input.preprocessing == CONTRACT
    assert loaded.recipe == recipe_named("esp32")
    assert load_card(folder / "card.json") == loaded


def test_the_json_has_the_keys_that_other_programs_read(folder: Path) -> None:
    values = json.loads((folder / "card.json").read_text())
    assert values["threshold"].keys() >= {"probability", "margin_q", "rule"}
    assert values["input"].keys() >= {"height", "width", "channels", "scale", "zero_point"}
    assert values["output"]["classes"] == ["NORMAL", "PNEUMONIA"]
    assert values["seeds"]["auc"].keys() == {"mean", "sd", "min", "max", "values", "low", "high"}
    assert values["metrics"]["test"]["intervals"]["auc"][0] < values["metrics"]["test"]["auc"]


def test_the_card_of_another_model_is_refused(folder: Path) -> None:
    (folder / "student_int8.tflite").write_bytes(b"another model")
    with pytest.raises(EdgekitError, match=r"is not the card of .*student_int8.tflite"):
        load_card(folder)
    (folder / "student_int8.tflite").unlink()
    (folder / "student_int8.tflite").mkdir()
    with pytest.raises(EdgekitError, match=r"student_int8.tflite, the model of .* cannot be read"):
        load_card(folder)


def test_a_model_that_was_renamed_beside_its_card_is_told_which_card_was_looked_at(folder: Path) -> None:
    (folder / "student_int8.tflite").unlink()
    shutil.copy(Path(__file__).parents[1] / "vectors/student/int8.tflite", folder / "m.tflite")
    with pytest.raises(EdgekitError, match=r"card\.json is the card of student_int8\.tflite, and no file") as caught:
        load_model(folder / "m.tflite")
    assert str(folder / "student_int8.tflite") in caught.value.hint


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
        (lambda v: v["model"].update(bytes="many"), "model.bytes takes a whole number, not 'many'"),
        (lambda v: v["model"].update(file="../../etc/passwd"), "model.file must be the name of a file"),
        (lambda v: v["input"].update(scale=None), "input.scale takes a number, not null"),
        (lambda v: v["input"].update(scale=0), "input.scale=0 is out of range"),
        (lambda v: v["threshold"].update(probability=1.5), "threshold.probability=1.5 is out of range"),
        (lambda v: v["threshold"].update(margin_q=True), "threshold.margin_q takes a whole number, not true"),
        (lambda v: v["metrics"]["test"]["intervals"].update(auc=[0.5]), "intervals.auc has another number of values"),
        (lambda v: v.update(stages="none"), "stages takes a list, not 'none'"),
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


@pytest.mark.parametrize(
    "content", [b"", b"[1, 2]", b"{", b"\xff\xfe\x00", b"null", b"[" * 10_000, b'{"a": NaN}', b"9" * 5_000]
)
def test_a_file_that_is_no_card_is_said_to_be_none(folder: Path, content: bytes) -> None:
    (folder / "card.json").write_bytes(content)
    with pytest.raises(EdgekitError, match=r"card.json is not a valid card"):
        load_card(folder)


def test_all_faults_of_a_card_are_told_at_once(folder: Path) -> None:
    path = folder / "card.json"
    values = json.loads(path.read_text())
    del values["made_on"]
    values["recipe"]["teach"]["fit"]["epochs"] = 0
    path.write_text(json.dumps(values))
    with pytest.raises(EdgekitError, match=r"recipe.teach.fit.epochs=0 is out of range; made_on is missing") as caught:
        load_card(path)
    assert len(str(caught.value).splitlines()) == 2


def test_a_card_of_version_0_1_is_read_as_one_of_the_chest_x_ray_task(folder: Path) -> None:
    values = json.loads((VECTORS / "card.json").read_text())
    assert "schema_version" not in values
    values["model"]["sha256"] = sha256_of((folder / "student_int8.tflite").read_bytes())
    values["recipe"]["teach"]["networks"] = ["compact", "vgg_slim"]
    (folder / "card.json").write_text(json.dumps(values))
    card = load_card(folder)
    assert card.data.task == card.metrics.test.task == CHEST_XRAY
    assert {row.report.task for row in card.stages if row.report} == {CHEST_XRAY}
    assert card.recipe.teach.networks == ("resnet_tiny", "vgg_slim")
    assert card.metrics.test.auc == values["metrics"]["test"]["auc"]


def test_a_card_of_a_later_edgekit_is_refused_with_what_to_do(folder: Path) -> None:
    path = folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 2, "metrics": "another shape"}))
    with pytest.raises(EdgekitError, match=r"card.json is a card of schema_version 2; this edgekit reads up to 1") as e:
        load_card(path)
    assert "get that one, from where you have this one" in e.value.hint


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


PETS = DataInfo("pets", "0" * 64, False, Task(("cat", "dog", "newt"), noun="photo"))


def of_three(card: Card) -> Card:
    """The card, of a model that tells three classes apart."""
    labels = np.arange(60) % 3
    report = score(
        np.eye(3)[labels] + np.eye(3)[np.arange(60) % 4 % 3], labels, None, runtime="tflm", data=PETS,
        model_sha256=card.model.sha256,
    )  # fmt: skip
    return dataclasses.replace(
        card, data=PETS, threshold=None, metrics=Metrics(report, report), seeds=spread([report] * 3),
        seeds_by_class=spread_by_class([report] * 3), use="any", disclaimer="",
        stages=tuple(dataclasses.replace(row, report=report) for row in card.stages),
        output=dataclasses.replace(card.output, classes=PETS.task.labels),
    )  # fmt: skip


def test_a_card_whose_greatest_logit_decides_has_no_threshold_and_comes_back(card: Card, folder: Path) -> None:
    three = of_three(card)
    write_json(folder / "card.json", to_document(three))
    assert json.loads((folder / "card.json").read_text())["threshold"] is None
    loaded = load_card(folder)
    assert to_document(loaded) == to_document(three)
    assert loaded.cut() is None
    text = card_markdown(loaded)
    for words in (
        "| newt |",
        "macro AUC",
        "recall, mean ± sd of 3 seeds",
        "Each stage by its greatest logit",
        "says newt",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"threshold": {"probability": 0.5, "margin_q": 1, "rule": "x"}}, "its threshold is of no use: argmax decides"),
        ({"output": {"scale": 0.1, "zero_point": 0, "classes": ["cat", "dog"]}}, "output.classes are cat, dog, its"),
        ({"matrix": [[1, 2], [3, 4]]}, "the matrix of its metrics is not 3 x 3"),
        ({"task": {"labels": ["cat", "dog", "fox"]}}, "its metrics are of another task than its data"),
    ],
)
def test_a_card_of_three_classes_that_contradicts_itself_is_refused(
    card: Card, folder: Path, change: dict[str, Any], words: str
) -> None:
    values = to_document(of_three(card))
    inner = values["metrics"]["test"]
    (inner if change.keys() & inner.keys() - {"threshold"} else values).update(change)
    write_json(folder / "card.json", values)
    with pytest.raises(EdgekitError, match=words):
        load_card(folder)


def test_a_card_of_two_classes_without_its_threshold_is_refused(card: Card, folder: Path) -> None:
    write_json(folder / "card.json", {**to_document(card), "threshold": None})
    with pytest.raises(EdgekitError, match="its threshold is missing: threshold decides"):
        load_card(folder)


def test_a_card_of_before_there_were_many_classes_reads_as_it_did(card: Card, folder: Path) -> None:
    values = to_document(card)
    del values["seeds_by_class"]
    for report in (*values["metrics"].values(), *filter(None, (row["report"] for row in values["stages"]))):
        del report["classes"], report["matrix"]
    for figure in values["seeds"].values():
        del figure["low"], figure["high"]
    write_json(folder / "card.json", values)
    loaded = load_card(folder)
    assert (loaded.seeds_by_class, loaded.metrics.test.matrix) == ({}, ())
    assert card_markdown(loaded) == card_markdown(card)


def test_the_time_of_the_compiled_model_is_told_and_called_an_estimate(card: Card, folder: Path) -> None:
    program = program_of(read_tflite(Path(__file__).parents[1] / "vectors/student/int8.tflite"))
    assert program is not None
    timed = dataclasses.replace(card, time=time_facts(program))
    assert timed.time is not None
    assert timed.time.estimated_ms > 0
    write_json(folder / "card.json", to_document(timed))
    assert load_card(folder).time == timed.time
    text = card_markdown(timed)
    assert f"Time: {timed.time.estimated_ms:,.1f} ms an image, estimated" in text
    assert "no chip has run it" in text


def test_a_card_of_an_older_version_says_nothing_of_time(card: Card, folder: Path) -> None:
    values = to_document(card)
    del values["time"]
    write_json(folder / "card.json", values)
    loaded = load_card(folder)
    assert loaded.time is None
    assert "Time:" not in card_markdown(loaded)


def test_the_shipped_cards_time_is_what_this_compiler_estimates() -> None:
    card = load_card(DEFAULT_MODEL.parent)
    program = program_of(read_tflite(DEFAULT_MODEL))
    assert program is not None
    assert program.estimate is not None
    assert card.time is not None
    told = "run tools/readme_figures --estimate"
    assert card.time.estimated_ms == pytest.approx(program.estimate.total_ms, rel=0.1), told
