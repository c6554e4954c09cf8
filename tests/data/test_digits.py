"""The digits of scikit-learn."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from edgekit.data.sources import load_splits
from edgekit.recipes.recipe import DataRecipe
from edgekit.values.task import Task


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return load_splits("digits", (16, 16), DataRecipe(), cache_dir=tmp_path_factory.mktemp("cache"))


def test_ten_grey_classes_are_split_with_a_test_set_held_out(digits):
    assert digits.info.task == Task(tuple("0123456789"), noun="handwritten digit")
    parts = (digits.train, digits.val, digits.test)
    assert sum(map(len, parts)) == 1797
    assert abs(len(digits.test) - 0.2 * 1797) < 10
    for part in parts:
        assert set(part.labels) == set(range(10))
        assert part.images.shape[1:] == (16, 16, 1)
    assert len({name for part in parts for name in part.ids}) == 1797
    assert any("one hand may stand in train and in test" in note for note in digits.info.notes)


def test_they_are_the_pictures_of_scikit_learn_enlarged(digits):
    from sklearn.datasets import load_digits

    found = load_digits()
    for name, image, label in list(zip(digits.test.ids, digits.test.images, digits.test.labels, strict=True))[::20]:
        number = int(name[-8:-4])
        assert found.target[number] == label == int(name[0])
        small = np.rint(found.images[number] * 255 / 16).astype(np.uint8)
        assert np.array_equal(image[..., 0], small.repeat(2, axis=0).repeat(2, axis=1))


def test_a_mirrored_digit_is_no_digit_and_nothing_is_medical(digits):
    assert not digits.info.mirror
    assert digits.info.task.domain == ""
    assert not digits.info.synthetic
    assert digits.info.licence.startswith("CC BY 4.0")


def test_without_scikit_learn_a_line_says_what_to_install():
    code = "import sys; sys.modules['sklearn'] = None; from edgekit.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "data", "info", "digits"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first == "error: scikit-learn is not installed, without which there are no digits."
    assert second.startswith("  pip install ")
    assert '[train]"' in second


def test_the_stored_values_reach_from_black_to_white(digits):
    assert (digits.train.images.min(), digits.train.images.max()) == (0, 255)
    assert Image.fromarray(digits.train.images[0, ..., 0]).mode == "L"
