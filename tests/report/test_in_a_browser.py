"""The page where people read it: a phone, a desk, the dark, paper. Chromium measures; nothing here trusts the CSS."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import browser
import specimen
from edgekit.report import render

pytestmark = pytest.mark.skipif(browser.program() is None, reason="chromium is not installed (tools/setup.sh does)")


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Tab]:
    with browser.tab(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    render.write(specimen.page(), path)
    return path


@pytest.mark.parametrize("width", [320, 360, 768, 1200])
def test_the_page_never_scrolls_sideways_and_no_table_is_cut_off_on_a_phone_or_at_a_desk(
    tab: browser.Tab, path: Path, width: int
) -> None:
    tab.open(path, width=width)
    assert tab.value("document.documentElement.scrollWidth") <= width
    assert tab.value("innerWidth") == width
    for box in tab.value(
        "[...document.querySelectorAll('section, figure, pre, .gallery')].map(e => e.getBoundingClientRect().right)"
    ):
        assert box <= width
    assert (tab.value(browser.CUT_OFF) == []) == (width != 768), "a tablet's wide tables scroll in their own box"


def test_a_wide_table_on_a_phone_is_a_list_of_named_figures_and_still_a_table_for_who_listens(
    tab: browser.Tab, path: Path
) -> None:
    tab.open(path, width=420)
    cell = "document.querySelector('.wide td[data-column]')"
    assert tab.value(f"getComputedStyle({cell}, '::before').content") == '"paper: accuracy %"'
    assert tab.value(f"getComputedStyle({cell}).display") == "flex"
    roles = "[...document.querySelectorAll('.wide table, .wide tr, .wide th, .wide td')].map(e => e.role)"
    assert set(tab.value(roles)) == {"table", "row", "columnheader", "rowheader", "cell"}
    tab.open(path, width=1200)
    assert tab.value(f"getComputedStyle({cell}, '::before').content") == "none"
    assert tab.value(f"getComputedStyle({cell}).display") == "table-cell"


def test_a_page_asks_for_itself_alone(tab: browser.Tab, path: Path) -> None:
    tab.open(path)
    assert [url for url in tab.requests if not url.startswith("data:")] == [path.as_uri()]
    assert tab.value("[...document.images].every(i => i.complete && i.naturalWidth > 0)")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1200])
def test_every_text_is_legible_by_day_and_by_night(tab: browser.Tab, path: Path, dark: bool, width: int) -> None:
    tab.open(path, dark=dark, width=width)
    contrasts = tab.value(browser.CONTRASTS)
    assert len(contrasts) > 150
    assert {text for text, ratio in contrasts if ratio < 4.5} == set()


def test_texts_of_drawings_stay_within_them_and_apart_and_are_large_enough_on_a_phone(
    tab: browser.Tab, path: Path
) -> None:
    tab.open(path, width=360)
    assert tab.value(browser.MISPLACED) == []
    heights = tab.value("[...document.querySelectorAll('svg text')].map(e => e.getBoundingClientRect().height)")
    assert min(heights) > 8


@pytest.mark.parametrize(("width", "dark"), [(360, False), (1200, False), (1200, True)])
def test_a_screenshot_shows_a_page_in_the_readers_colours(tab: browser.Tab, path: Path, width: int, dark: bool) -> None:
    tab.open(path, width=width, dark=dark)
    shot = Image.open(io.BytesIO(tab.screenshot()))
    pixels = np.asarray(shot.convert("L"), np.float64)
    assert shot.width == width
    assert pixels.shape[0] > 2000
    assert (np.median(pixels) < 60) == dark
    inked = np.abs(pixels - np.median(pixels)) > 60
    screens = [inked[top : top + 800].mean() for top in range(0, pixels.shape[0] - 800, 800)]
    assert min(screens) > 0.003, "a screen of it is blank"
    for x, y, w, h in tab.value(
        "[...document.querySelectorAll('svg')].map(e => {const b = e.getBoundingClientRect();"
        " return [b.x, b.y + scrollY, b.width, b.height]})"
    ):
        figure = inked[int(y) : int(y + h), int(x) : int(x + w)]
        assert 0.005 < figure.mean() < 0.6, "a figure is blank or a blot"


def test_print_opens_what_is_folded_and_lets_nothing_scroll(tab: browser.Tab, path: Path) -> None:
    shown = "document.querySelector('details pre').checkVisibility({contentVisibilityAuto: true})"
    tab.open(path, width=700)
    assert not tab.value(shown)
    tab.open(path, width=700, media="print", dark=True)
    assert tab.value("document.querySelector('details pre').getBoundingClientRect().height") > 10
    assert tab.value("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"
    assert tab.value("getComputedStyle(document.body).color") == "rgb(27, 31, 36)", "paper is never dark"
    tab.open(path, media="print")
    assert tab.pdf().count(b"/Type /Page\n") >= 3


def test_the_keyboard_reaches_every_box_that_scrolls_and_each_has_a_name(tab: browser.Tab, path: Path) -> None:
    tab.open(path, width=360)
    boxes = tab.value("[...document.querySelectorAll('.scroll, pre')].map(e => [e.tabIndex, e.ariaLabel])")
    assert boxes
    assert all(index == 0 and label for index, label in boxes)
