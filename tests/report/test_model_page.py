"""The report that a real build leaves: what it shows is what the card says and what the model answered."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import browser
from dom import Node, parse
from edgekit.metrics.scores import METRICS
from edgekit.report.card import Card, load_card
from edgekit.report.tables import label, number
from edgekit.values.codec import to_json
from smoke_build import Said, Smoke


@pytest.fixture(scope="module")
def tree(smoke: Smoke) -> Node:
    return parse((smoke.out / "report.html").read_text())


@pytest.fixture(scope="module")
def card(smoke: Smoke) -> Card:
    return load_card(smoke.out)


def cells(tree: Node, caption: str) -> list[list[str]]:
    (table,) = [table for table in tree.all("table") if caption in table.all("caption")[0].words()]
    return [[cell.words() for cell in row.all("th", "td")] for row in table.all("tbody")[0].all("tr")]


def drawing(tree: Node, word: str) -> str:
    (alt,) = [svg.attributes["aria-label"] for svg in tree.all("svg") if word in svg.attributes["aria-label"]]
    return alt


def test_every_figure_of_the_card_is_in_the_report(tree: Node, card: Card) -> None:
    rows = {row[0]: row for row in cells(tree, "The int8 model")}
    for name in METRICS:
        low, high = card.metrics.test.intervals[name]
        assert rows[label(name)][1] == f"{number(getattr(card.metrics.test, name))}{low:.3f} to {high:.3f}"
        assert rows[label(name)][2].startswith(number(getattr(card.metrics.validation, name)))
    assert [row[0] for row in cells(tree, "Each stage")] == [stage.name for stage in card.stages]
    (confusion,) = [
        svg.attributes["aria-label"] for svg in tree.all("svg") if "Confusion" in svg.attributes["aria-label"]
    ]
    c = card.metrics.test.confusion
    assert [int(n) for n in re.findall(r": (\d+) called NORMAL, (\d+) called", confusion)[0]] == [c["tn"], c["fp"]]
    assert [int(n) for n in re.findall(r": (\d+) called NORMAL, (\d+) called", confusion)[1]] == [c["fn"], c["tp"]]


def test_it_has_every_part_that_a_reader_may_ask_for(tree: Node, card: Card) -> None:
    drawn = " ".join(svg.attributes["aria-label"] for svg in tree.all("svg"))
    for part in (
        "ROC curve",
        "Reliability diagram",
        "against alpha",
        "Memory plan",
        "Bar chart of ms",
        "TFLM arena",
    ):
        assert part in drawn
    words = tree.all("main")[0].words()
    assert card.command in words
    assert card.model.sha256 in words
    assert f"{card.model.arena_bytes:,}" in drawn
    assert all(
        f"{name} {version}" in words.replace(name, f"{name} ") or version in words
        for name, version in card.versions.items()
    )
    assert "synthetic" in tree.all("header")[0].words()
    (recipe,) = tree.all("details")
    assert json.loads(recipe.all("pre")[0].text) == to_json(card.recipe)


def test_every_misclassified_film_is_shown_with_its_licence(tree: Node, card: Card, smoke: Smoke) -> None:
    c = card.metrics.test.confusion
    (section,) = [s for s in tree.all("section") if s.attributes["id"] == "misclassified-chest-x-rays"]
    shown = [image.attributes["alt"] for image in section.all("img")]
    assert len(shown) == min(24, c["fp"]) + min(24, c["fn"])
    assert sum("/NORMAL/" in alt for alt in shown) == min(24, c["fp"])
    assert all(("Normal, called pneumonia" in alt) == ("/NORMAL/" in alt) for alt in shown)
    assert card.data.licence in section.words()


def test_the_audit_is_that_of_data_info(tree: Node, smoke: Smoke, edgekit: Callable[..., Said]) -> None:
    found = edgekit("data", "info", smoke.data, "--json").json
    rows = {row[0]: row for row in cells(tree, "Audit")}
    counts = found["counts"]
    assert isinstance(counts, dict)
    for split, by_class in counts.items():
        assert rows[split][1:3] == [f"{by_class['NORMAL']:,}", f"{by_class['PNEUMONIA']:,}"]
    assert str(found["info"]["fingerprint"]) in tree.all("main")[0].words()  # type: ignore[index]


def test_the_pruning_curve_is_the_one_that_the_stage_kept(tree: Node, card: Card, smoke: Smoke) -> None:
    (kept,) = (smoke.out / ".stages").glob("prune-0-*.npz")
    curve = np.load(kept)["curve"]
    (alt,) = [
        svg.attributes["aria-label"] for svg in tree.all("svg") if "against alpha" in svg.attributes["aria-label"]
    ]
    first = curve[np.isfinite(curve[:, 0])][0]
    assert f"validation: {first[2]:.1%} at {first[0]:g}" in alt
    assert f"zeroed: {first[1]:.1%} at {first[0]:g}" in alt
    assert re.search(r"validation chose (alpha (1|4)|not to prune)", alt)


@pytest.mark.skipif(browser.program() is None, reason="chromium is not installed (tools/setup.sh does)")
def test_it_is_readable_and_small(smoke: Smoke, tmp_path: Path) -> None:
    with browser.tab(tmp_path / "profile") as tab:
        tab.assert_readable(smoke.out / "report.html")
    assert (smoke.out / "report.html").stat().st_size < 2_000_000
