"""Folders as people have them: what cannot be classes is refused, and what is not used is counted and named."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit.data.audit import audit
from edgekit.data.sources import load_splits, open_catalogue
from edgekit.data.unused import names_a_part
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import DataRecipe
from edgekit.report.pages.sections import data_section
from terminal import printed

Write = Callable[..., Path]


@pytest.fixture
def pets(tmp_path: Path, write_image: Write) -> Path:
    for number in range(6):
        for label, name in enumerate(("cat", "dog")):
            write_image(tmp_path / "pets" / name / f"{number}.png", 10 * label + number)
    return tmp_path / "pets"


@pytest.mark.parametrize(
    "names",
    [
        ("train_images", "test_images"), ("fold_1", "fold_2"), ("Fold1", "Fold2", "Fold3"), ("images", "masks"),
        ("trainset", "testset"), ("set 1", "test data"), ("part1", "part2"), ("images_train", "images_val"),
    ],
)  # fmt: skip
def test_parts_of_a_set_are_not_taken_for_classes(tmp_path: Path, write_image: Write, names: tuple[str, ...]) -> None:
    for number, name in enumerate(names):
        write_image(tmp_path / "data" / name / "cat" / "1.png", number)
        write_image(tmp_path / "data" / name / "dog" / "1.png", 50 + number)
    with pytest.raises(EdgekitError, match="these name parts of a set, not classes") as error:
        open_catalogue(str(tmp_path / "data"))
    assert all(name in error.value.message for name in names)
    assert "train and test" in error.value.hint


@pytest.mark.parametrize("name", ["cat", "0", "1", "test_tube", "trainer", "COVID", "Tür", "mask on", "image of a cat"])
def test_a_class_may_have_any_other_name(name: str) -> None:
    assert not names_a_part(name)


def test_masks_beside_the_images_of_a_class_are_not_more_of_its_images(tmp_path: Path, write_image: Write) -> None:
    for label, name in enumerate(("cat", "dog")):
        for number in range(3):
            write_image(tmp_path / "data" / name / "images" / f"{number}.png", 10 * label + number)
            write_image(tmp_path / "data" / name / "Masks" / f"{number}.png", 100 + 10 * label + number)
    catalogue = open_catalogue(str(tmp_path / "data"))
    assert len(catalogue) == 6
    (note,) = [note for note in catalogue.info.notes if note.startswith("not used")]
    assert note.startswith("not used: 6 images in folders of masks (cat/Masks/0.png, cat/Masks/1.png")


def test_everything_that_is_not_used_is_counted_and_named(pets: Path, tmp_path: Path, write_image: Write) -> None:
    for name in ("cat/a.webp", "cat/b.TIF", "dog/c.bmp", "dog/scan.dcm", "sizes.csv", "cat/noend"):
        (pets / name).write_bytes(b"x")
    write_image(pets / "loose.png", 99)
    write_image(tmp_path / "elsewhere" / "1.png", 98)
    (pets / "dog" / "more").symlink_to(tmp_path / "elsewhere")
    (pets / "cat" / ".DS_Store").write_bytes(b"litter")
    found = audit(str(pets))
    notes = [note for note in found.info.notes if note.startswith("not used")]
    assert found.images == 12
    assert notes[0] == (
        "not used: 6 files that are neither JPEG nor PNG (1 .bmp, 1 .csv, 1 .dcm, 1 .tif, 1 .webp, 1 no suffix: "
        "cat/a.webp, cat/b.TIF, cat/noend, dog/c.bmp, dog/scan.dcm and 1 more)"
    )
    assert notes[1:] == [
        "not used: 1 images outside of the class folders (loose.png)", "not used: 1 linked folders (dog/more)"
    ]  # fmt: skip
    text = printed(data_section(found.info, found).parts, width=400)
    assert all(note in text for note in notes)
    assert {*notes} < {*open_catalogue(str(pets)).info.notes}  # of which the card is made


def test_a_class_of_another_format_says_which(pets: Path) -> None:
    for path in (pets / "dog").iterdir():
        path.rename(path.with_suffix(".webp"))
    with pytest.raises(EdgekitError, match=r"class dog of .* has no images; not used: 6 files .*6 \.webp: dog/0\.webp"):
        open_catalogue(str(pets))


def test_a_linked_class_folder_is_used_and_looked_through(pets: Path, tmp_path: Path) -> None:
    (pets / "dog").rename(tmp_path / "dogs")
    (pets / "dog").symlink_to(tmp_path / "dogs")
    (tmp_path / "dogs" / "x.gif").write_bytes(b"x")
    catalogue = open_catalogue(str(pets))
    assert len(catalogue) == 12
    assert "not used: 1 files that are neither JPEG nor PNG (1 .gif: dog/x.gif)" in catalogue.info.notes


@pytest.mark.parametrize("name", ["phantom", "chest-xray", "phantom:0:60", "pneumoniamnist-64"])
def test_a_folder_with_the_name_of_a_built_in_set_is_told_how_to_be_meant(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("EDGEKIT_DATA_URL", "nowhere")
    monkeypatch.chdir(tmp_path)
    pets.rename(tmp_path / name)
    told: list[str] = []
    with contextlib.suppress(EdgekitError):  # the sets that are downloaded are not to be had here
        open_catalogue(name, cache_dir=tmp_path / "cache", on_warning=told.append)
    assert told[0] == f"{name} is the set that edgekit knows by that name. For the folder {name} here: --data ./{name}"
    assert open_catalogue(f"./{name}").info.task.labels == ("cat", "dog")


def test_twelve_bits_in_sixteen_are_warned_of(pets: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("cat/0.png", "dog/3.png"):
        Image.fromarray(rng.integers(0, 4096, (30, 40), dtype=np.uint16)).save(pets / name)
    told: list[str] = []
    splits = load_splits(str(pets), (8, 8), DataRecipe(), cache_dir=tmp_path / "cache", on_warning=told.append)
    assert told[0].startswith("2 images are almost black: no pixel reaches 32 of 255 (cat/0.png, dog/3.png).")
    assert "12 bits in 16-bit files" in told[0]
    assert "2 images are almost black: no pixel reaches 32 of 255" in splits.info.notes
    assert "2 images are almost black: no pixel reaches 32 of 255" in audit(str(pets)).info.notes
