"""The page where people read it: a phone, a desk, the dark, paper. Chromium measures; nothing here trusts the CSS."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import specimen
from PIL import Image

import browser
from edgekit.report import render

pytestmark = pytest.mark.skipif(browser.program() is None, reason="chromium is not installed (tools/setup.sh does)")

# For each text with letters: its contrast (WCAG 2.1) with the nearest background behind it. Text over a coloured patch
# of a drawing is judged by the patch as painted.
CONTRASTS = """(() => {
  const rgb = text => { const m = text.match(/[\\d.]+/g).map(Number); return [m[0], m[1], m[2], m[3] ?? 1]; };
  const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3]));
  const light = c => c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c[3] === 1) return c.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    if (e.tagName === 'title' || !e.checkVisibility()) continue;
    const style = getComputedStyle(e);
    let back = behind(e);
    if (e.tagName === 'text') {
      const box = e.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
      for (const r of e.closest('svg').querySelectorAll('rect.bar')) {
        const b = r.getBoundingClientRect();
        if (b.left <= x && x <= b.right && b.top <= y && y <= b.bottom && !(r.compareDocumentPosition(e) & 2)) {
          const fill = rgb(getComputedStyle(r).fill);
          fill[3] = Number(getComputedStyle(r).fillOpacity);
          back = over(fill, back);
        }
      }
      found.push([e.textContent, ratio(over(rgb(style.fill), back), back)]);
    } else found.push([e.textContent.trim().slice(0, 40), ratio(over(rgb(style.color), back), back)]);
  }
  return found;
})()"""

# Texts of drawings that leave their drawing, or lie on one another.
MISPLACED = """(() => {
  const found = [];
  for (const svg of document.querySelectorAll('svg')) {
    const all = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].map(e => [e.textContent, e.getBoundingClientRect()]);
    texts.forEach(([text, b], i) => {
      if (b.left < all.left - 1 || b.right > all.right + 1 || b.top < all.top - 1 || b.bottom > all.bottom + 1)
        found.push(text + ' leaves its drawing');
      for (const [other, o] of texts.slice(i + 1)) {
        const wide = Math.min(b.right, o.right) - Math.max(b.left, o.left);
        const high = Math.min(b.bottom, o.bottom) - Math.max(b.top, o.top);
        if (wide > 2 && high > 5) found.push(text + ' lies on ' + other);
      }
    });
  }
  return found;
})()"""


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
def test_the_page_never_scrolls_sideways_and_wide_tables_scroll_in_their_own_box(
    tab: browser.Tab, path: Path, width: int
) -> None:
    tab.open(path, width=width)
    assert tab.value("document.documentElement.scrollWidth") <= width
    assert tab.value("innerWidth") == width
    for box in tab.value(
        "[...document.querySelectorAll('section, figure, pre, .gallery')].map(e => e.getBoundingClientRect().right)"
    ):
        assert box <= width
    wide, shown = tab.value("(b => [b.scrollWidth, b.clientWidth])(document.querySelector('.scroll'))")
    assert (wide > shown + 1) == (width < 900)


def test_a_page_asks_for_itself_alone(tab: browser.Tab, path: Path) -> None:
    tab.open(path)
    assert [url for url in tab.requests if not url.startswith("data:")] == [path.as_uri()]
    assert tab.value("[...document.images].every(i => i.complete && i.naturalWidth > 0)")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1200])
def test_every_text_is_legible_by_day_and_by_night(tab: browser.Tab, path: Path, dark: bool, width: int) -> None:
    tab.open(path, dark=dark, width=width)
    contrasts = tab.value(CONTRASTS)
    assert len(contrasts) > 150
    assert {text for text, ratio in contrasts if ratio < 4.5} == set()


def test_texts_of_drawings_stay_within_them_and_apart_and_are_large_enough_on_a_phone(
    tab: browser.Tab, path: Path
) -> None:
    tab.open(path, width=360)
    assert tab.value(MISPLACED) == []
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
