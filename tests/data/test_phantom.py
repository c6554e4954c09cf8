"""The drawn chest radiographs."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.data.sources import load_splits, open_catalogue
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import DataRecipe


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    return load_splits("phantom:3:200", (64, 64), DataRecipe(), cache_dir=tmp_path_factory.mktemp("cache"))


def test_it_is_called_synthetic_and_is_balanced(phantom):
    assert phantom.info.synthetic
    assert phantom.info.name == "phantom"
    assert any("synthetic" in note for note in phantom.info.notes)
    assert (len(phantom.train) + len(phantom.val), len(phantom.test)) == (200, 50)
    assert phantom.test.labels.sum() == 25
    assert phantom.train.images.shape[1:] == (64, 64, 1)


def test_the_seed_decides_every_pixel(phantom, tmp_path):
    again = load_splits("phantom:3:200", (64, 64), DataRecipe(), cache_dir=tmp_path)
    assert np.array_equal(again.train.images, phantom.train.images)
    assert again.info == phantom.info
    other = load_splits("phantom:4:200", (64, 64), DataRecipe(), cache_dir=tmp_path)
    assert other.info.fingerprint != phantom.info.fingerprint
    assert not np.array_equal(other.test.images, phantom.test.images)


def test_no_two_films_are_equal(phantom):
    images = np.concatenate([phantom.train.images, phantom.val.images, phantom.test.images])
    assert len({image.tobytes() for image in images}) == 250


def test_it_shows_a_chest(phantom):
    mean = phantom.train.images[..., 0].mean(axis=0)
    lungs, spine, corner = mean[22:36, 16:24].mean(), mean[22:36, 30:34].mean(), mean[:6, :6].mean()
    assert corner < lungs < spine


def test_pneumonia_can_be_learnt_but_not_by_brightness_alone(phantom):
    train, test = phantom.train, phantom.test
    assert auc(train.images.mean(axis=(1, 2, 3)), train.labels) < 0.75
    # A plain linear classifier on 16 x 16 pixels finds part of it: there is a signal, and room for a network.
    score = linear_scores(train.images, train.labels, test.images)
    assert 0.55 < auc(score, test.labels) < 0.97


def auc(scores, labels):
    return (scores[labels == 1][:, None] > scores[labels == 0][None]).mean()


def linear_scores(images, labels, others):
    def flat(x):
        return x.reshape(len(x), 16, 4, 16, 4).mean(axis=(2, 4)).reshape(len(x), -1) / 255

    mean = flat(images).mean(axis=0)
    x, y = flat(images) - mean, labels - labels.mean()
    weights = np.linalg.solve(x.T @ x + 2.0 * np.eye(256), x.T @ y)
    return (flat(others) - mean) @ weights


def test_the_plain_word_is_seed_0_with_1200_images():
    short, seed, whole, other = (
        open_catalogue(word).info for word in ("phantom", "phantom:0", "phantom:0:1200", "phantom:1")
    )
    assert short == seed == whole != other


def test_too_few_are_refused():
    with pytest.raises(EdgekitError, match="phantom:0:10 is too small"):
        open_catalogue("phantom:0:10")


@pytest.mark.parametrize(
    ("word", "takes"),
    [
        ("phantom:x", "phantom[:SEED[:COUNT]], such as phantom:7"),
        ("phantom:1:2:3", "phantom[:SEED[:COUNT]]"),
        ("pneumoniamnist-big", "-28, -64, -128, -224"),
        ("chest-xray:5", "chest-xray-3:FOLDER"),
    ],
)
def test_a_word_that_is_almost_a_set_s_is_answered_with_what_that_set_takes(word: str, takes: str) -> None:
    with pytest.raises(EdgekitError, match=f"{word} is no data set") as caught:
        open_catalogue(word)
    assert takes in caught.value.hint


def test_a_folder_whose_name_begins_like_a_set_s_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "phantom:x").mkdir()
    with pytest.raises(EdgekitError, match="no class folders"):
        open_catalogue("phantom:x")
    with pytest.raises(EdgekitError, match="There is no folder"):
        open_catalogue("phantom/mine")
