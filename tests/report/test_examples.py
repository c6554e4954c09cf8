"""Which images are shown with what their answers hang on, and what is said of them."""

import io

import numpy as np
import pytest
from PIL import Image

from edgekit.metrics.decisions import decide
from edgekit.pipeline.examples import examples_of
from edgekit.report.document import Bullets, Gallery, Page
from edgekit.report.pages.examples import chosen, examples_section
from edgekit.report.pages.sections import Answers
from edgekit.report.render_html import html
from edgekit.values.evaluation import Threshold
from edgekit.values.images import DataInfo, ImageSet
from edgekit.values.task import CHEST_XRAY, Task
from two_logits import logits_of

CUT = Threshold(0.5, 1)
RNG = np.random.default_rng(3)


def images_of(labels: np.ndarray, channels: int = 1, side: int = 30) -> ImageSet:
    pixels = RNG.integers(0, 256, (len(labels), side, side, channels)).astype(np.uint8)
    ids = tuple(f"test/{number:03d}.png" for number in range(len(labels)))
    return ImageSet(pixels, labels, ids, ids)


def of_two() -> tuple[np.ndarray, Answers]:
    labels = np.arange(40) % 2
    margins = np.where(labels, 20, -20) + RNG.integers(-30, 30, 40)
    return labels, Answers("int8", logits_of(margins), CUT, 0.1)


def test_the_surest_mistakes_of_each_class_are_chosen_and_as_many_right_ones() -> None:
    labels, answers = of_two()
    wrong, right = chosen(labels, answers, CHEST_XRAY)
    called, margins = decide(answers.logits, CHEST_XRAY, CUT), answers.logits[:, 1]
    for label in (0, 1):
        mistakes = np.flatnonzero((labels == label) & (called != label))
        surest = sorted(mistakes, key=lambda row: -abs(margins[row]))[:2]
        assert sorted(abs(margins[row]) for row in wrong if labels[row] == label) == sorted(abs(margins[surest]))
        assert sum(labels[row] == label for row in right) == 2
    assert all(called[row] != labels[row] for row in wrong)
    assert all(called[row] == labels[row] for row in right)


def test_right_ones_are_drawn_the_same_every_time_and_not_by_their_score() -> None:
    labels, answers = of_two()
    again = Answers("int8", answers.logits * 2, CUT, 0.1)
    assert chosen(labels, answers, CHEST_XRAY)[1] == chosen(labels, again, CHEST_XRAY)[1]


@pytest.mark.parametrize(("classes", "each"), [(3, 1), (4, 1), (9, 0)])
def test_many_classes_share_four_of_each_kind(classes: int, each: int) -> None:
    labels = np.arange(90) % classes
    logits = RNG.normal(0, 1, (90, classes)) + 1.5 * np.eye(classes)[labels]
    task = Task(tuple(f"class {n}" for n in range(classes)))
    wrong, right = chosen(labels, Answers("m", logits, None), task)
    assert len(wrong) == len(right) == (each * classes or 4)
    if each:
        assert sorted(labels[list(wrong)]) == list(range(classes))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_page_shows_each_as_the_model_sees_it_and_under_its_map(channels: int) -> None:
    labels, answers = of_two()
    images = images_of(labels, channels)
    info = DataInfo("made", "0", False, Task(CHEST_XRAY.labels, channels, positive="PNEUMONIA"), licence="CC0")

    def ask(seen: np.ndarray) -> np.ndarray:
        return logits_of(seen[:, :10, 20:].mean(axis=(1, 2, 3)).astype(np.int64))

    found = examples_of(images, answers, info.task, ask, "tflm")
    assert found is not None
    section = examples_section(images, answers, info, found)
    wrong, right = (part for part in section.parts if isinstance(part, Gallery))
    assert [len(part.pictures) for part in (wrong, right)] == [len(found.wrong), len(found.right)]
    assert "2 that the model was surest of" in wrong.caption
    assert "drawn at random (seed 0)" in right.caption
    maps = dict(zip((*found.wrong, *found.right), found.maps, strict=True))
    for part, rows in ((wrong, found.wrong), (right, found.right)):
        assert part.notes == ("Licence and attribution: CC0",)
        for picture, row in zip(part.pictures, rows, strict=True):
            shown = np.asarray(Image.open(io.BytesIO(picture.content)), np.float64)
            assert shown.shape == (120, 240, 3)
            seen = np.repeat(np.repeat(images.images[row], 4, axis=0), 4, axis=1)
            assert np.abs(shown[:, :120].mean(axis=2) - seen.mean(axis=2)).mean() < 12, "JPEG apart, the image"
            assert np.ptp(shown[:40, 200:], axis=2).max() > 60, "the place that the model looks at is coloured"
            assert images.ids[row] in picture.alt
            assert "hangs most on the upper right" in picture.alt or maps[row].max() <= 0
    said = html(Page("t", (section,)))
    assert "neither why nor whether that is the right place to look" in said
    assert "desktop, tflm interpreter" in said
    assert said.count("data:image/jpeg") == 8


def test_a_model_without_mistakes_says_so() -> None:
    labels = np.arange(8) % 2
    answers = Answers("int8", logits_of(np.where(labels, 9, -9)), CUT, 0.1)
    images, info = images_of(labels), DataInfo("made", "0", False, CHEST_XRAY)
    found = examples_of(images, answers, CHEST_XRAY, lambda seen: logits_of(np.zeros(len(seen), np.int64)), "tflm")
    assert found is not None
    assert found.wrong == ()
    (said,) = (part for part in examples_section(images, answers, info, found).parts if isinstance(part, Bullets))
    assert said.items[0].endswith("surest of: none.")


def test_what_is_no_picture_has_no_examples() -> None:
    labels, answers = of_two()
    values = ImageSet(np.zeros((40, 8), np.int8), labels, images_of(labels).ids, images_of(labels).ids)
    assert examples_of(values, answers, CHEST_XRAY, lambda seen: seen, "tflm") is None
    assert examples_of(images_of(labels), None, None, lambda seen: seen, "tflm") is None
