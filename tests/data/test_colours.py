"""Grey or RGB: the pictures decide, a recipe may say other, and nothing is made grey in silence."""

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit.data.asked import for_model
from edgekit.data.audit import audit
from edgekit.data.decode import decode
from edgekit.data.folder import folder_catalogue
from edgekit.data.preprocess import load_pixels
from edgekit.data.sources import load_splits, open_catalogue
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import DataRecipe

RECIPE = DataRecipe(val_fraction=0.25, calibration_images=8)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Three classes of grey pictures that are stored as RGB."""
    rng = np.random.default_rng(0)
    for name in ("cat", "dog", "fox"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(10):
            grey = rng.integers(0, 256, (20, 30, 1), dtype=np.uint8).repeat(3, axis=2)
            Image.fromarray(grey).save(tmp_path / "pets" / name / f"{number}.png")
    return tmp_path / "pets"


def tint(path: Path) -> None:
    pixels = np.asarray(Image.open(path)).copy()
    pixels[3, 4, 0] ^= 1
    Image.fromarray(pixels).save(path)


def load(data: Path | str, told: list[str] | None = None, **changes: object):
    recipe = replace(RECIPE, **changes)
    told = [] if told is None else told
    return load_splits(str(data), (16, 24), recipe, cache_dir=Path(data).parent / "cache", on_warning=told.append)


def every(splits) -> dict[str, np.ndarray]:
    parts = (splits.train, splits.val, splits.test)
    return {name: image for part in parts for name, image in zip(part.ids, part.images, strict=True)}


def test_grey_pictures_are_grey_though_stored_as_rgb(pets: Path) -> None:
    told: list[str] = []
    splits = load(pets, told)
    assert splits.info.task.channels == 1
    assert splits.train.images.shape[1:] == (16, 24, 1)
    assert told == []
    assert not any("colour" in note for note in splits.info.notes)


def test_pictures_with_colours_are_rgb(pets: Path) -> None:
    for path in pets.rglob("*.png"):
        tint(path)
    told: list[str] = []
    splits = load(pets, told)
    assert splits.info.task.channels == 3
    for name, image in every(splits).items():
        assert np.array_equal(image, load_pixels(pets / name, (16, 24), 3))
    assert told == []


def test_one_picture_with_colours_makes_all_rgb_and_is_named(pets: Path) -> None:
    tint(pets / "dog" / "3.png")
    for _ in ("decoded", "from the cache"):
        told: list[str] = []
        splits = load(pets, told)
        assert splits.info.task.channels == 3
        for name, image in every(splits).items():
            assert np.array_equal(image, load_pixels(pets / name, (16, 24), 3))
        note = "1 of 30 images have colours, the others are grey: all are taken as RGB"
        assert note in splits.info.notes
        assert told == [f"{note} (dog/3.png). --set data.channels=1 makes all grey."]


def test_a_recipe_that_wants_grey_is_told_how_many_colours_are_lost(pets: Path) -> None:
    tint(pets / "dog" / "3.png")
    tint(pets / "fox" / "0.png")
    told: list[str] = []
    splits = load(pets, told, channels=1)
    assert splits.info.task.channels == 1
    for name, image in every(splits).items():
        assert np.array_equal(image, load_pixels(pets / name, (16, 24), 1))
    note = "2 of 30 images have colours and are made grey"
    assert note in splits.info.notes
    assert told == [f"{note} (dog/3.png, fox/0.png)."]


def test_a_recipe_that_wants_rgb_of_grey_pictures_gets_grey_three_times_over(pets: Path) -> None:
    told: list[str] = []
    splits = load(pets, told, channels=3)
    assert told == []
    for name, image in every(splits).items():
        assert np.array_equal(image, load_pixels(pets / name, (16, 24), 1).repeat(3, axis=2))
    assert "no image has colours: grey is given three times over" in splits.info.notes


def test_the_cache_of_pixels_knows_what_was_asked_of_the_channels(pets: Path) -> None:
    tint(pets / "dog" / "3.png")
    asked = ("auto", 1, 3, "auto")
    assert [load(pets, channels=one).train.images.shape[-1] for one in asked] == [3, 1, 3, 3]


def test_a_chest_xray_stays_grey_and_its_colours_are_told(release: Path) -> None:
    path = release / "train" / "NORMAL" / "IM-0001-0001.jpeg"
    Image.fromarray(np.full((30, 40, 3), (200, 20, 20), np.uint8)).save(path)
    told: list[str] = []
    splits = load(release, told)
    assert splits.info.task.channels == 1
    (said,) = told
    assert said == (
        "1 of 44 images have colours and are made grey (train/NORMAL/IM-0001-0001.jpeg). "
        "--set data.channels=3 keeps colours."
    )


def test_drawn_shapes_can_be_made_grey_and_that_is_said(tmp_path: Path) -> None:
    told: list[str] = []
    splits = load_splits(
        "shapes:0:100", (16, 16), replace(RECIPE, channels=1), cache_dir=tmp_path, on_warning=told.append
    )
    assert splits.train.images.shape[-1] == 1
    assert told[0].startswith("125 of 125 images have colours and are made grey")


def test_no_picture_is_decoded_twice_to_find_out(pets: Path, tmp_path: Path) -> None:
    tint(pets / "fox" / "9.png")
    catalogue, opened = folder_catalogue(pets), Counter()
    image_of = catalogue.open_images()

    @contextmanager
    def counted(row: int):
        opened[row] += 1
        with image_of(row) as image:
            yield image

    decoded = decode(replace(catalogue, open_images=lambda: counted), (16, 16), tmp_path / "cache")
    assert decoded.images.shape == (30, 16, 16, 3)
    assert opened == Counter(range(30))


def test_unreadable_pictures_have_no_colours(pets: Path) -> None:
    for path in (pets / "cat").glob("[0-3].png"):
        path.write_text("no picture")
    splits = load(pets)
    assert splits.info.task.channels == 1
    tint(pets / "dog" / "3.png")
    assert load(pets).train.images.shape[-1] == 3


def test_transparent_pictures_are_told(pets: Path) -> None:
    image = Image.open(pets / "cat" / "1.png").convert("RGBA")
    image.putalpha(100)
    image.save(pets / "cat" / "1.png")
    told: list[str] = []
    splits = load(pets, told)
    assert splits.info.task.channels == 1
    assert "1 images are transparent in parts: what lies below is seen" in splits.info.notes
    assert told[0].startswith("1 images are transparent in parts: what lies below is seen (cat/1.png).")


def test_the_audit_says_the_same_of_channels_and_colours(pets: Path, tmp_path: Path) -> None:
    found = audit(str(pets), cache_dir=tmp_path)
    assert (found.info.task.channels, found.coloured) == (1, 0)
    tint(pets / "dog" / "3.png")
    found = audit(str(pets), cache_dir=tmp_path)
    assert (found.info.task.channels, found.coloured) == (3, 1)
    assert found.info.notes == load(pets).info.notes[: len(found.info.notes)]


def test_pictures_that_differ_in_colour_alone_are_not_called_equal(tmp_path: Path) -> None:
    found = audit("shapes:0:100", cache_dir=tmp_path)
    assert found.pixel_identical.groups == ()
    assert found.coloured == 125


def test_a_model_decides_on_its_own_channels_and_no_other_number_is_pictures() -> None:
    assert for_model(DataRecipe(), 3).channels == 3
    assert for_model(DataRecipe(channels=3), 1).channels == 1
    with pytest.raises(EdgekitError, match="takes 2 channels"):
        for_model(DataRecipe(), 2)


def test_what_a_set_is_known_to_be_is_said_before_it_is_read() -> None:
    assert [open_catalogue(word).info.task.channels for word in ("shapes:0:100", "digits", "phantom")] == [3, 1, 1]
