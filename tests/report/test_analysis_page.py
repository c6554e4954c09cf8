"""What people read of a model's losses, layer by layer."""

import math

from edgekit.report.pages.analysis import analysis_page, analysis_parts
from edgekit.report.render_html import html
from edgekit.values.analysis import Analysis, LayerLoss
from terminal import printed

INPUT = LayerLoss(-1, "input", (1, 8, 8, 1), math.inf, 151.0, None, math.inf, 0.0, 0.0, 1.0)
CONV = LayerLoss(0, "DEPTHWISE_CONV_2D", (1, 112, 112, 32), 38.2, 39.1, 45.0, 42.0, 0.75, 0.012, 0.33)
FULL = LayerLoss(1, "FULLY_CONNECTED", (1, 2), 37.0, 40.0, 45.0, 46.8, 0.25, 0.0, 0.9)
FOUND = Analysis(
    "ab" * 32, "cd" * 32, "phantom", True, 64, "tflm", (INPUT, CONV, FULL), 37.0, 0.125, 0.984, ("A note.",),
    "Research demonstration.",
)  # fmt: skip


def test_the_table_shows_each_layer_and_the_sentence_names_the_one_that_loses_most() -> None:
    text = printed(analysis_parts(FOUND), 140)
    for words in (
        "64 of phantom (drawn by a program)", "0 DEPTHWISE_CONV_2D", "1x112x112x32", "38.2", "75.00", "1.20", "33.00",
        "exact", "37.0 dB; 99 % within 0.125 standard deviations", "98.40", "desktop, tflm interpreter",
        "layer 0, DEPTHWISE_CONV_2D: 75%. Without it the output would have some 43.0 dB", "- A note.",
        "Research demonstration.",
    ):  # fmt: skip
        assert words in text, words
    assert all(len(line) <= 80 for line in printed(analysis_parts(FOUND), 80).splitlines())


def test_a_model_that_loses_nothing_is_said_to() -> None:
    lossless = LayerLoss(-1, "input", (1, 4), math.inf, math.inf, None, math.inf, math.nan, 0.0, math.nan)
    perfect = Analysis("a", "b", "digits", False, 9, "litert", (lossless,), math.inf, 0.0, math.nan)
    text = printed(analysis_parts(perfect))
    assert "Nothing is lost" in text
    assert "same greatest output" not in text


def test_the_page_says_that_the_images_were_drawn() -> None:
    page = html(analysis_page(FOUND))
    assert page.count("synthetic phantoms") == page.count(FOUND.domain) == 1
    assert "DEPTHWISE_CONV_2D" in page
