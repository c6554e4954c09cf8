"""The page of a watch as people see it: Chromium shows what the real firmware answers, picture by picture."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import browser
from watching import Watching

pytestmark = pytest.mark.skipif(browser.program() is None, reason="chromium is not installed (tools/setup.sh does)")

EVIL = "<img src=x onerror=document.title='run'>'\"&amp;.png"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Tab]:
    with browser.tab(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def test_the_page_follows_a_folder_and_its_names_are_text(
    tab: browser.Tab, board: str, watching: Callable[..., Watching], draw: Callable[..., Path], tmp_path: Path
) -> None:
    draw(tmp_path / "in/NORMAL" / EVIL)
    (tmp_path / "in/<b>broken.png").write_bytes(b"no picture")
    process = watching(board, tmp_path / "in", "--json")
    page = process.next()["page"]
    answer = process.next()
    tab.open(page)
    assert tab.until("document.querySelector('#latest .answer')?.textContent") == answer["label"]
    assert f"NORMAL/{EVIL}" in tab.value("document.querySelector('#latest .path').textContent")
    assert tab.until("document.querySelector('#skipped code')?.textContent") == "<b>broken.png"
    for number in range(4):  # without a reload
        draw(tmp_path / f"in/PNEUMONIA/{'long' * 12}{number}.jpg", number)
        process.next()
    tab.until("document.querySelectorAll('#earlier li').length === 4")
    counts = tab.value("[...document.querySelectorAll('#confusion td')].map(cell => Number(cell.textContent))")
    assert (len(counts), sum(counts), sum(counts[:2])) == (4, 5, 1)
    assert "right, 1 not read." in tab.value("document.getElementById('counts').textContent")
    assert tab.value("document.title") == "edgekit watch"
    assert tab.value("document.querySelectorAll('b, img[src=x]').length") == 0
    assert all(url.startswith(page) or url.startswith("data:") for url in tab.requests)

    for width, dark in ((420, False), (420, True), (1200, False), (1200, True)):
        tab.open(page, width=width, dark=dark)
        tab.until("document.querySelectorAll('#earlier li').length === 4")
        tab.until("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
        assert tab.value("document.documentElement.scrollWidth") <= width
        assert {text for text, ratio in tab.value(browser.CONTRASTS) if ratio < 4.5} == set()
    process.press_ctrl_c()
    assert process.end()[0] == 130
    tab.until("!document.getElementById('ended').hidden")
