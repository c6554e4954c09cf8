"""Pages of every kind as commands leave them, in a browser: whole on a phone and at a desk, small, of one file."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import browser
from dom import parse
from drawn_classes import write_colours
from elsewhere_models import dense, labelled
from smoke_build import Said, Smoke

pytestmark = pytest.mark.skipif(browser.program() is None, reason="chromium is not installed (tools/setup.sh does)")
Edgekit = Callable[..., Said]
PIXELS = {"scale": 1 / 255, "zero_point": -128}


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Tab]:
    with browser.tab(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def two_classes(edgekit: Edgekit, smoke: Smoke, folder: Path) -> Said:
    return edgekit("evaluate", smoke.out, "--data", smoke.data, "--report", folder / "r.html")


def float_network(edgekit: Edgekit, smoke: Smoke, folder: Path) -> Said:
    return edgekit("evaluate", smoke.out / "student.onnx", "--data", smoke.data, "--report", folder / "r.html")


def three_classes_in_colour(edgekit: Edgekit, smoke: Smoke, folder: Path) -> Said:
    write_colours(folder / "colours", 12, (32, 32))
    model = labelled(dense((1, 24, 24, 3), 3, softmax=True, **PIXELS), "blue", "green", "red")
    (folder / "m.tflite").write_bytes(model)
    return edgekit("evaluate", folder / "m.tflite", "--data", folder / "colours", "--report", folder / "r.html")


def board(edgekit: Edgekit, smoke: Smoke, folder: Path) -> Said:
    words = ("--port", "desktop", "--model", smoke.out, "--data", smoke.data)
    return edgekit("eval-device", *words, "--report", folder / "r.html")


def regression(edgekit: Edgekit, smoke: Smoke, folder: Path) -> Said:
    (folder / "m.tflite").write_bytes(dense((1, 8), 2))
    rng = np.random.default_rng(0)
    np.savez(folder / "d.npz", x=rng.normal(0, 1, (6, 8)), y=rng.normal(0, 1, (6, 2)))
    return edgekit("evaluate", folder / "m.tflite", "--data", folder / "d.npz", "--report", folder / "r.html")


def compiled(edgekit: Edgekit, smoke: Smoke, folder: Path) -> Said:
    return edgekit(
        "compile", smoke.out / "student_int8.tflite", "--out", folder / "c", "--target", "esp32", "--report",
        folder / "r.html",
    )  # fmt: skip


def compared(edgekit: Edgekit, smoke: Smoke, folder: Path) -> Said:
    card = smoke.out / "card.json"
    return edgekit("compare", card, card, "--report", folder / "r.html")


@pytest.mark.parametrize(
    "made",
    [two_classes, float_network, three_classes_in_colour, board, regression, compiled, compared],
    ids=lambda of: of.__name__,
)
def test_every_page_is_whole_small_and_asks_for_nothing(
    tab: browser.Tab, edgekit: Edgekit, smoke: Smoke, tmp_path: Path, made: Callable[..., Said]
) -> None:
    said = made(edgekit, smoke, tmp_path)
    assert said.code == 0, said.err
    path = tmp_path / "r.html"
    tab.assert_readable(path)
    assert path.stat().st_size < 2_000_000
    tree = parse(path.read_text())
    assert bool(tree.all("input")) == (made in (two_classes, float_network, board))
    medical = made in (two_classes, float_network, board, compared)
    assert tree.all("body")[0].words().count("not a medical device") == medical


def test_the_shipped_reproduction_is_whole_small_and_warns_once(tab: browser.Tab) -> None:
    path = Path(__file__).parents[2] / "models/reproduction/report.html"
    tab.assert_readable(path)
    assert path.stat().st_size < 2_000_000
    assert parse(path.read_text()).all("body")[0].words().count("not a medical device") == 1
