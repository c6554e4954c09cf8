"""The drawn shapes: five classes of which colour alone tells some apart."""

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from edgekit.data import shapes_drawing
from edgekit.data.sources import load_splits, open_catalogue
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import DataRecipe

LABELS = shapes_drawing.LABELS


def draw(label: str, seed: int) -> Image.Image:
    return Image.fromarray(shapes_drawing.draw(np.random.default_rng(seed), LABELS.index(label)))


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    return load_splits("shapes:3:1000", (32, 32), DataRecipe(), cache_dir=tmp_path_factory.mktemp("cache"))


def test_five_classes_of_rgb_are_drawn_alike_often_and_called_synthetic(shapes):
    assert shapes.info.task.labels == ("green disc", "green square", "red disc", "red square", "triangle")
    assert (shapes.info.task.channels, shapes.info.task.positive, shapes.info.task.domain) == (3, "", "")
    assert shapes.info.synthetic
    assert (len(shapes.train) + len(shapes.val), len(shapes.test)) == (1000, 250)
    assert np.bincount(shapes.test.labels).tolist() == [50] * 5
    assert shapes.train.images.shape[1:] == (32, 32, 3)
    assert not any("patient" in note or "medicine" in note for note in shapes.info.notes)


@pytest.mark.parametrize("shape", ["disc", "square"])
def test_a_red_and_a_green_shape_are_one_grey_picture_byte_for_byte(shape):
    for seed in range(60):
        red, green = draw(f"red {shape}", seed), draw(f"green {shape}", seed)
        assert red.convert("L").tobytes() == green.convert("L").tobytes()
        assert np.abs(np.subtract(red, green, dtype=np.int16)).max() > 60


def test_the_three_shapes_differ_in_grey_too():
    for seed in range(10):
        assert len({draw(label, seed).convert("L").tobytes() for label in LABELS}) == 3


def told_apart(shapes, pixels) -> float:
    """How often a linear classifier of the given view of the pictures tells red from green, on the test set."""

    def seen(part):
        rows = np.flatnonzero(part.labels < 4)
        return pixels(part.images[rows]).reshape(len(rows), -1) / 255, part.labels[rows] >= 2

    return LogisticRegression(C=0.05, max_iter=500).fit(*seen(shapes.train)).score(*seen(shapes.test))


def test_red_is_told_from_green_by_colour_and_not_beyond_chance_in_grey(shapes):
    assert told_apart(shapes, lambda images: images.reshape(len(images), 8, 4, 8, 4, 3).mean(axis=(2, 4))) > 0.9

    def grey(images):
        return np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in images])

    assert abs(told_apart(shapes, grey) - 0.5) < 0.12  # 200 pictures: three standard errors are 0.11


def test_colour_alone_does_not_do_it_either():
    means = {label: np.mean([np.asarray(draw(label, seed)).mean((0, 1)) for seed in range(200)], 0) for label in LABELS}
    assert np.abs(means["red disc"] - means["red square"]).max() < 3


def test_the_seed_decides_every_pixel():
    word = open_catalogue("shapes:5:100")
    again, other = open_catalogue("shapes:5:100"), open_catalogue("shapes:6:100")
    assert word.info == again.info
    assert word.info.fingerprint != other.info.fingerprint
    images = [catalogue.open_images()(3).tobytes() for catalogue in (word, again, other)]
    assert images[0] == images[1] != images[2]
    assert open_catalogue("shapes").info == open_catalogue("shapes:0:2000").info


def test_too_few_are_refused():
    with pytest.raises(EdgekitError, match="shapes:0:99 is too small") as caught:
        open_catalogue("shapes:0:99")
    assert "100 images" in caught.value.hint
