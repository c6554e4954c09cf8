"""The threshold that a reader may move: what stands there without a script, and what the script makes of it."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import browser
import specimen
from dom import parse, table_texts
from edgekit.metrics.decisions import sigmoid
from edgekit.metrics.operating_points import OperatingPoints, operating_points
from edgekit.metrics.scores import score
from edgekit.report import render
from edgekit.report.document import Page, Section, Slider
from edgekit.report.pages.sections import Answers, answers_figures
from edgekit.report.pages.threshold import confusion_at, rates_at, threshold_section
from edgekit.report.render_html import html
from edgekit.report.render_json import page_json
from edgekit.report.render_markdown import markdown
from edgekit.values.evaluation import Threshold
from edgekit.values.task import CHEST_XRAY
from two_logits import logits_of

MARGINS, LABELS = specimen.margins(4)
CUT = Threshold(0.8545, 30)
SCALE = 0.06
ANSWERS = Answers("int8", logits_of(MARGINS), CUT, SCALE)


def page() -> Page:
    return Page("t", (Section("Results", sections=(threshold_section(LABELS, ANSWERS, CHEST_XRAY),)),))


def points() -> OperatingPoints:
    return operating_points(ANSWERS.logits, LABELS, CHEST_XRAY, CUT, SCALE)


def test_the_static_tables_are_the_report_at_the_models_own_threshold() -> None:
    report = score(ANSWERS.logits, LABELS, CUT, data=specimen.INFO, runtime="", model_sha256="", scale=SCALE)
    confusion, rates = (table_texts(table) for table in parse(html(page())).all("table"))
    c = report.confusion
    assert [[int(text) for text, _ in row[1:]] for row in confusion] == [[c["tn"], c["fp"]], [c["fn"], c["tp"]]]
    for row, name in zip(rates, ("recall", "specificity", "precision", "accuracy"), strict=True):
        low, high = report.intervals[name]
        assert row[1] == (f"{getattr(report, name):.3f}", f"{low:.3f} to {high:.3f};")
    assert [row[0][0] for row in rates] == ["sensitivity (recall)", "specificity", "precision", "accuracy"]


def test_a_page_says_that_the_slider_chooses_nothing_and_where_the_threshold_came_from() -> None:
    for text in (parse(html(page())).all("main")[0].words(), markdown(page())):
        assert "The slider is for looking. The model's own threshold was chosen on validation" in text
    unchosen = threshold_section(LABELS, Answers("m", ANSWERS.logits, None, SCALE), CHEST_XRAY)
    assert "No threshold was chosen for this model" in markdown(Page("t", (unchosen,)))


def test_only_a_page_with_a_slider_may_run_a_script_and_only_that_one() -> None:
    tree = parse(html(page()))
    (script,) = tree.all("script")
    (policy,) = [node.attributes["content"] for node in tree.all("meta") if "http-equiv" in node.attributes]
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy.split("script-src")[1]
    assert "script" not in html(specimen.page())


def test_json_holds_the_counts_of_every_threshold() -> None:
    (section,) = page_json(page())["sections"][0]["sections"]
    (slider,) = [part for part in section["parts"] if part["kind"] == "slider"]
    assert json.loads(json.dumps(slider))["points"]["missed"] == list(points().missed)


def test_classes_without_a_positive_label_have_the_confidence_of_right_and_wrong_answers_instead() -> None:
    logits, labels = specimen.answers()
    figures = answers_figures(specimen.of_networks(), labels, [Answers("int8", logits, None)])
    (confidence,) = [figure for figure in figures if figure.caption == "Confidence"]
    right = int((logits.argmax(axis=1) == labels).sum())
    assert f"{right} right" in confidence.alt
    assert f"{900 - right} wrong" in confidence.alt
    assert {name: sum(of) for name, of in confidence.data["counts"].items()} == {"right": right, "wrong": 900 - right}
    assert confidence.svg.count("<title>") == sum(
        count > 0 for of in confidence.data["counts"].values() for count in of
    )


def test_the_histogram_counts_every_image_on_its_side_of_the_threshold() -> None:
    figure = next(part for part in threshold_section(LABELS, ANSWERS, CHEST_XRAY).parts if hasattr(part, "svg"))
    edges, counts = np.array(figure.data["edges"]), figure.data["counts"]
    below = edges[1:] <= points().log_odds[points().own] + 1e-9
    assert sum(np.array(counts["NORMAL"])[below]) == points().rejected[points().own]
    assert sum(np.array(counts["PNEUMONIA"])[below]) == points().missed[points().own]
    assert sum(map(sum, counts.values())) == len(LABELS)
    assert figure.alt.startswith("Histogram of the probability of pneumonia by class, threshold ")


def test_scores_that_lie_close_together_have_an_axis_that_can_be_read() -> None:
    close = Answers("int8", logits_of(np.arange(175, 226)), Threshold(0.5663, 216), 0.00124)
    figure = next(
        part for part in threshold_section(np.arange(51) % 2, close, CHEST_XRAY).parts if hasattr(part, "svg")
    )
    assert len(set(re.findall(r">([\d.]+%)<", figure.svg))) >= 3


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Tab]:
    if browser.program() is None:
        pytest.skip("chromium is not installed (tools/setup.sh does)")
    folder = tmp_path_factory.mktemp("threshold")
    render.write(page(), folder / "report.html")
    with browser.tab(folder / "profile") as opened:
        opened.open(folder / "report.html", width=420)
        yield opened


CELLS = "[...document.querySelectorAll('tbody td > span')].map(e => e.innerText.replace(/\\s+/g, ' ').trim())"


def moved(at: int) -> list[str]:
    """The cells of both tables at that threshold, as Python writes them."""
    there = points()
    there = OperatingPoints(
        there.log_odds, there.margins_q, there.missed, there.rejected, at, there.positives, there.negatives
    )
    rows = (*confusion_at(there, CHEST_XRAY).rows, *rates_at(there, CHEST_XRAY).rows)
    cells = [cell for row in rows for cell in row[1:]]
    return [cell if isinstance(cell, str) else f"{cell.text} {cell.detail}" for cell in cells]  # type: ignore[union-attr]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.43, 0.77, 1.0])
def test_the_slider_moves_confusion_rates_and_intervals_to_those_of_python(tab: browser.Tab, share: float) -> None:
    at = round(share * (len(points().missed) - 1))
    tab.value(f"(i => {{i.value = {at}; i.dispatchEvent(new Event('input'))}})(document.querySelector('input'))")
    for shown, expected in zip(tab.value(CELLS), moved(at), strict=True):
        assert re.sub(r"[\d.]+", "#", shown) == re.sub(r"[\d.]+", "#", expected)
        for one, other in zip(re.findall(r"[\d.]+", shown), re.findall(r"[\d.]+", expected), strict=True):
            assert abs(float(one) - float(other)) < 0.11 if "%" in shown else abs(float(one) - float(other)) < 0.0011
    said = tab.value("[...document.querySelectorAll('output')].map(e => e.textContent)")
    assert said[1] == str(points().margins_q[at])
    valued = tab.value("document.querySelector('input').getAttribute('aria-valuetext')")
    assert valued == f"probability of pneumonia {said[0]}"


def test_the_line_of_the_drawing_stands_above_the_thumb(tab: browser.Tab) -> None:
    for share in (0.0, 0.5, 1.0):
        at = round(share * (len(points().missed) - 1))
        tab.value(f"(i => {{i.value = {at}; i.dispatchEvent(new Event('input'))}})(document.querySelector('input'))")
        line = tab.value("(b => b.x + b.width / 2)(document.querySelector('svg .cut').getBoundingClientRect())")
        left, width = tab.value(
            "(b => [b.x, b.width])(document.querySelector('input[type=range]').getBoundingClientRect())"
        )
        thumb = left + 8 + (width - 16) * at / (len(points().missed) - 1)
        assert abs(line - thumb) < 3


def test_the_keyboard_moves_the_slider_and_the_button_takes_it_back(tab: browser.Tab) -> None:
    own = points().own
    before = moved(own)
    tab.value("document.querySelector('.slider button').click()")
    assert tab.value(CELLS) == before
    assert tab.value("document.activeElement.type") == "range", "the button gives the focus back"
    for key, code in (("ArrowRight", 39), ("ArrowRight", 39), ("ArrowLeft", 37)):
        for kind in ("rawKeyDown", "keyUp"):
            tab.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)
    assert tab.value("Number(document.querySelector('input').value)") == own + 1
    assert tab.value("document.querySelector('input').labels.length") == 1


def test_without_a_script_the_page_shows_the_figures_at_the_models_own_threshold(tab: browser.Tab) -> None:
    address = Path(tab.value("decodeURI(location.pathname)"))
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(address, width=420)
        assert not tab.value("document.querySelector('.moved').checkVisibility()")
        assert f"at least {sigmoid(29.5 * SCALE):.4f}." in tab.value("document.querySelector('noscript p').innerText")
        assert tab.value(CELLS) == moved(points().own)
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)


def test_the_section_holds_a_slider_that_json_and_markdown_readers_do_without() -> None:
    parts = threshold_section(LABELS, ANSWERS, CHEST_XRAY).parts
    assert sum(isinstance(part, Slider) for part in parts) == 1
    assert "slider-" not in markdown(page())
