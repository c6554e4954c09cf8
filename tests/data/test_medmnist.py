"""MedMNIST's sets, from a mirror with a few images in the authors' file format."""

import hashlib
import io
import re
from dataclasses import replace

import numpy as np
import pytest

from edgekit.data.medmnist_sets import EDGES, MULTI_LABEL, SETS, THREE_DIMENSIONAL
from edgekit.data.sources import load_splits, open_catalogue
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import DataRecipe
from edgekit.values.task import CHEST_XRAY

COUNTS = {"train": 24, "val": 6, "test": 8}


def make_npz(edge=28, classes=2, channels=1, **changes):
    rng = np.random.default_rng(0)
    arrays = {}
    for split, count in COUNTS.items():
        number = max(count, classes)
        shape = (number, edge, edge, channels) if channels == 3 else (number, edge, edge)
        arrays[f"{split}_images"] = rng.integers(0, 256, shape, dtype=np.uint8)
        labels = np.arange(number) % classes if classes > 2 else np.arange(number) % 3 > 0
        arrays[f"{split}_labels"] = labels.astype(np.uint8)[:, None]
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **(arrays | changes))
    return buffer.getvalue()


@pytest.fixture
def mirror(server, monkeypatch):
    """Serves the given bytes as a set's .npz, with their own MD5 as the published one."""
    monkeypatch.setenv("EDGEKIT_DATA_URL", server.base)

    def call(content, name="pneumoniamnist", edge=28):
        server.files[f"{name}.npz" if edge == 28 else f"{name}_{edge}.npz"] = content
        published = {**SETS[name].md5, edge: hashlib.md5(content).hexdigest()}
        monkeypatch.setitem(SETS, name, replace(SETS[name], md5=published))
        return content

    return call


def test_the_authors_splits_are_kept(mirror, tmp_path):
    content = mirror(make_npz())
    splits = load_splits("pneumoniamnist-28", (28, 28), DataRecipe(), cache_dir=tmp_path)
    for split, count in COUNTS.items():
        got = getattr(splits, split)
        arrays = np.load(io.BytesIO(content))
        order = [int(name.rsplit("/", 1)[1][:5]) for name in got.ids]
        assert sorted(order) == list(range(count))
        assert np.array_equal(got.images[..., 0], arrays[f"{split}_images"][order])
        assert np.array_equal(got.labels, arrays[f"{split}_labels"][order, 0])
    assert splits.info.name == "pneumoniamnist-28"
    assert splits.info.licence.startswith("CC BY 4.0")
    assert "no patients are given" in splits.info.notes[0]
    assert not splits.info.synthetic
    bigger = load_splits("pneumoniamnist-28", (56, 56), DataRecipe(), cache_dir=tmp_path)
    assert (bigger.train.ids, bigger.info) == (splits.train.ids, splits.info)


def test_a_file_that_is_not_the_published_one_is_refused(server, monkeypatch, tmp_path):
    monkeypatch.setenv("EDGEKIT_DATA_URL", server.base)
    server.files["pneumoniamnist.npz"] = make_npz()
    with pytest.raises(EdgekitError, match="expected md5:28209eda62fecd6e6a2d98b1501bb15f"):
        open_catalogue("pneumoniamnist-28", cache_dir=tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (make_npz()[:20_000], "is damaged or not a MedMNIST file"),
        (b"PK\x03\x04 no zip", "is damaged or not a MedMNIST file"),
        (make_npz(test_labels=np.full((8, 1), 7, np.uint8)), "its test labels are not 0 to 1"),
        (make_npz(val_images=np.zeros((6, 30, 30), np.uint8)), r"val_images is uint8 \(6, 30, 30\)"),
        (make_npz(test_images=np.zeros((7, 28, 28), np.uint8)), r"test_images is uint8 \(7, 28, 28\)"),
    ],
)
def test_a_damaged_file_is_said_and_not_trained_on(mirror, tmp_path, content, says):
    mirror(content)
    with pytest.raises(EdgekitError, match=says) as error:
        load_splits("pneumoniamnist-28", (28, 28), DataRecipe(), cache_dir=tmp_path)
    assert "Delete it" in error.value.hint


def test_images_that_are_damaged_inside_a_whole_file_are_noticed(mirror, tmp_path):
    content = bytearray(make_npz())
    content[5000:5020] = bytes(20)
    mirror(bytes(content))
    with pytest.raises(EdgekitError, match="is damaged"):
        load_splits("pneumoniamnist-28", (28, 28), DataRecipe(), cache_dir=tmp_path)


def test_an_edge_length_that_does_not_exist_is_answered_with_those_that_do(tmp_path):
    with pytest.raises(EdgekitError, match="There is no pneumoniamnist-32") as error:
        open_catalogue("pneumoniamnist-32", cache_dir=tmp_path)
    assert "pneumoniamnist-224" in error.value.hint


