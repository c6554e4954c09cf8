"""What an answer hangs on: known of models that look at one place alone."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.metrics.occlusion import occlusion, window_of


def looks_at(top: int, left: int, size: int) -> Any:
    """Logits of two classes: the second's is the brightness of one place, in int8 steps."""

    def ask(images: NDArray[Any]) -> NDArray[Any]:
        seen = images[:, top : top + size, left : left + size].mean(axis=(1, 2, 3))
        return np.stack([np.zeros(len(images)), seen], axis=1).astype(np.int64)

    return ask


def bright_spot(top: int, left: int, size: int, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    image = np.full(shape, 10, np.uint8)
    image[top : top + size, left : left + size] = 250
    return image


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("top", "left"), [(0, 0), (30, 6), (52, 34)])
def test_the_map_is_greatest_where_the_model_looks_and_nothing_elsewhere(top: int, left: int, channels: int) -> None:
    image = bright_spot(top, left, 8, (60, 42, channels))
    found = occlusion(looks_at(top, left, 8), image, 1, scale=0.1)
    assert found.shape == (60, 42)
    side = window_of(60, 42)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert top - 1 <= row <= top + 8
    assert left - 1 <= column <= left + 8
    far = np.ones(found.shape, bool)
    far[max(0, top - side) : top + 8 + side, max(0, left - side) : left + 8 + side] = False
    assert np.all(found[far] == 0)
    assert found.max() > 10


def test_what_speaks_against_an_answer_is_negative() -> None:
    image = bright_spot(20, 20, 8, (48, 48, 1))
    ask = looks_at(20, 20, 8)
    np.testing.assert_allclose(occlusion(ask, image, 0, 0.1), -occlusion(ask, image, 1, 0.1))


def test_the_scale_of_an_int8_output_is_that_of_the_map() -> None:
    image, ask = bright_spot(20, 20, 8, (48, 48, 1)), looks_at(20, 20, 8)
    np.testing.assert_allclose(2 * occlusion(ask, image, 1, 0.1), occlusion(ask, image, 1, 0.2))


def test_every_pixel_is_covered_at_least_once_in_images_of_any_size() -> None:
    def ask(images: NDArray[Any]) -> NDArray[Any]:
        changed = (images != images[:1]).any(axis=3).any(axis=0)
        assert changed.all()
        return np.zeros((len(images), 2))

    rng = np.random.default_rng(0)
    for height, width in ((8, 8), (24, 31), (96, 40), (5, 3)):
        image = rng.choice(np.array([0, 255], np.uint8), (height, width, 1))
        assert not occlusion(ask, image, 0).any()
