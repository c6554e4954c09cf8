"""PneumoniaMNIST, from a mirror with a few images in the authors' file format."""

import hashlib
import io
import random

import numpy as np
import pytest

import mutants
from edgekit.data import pneumoniamnist
from edgekit.data.sources import load_splits, open_catalogue
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import DataRecipe

COUNTS = {"train": 24, "val": 6, "test": 8}


def make_npz(edge=28, **changes):
    rng = np.random.default_rng(0)
    arrays = {}
    for split, count in COUNTS.items():
        arrays[f"{split}_images"] = rng.integers(0, 256, (count, edge, edge), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(count) % 3 > 0).astype(np.uint8)[:, None]
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **(arrays | changes))
    return buffer.getvalue()


@pytest.fixture
def mirror(server, monkeypatch):
    """Serves the given bytes as pneumoniamnist.npz, with their own MD5 as the published one."""
    monkeypatch.setenv("EDGEKIT_DATA_URL", server.base)

    def call(content):
        server.files["pneumoniamnist.npz"] = content
        published = ("pneumoniamnist.npz", f"md5:{hashlib.md5(content).hexdigest()}")
        monkeypatch.setitem(pneumoniamnist.FILES, 28, published)
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
        (make_npz()[:20_000], "is damaged or not a PneumoniaMNIST file"),
        (b"PK\x03\x04 no zip", "is damaged or not a PneumoniaMNIST file"),
        (make_npz(test_labels=np.full((8, 1), 7, np.uint8)), "labels are not 0 and 1"),
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


def test_a_damaged_npz_gives_images_or_one_message_that_names_it(tmp_path):
    whole = make_npz(train_labels=(np.arange(24) % 2).astype(np.int64))
    rng, path, refused = random.Random(0), tmp_path / "downloads" / "pneumoniamnist.npz", []
    path.parent.mkdir()
    for _ in range(mutants.COUNT):
        path.write_bytes(mutants.npz(rng, whole))
        try:
            image_of = open_catalogue("pneumoniamnist-28", cache_dir=tmp_path).open_images()
            assert image_of(0).size == (28, 28)
        except EdgekitError as error:
            refused.append(str(path) in error.message and bool(error.hint))
    assert all(refused)
    assert 0 < len(refused) < mutants.COUNT