@pytest.mark.parametrize("kind", ["U9", "c16", "f8", "M8[D]", "S3"])
def test_labels_that_are_no_whole_numbers_are_said(mirror, tmp_path, kind):
    labels = np.array([0, 1, 1, 0, 1, 1]).astype("i8").astype(kind)
    mirror(make_npz(val_labels=labels))
    with pytest.raises(EdgekitError, match=r"val_labels is .* not a whole number an image"):
        open_catalogue("pneumoniamnist-28", cache_dir=tmp_path)


@pytest.mark.parametrize("name", SETS)
def test_every_set_is_read_with_its_classes_and_its_channels(mirror, tmp_path, name):
    task = SETS[name].task
    mirror(make_npz(64, len(task.labels), task.channels), name, 64)
    splits = load_splits(f"medmnist:{name}-64", (32, 32), DataRecipe(), cache_dir=tmp_path)
    assert splits.info.name == f"{name}-64"
    assert splits.info.task == task
    assert splits.train.images.shape[1:] == (32, 32, task.channels)
    for part in (splits.train, splits.val, splits.test):
        assert set(part.labels) == set(range(len(task.labels)))
        assert all(f"/{task.labels[label]}/" in id_ for id_, label in zip(part.ids, part.labels, strict=True))
    assert task.domain == CHEST_XRAY.domain
    assert "It must not be used to diagnose." in task.limits
    assert re.match(r"CC BY(-NC)? 4\.0\. J\. Yang et al\..*; images of \w", splits.info.licence)


def test_the_table_holds_what_the_authors_published():
    assert {name: (len(one.task.labels), one.task.channels) for name, one in SETS.items()} == {
        "pathmnist": (9, 3), "dermamnist": (7, 3), "octmnist": (4, 1), "pneumoniamnist": (2, 1),
        "retinamnist": (5, 3), "breastmnist": (2, 1), "bloodmnist": (8, 3), "tissuemnist": (8, 1),
        "organamnist": (11, 1), "organcmnist": (11, 1), "organsmnist": (11, 1),
    }  # fmt: skip
    sums = [md5 for one in SETS.values() for md5 in one.md5.values()]
    assert all(re.fullmatch("[0-9a-f]{32}", md5) for md5 in sums)
    assert len({*sums}) == len(sums) == len(SETS) * len(EDGES)
    assert SETS["breastmnist"].task.positive == "malignant"
    assert SETS["dermamnist"].licence == "CC BY-NC 4.0"


def test_left_and_right_organs_are_not_mirrored():
    assert [name for name, one in SETS.items() if not one.mirror] == ["organamnist", "organcmnist", "organsmnist"]


def test_pneumoniamnist_is_one_of_them_under_either_name(mirror, tmp_path):
    mirror(make_npz())
    short, full = (
        open_catalogue(word, cache_dir=tmp_path).info for word in ("pneumoniamnist-28", "medmnist:PneumoniaMNIST-28")
    )
    assert short == full
    assert short.task == CHEST_XRAY


@pytest.mark.parametrize(
    ("word", "says", "hint"),
    [
        *[(f"medmnist:{name}", f"{name} gives an image several labels", "bloodmnist") for name in MULTI_LABEL],
        *[(f"medmnist:{name}-64", f"{name} is of volumes in three", "bloodmnist") for name in THREE_DIMENSIONAL],
        ("medmnist:mnist", "MedMNIST has no set mnist", "bloodmnist"),
        ("medmnist:heartmnist", "MedMNIST has no set heartmnist", "bloodmnist"),
        ("medmnist:bloodmnist-32", "There is no bloodmnist-32", "bloodmnist-64"),
        ("medmnist", "medmnist is no data set", "medmnist:NAME"),
        ("medmnist:bloodmnist:64", "is no data set", "medmnist:NAME-28"),
    ],
)
def test_a_set_that_edgekit_does_not_take_is_answered_with_those_that_it_takes(tmp_path, word, says, hint):
    with pytest.raises(EdgekitError, match=says) as caught:
        open_catalogue(word, cache_dir=tmp_path)
    assert hint in caught.value.hint


def test_several_labels_an_image_in_a_file_are_damage(mirror, tmp_path):
    mirror(make_npz(train_labels=np.zeros((24, 14), np.uint8)))
    with pytest.raises(EdgekitError, match="its train labels are not 0 to 1, one an image"):
        open_catalogue("pneumoniamnist-28", cache_dir=tmp_path)


def test_grey_images_in_place_of_rgb_are_damage(mirror, tmp_path):
    mirror(make_npz(classes=8), "bloodmnist")
    with pytest.raises(EdgekitError, match=r"train_images is uint8 \(24, 28, 28\), not uint8 \(24, 28, 28, 3\)"):
        load_splits("medmnist:bloodmnist-28", (28, 28), DataRecipe(), cache_dir=tmp_path)
