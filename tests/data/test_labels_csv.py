"""A labels.csv in a folder of images: what it may say, and each fault of it in a line."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.data.sources import load_splits, open_catalogue
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import DataRecipe
from edgekit.values.task import CHEST_XRAY, Task

RECIPE = DataRecipe(val_fraction=0.25, calibration_images=8)
CLASSES = ("cat", "dog", "fox")


class Pets:
    """Thirty pictures `photos/0.png` and on, three classes in turn; `write` makes their labels.csv."""

    def __init__(self, root: Path, write_image) -> None:
        self.root = root
        self.told: list[str] = []
        self.rows = [(f"photos/{number}.png", CLASSES[number % 3]) for number in range(30)]
        for number, (path, _) in enumerate(self.rows):
            write_image(root / path, number)

    def write(self, text: str | bytes, name: str = "labels.csv") -> None:
        content = text if isinstance(text, bytes) else text.encode()
        (self.root / name).write_bytes(content)

    def write_rows(self, *more: str, header: str = "path,label", end=lambda row: "") -> None:
        self.write("\n".join([header, *(",".join(row) + end(row) for row in self.rows), *more]) + "\n")

    def catalogue(self):
        return open_catalogue(str(self.root), on_warning=self.told.append)

    def load(self):
        cache = self.root.parent / "cache"
        return load_splits(str(self.root), (16, 16), RECIPE, cache_dir=cache, on_warning=self.told.append)


@pytest.fixture
def pets(tmp_path, write_image) -> Pets:
    return Pets(tmp_path / "pets", write_image)


def test_it_names_the_classes_whatever_the_folders_are_called(pets):
    pets.write_rows()
    splits = pets.load()
    assert splits.info.task == Task(CLASSES)
    assert splits.info.name == "pets"
    labels = dict(pets.rows)
    parts = (splits.train, splits.val, splits.test)
    assert sum(map(len, parts)) == 30
    for part in parts:
        assert [CLASSES[label] for label in part.labels] == [labels[name] for name in part.ids]
        assert set(part.labels) == {0, 1, 2}
    assert pets.told == []
    assert "no group in the file names: every image counts as its own group" in splits.info.notes


def test_its_splits_are_kept_and_the_missing_one_is_made(pets):
    of = {"photos/4.png": "Testing", "photos/5.png": "test", "photos/6.png": "test", "photos/7.png": "val"}
    of |= {"photos/8.png": "valid", "photos/9.png": "validation"}
    pets.write_rows(header="path,label,split", end=lambda row: f",{of.get(row[0], 'train')}")
    splits = pets.load()
    assert splits.test.ids == ("photos/4.png", "photos/5.png", "photos/6.png")
    assert splits.val.ids == ("photos/7.png", "photos/8.png", "photos/9.png")
    pets.write_rows(
        header="path,label,split", end=lambda row: f",{'test' if 'test' in of.get(row[0], '').lower() else 'train'}"
    )
    splits = pets.load()
    assert splits.test.ids == ("photos/4.png", "photos/5.png", "photos/6.png")
    assert len(splits.val) > 0


def test_a_group_never_straddles_a_split(pets):
    pets.write_rows(header="path,label,group", end=lambda row: f",g{int(Path(row[0]).stem) // 6}x{row[1]}")
    splits = pets.load()
    groups = [set(part.groups) for part in (splits.train, splits.val, splits.test)]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 15
    assert not any("every image counts as its own" in note for note in splits.info.notes)


def test_images_without_a_group_are_counted(pets):
    pets.write_rows(header="path,label,group", end=lambda row: ",g" if row[0].endswith("1.png") else ",")
    catalogue = pets.catalogue()
    assert "no group in 27 of 30 lines of labels.csv: each of those counts as its own group" in catalogue.info.notes
    assert len(set(catalogue.groups)) == 28


def test_excels_mark_quotes_spaces_blank_lines_and_upper_case_headers_are_read(pets, write_image):
    write_image(pets.root / "a, b.PNG", 77)
    lines = "\r\n".join(f'"{path}", {label} ' for path, label in pets.rows)
    pets.write(b"\xef\xbb\xbf" + f'\r\nPath , LABEL\r\n\r\n{lines}\r\n"./a, b.PNG",fox\r\n\r\n'.encode())
    catalogue = pets.catalogue()
    assert len(catalogue) == 31
    assert catalogue.ids[0] == "a, b.PNG"
    assert catalogue.info.task.labels == CLASSES
    assert pets.told == []


def test_a_label_may_hold_what_no_folder_name_may(pets):
    pets.rows = [(path, f"{label}/") for path, label in pets.rows]
    pets.write_rows()
    assert pets.catalogue().info.task.labels == ("cat/", "dog/", "fox/")


def test_normal_and_pneumonia_are_chest_xrays_here_too(pets):
    pets.rows = [(path, "Normal" if label == "cat" else "pneumonia") for path, label in pets.rows]
    pets.write_rows()
    assert pets.catalogue().info.task == CHEST_XRAY


def test_the_fingerprint_follows_the_labels(pets):
    pets.write_rows()
    before = pets.catalogue().info.fingerprint
    pets.rows[0] = (pets.rows[0][0], "dog")
    pets.write_rows()
    assert pets.catalogue().info.fingerprint != before


def test_an_archive_may_hold_it_in_a_folder_in_a_folder(pets, tmp_path):
    pets.write_rows()
    pets.root.rename(tmp_path / "inner")
    (tmp_path / "outer").mkdir()
    (tmp_path / "inner").rename(tmp_path / "outer" / "inner")
    assert len(open_catalogue(str(tmp_path / "outer"))) == 30


def test_columns_that_are_not_used_are_noted(pets):
    pets.write_rows(header="path,label,age,Sex", end=lambda row: ",7,f")
    assert "not used: columns of labels.csv (age, Sex)" in pets.catalogue().info.notes


def test_images_that_no_line_names_are_told_and_noted(pets, write_image):
    write_image(pets.root / "photos" / "new.png", 99)
    write_image(pets.root / "masks" / "0.png", 98)
    pets.write_rows()
    notes = pets.catalogue().info.notes
    assert "not used: 1 images that labels.csv does not name (photos/new.png)" in notes
    assert "not used: 1 images in folders of masks (masks/0.png)" in notes
    (said,) = pets.told
    assert said.startswith("1 images that labels.csv does not name are not used: photos/new.png. Write lines for them")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            "photos/77.png,cat\nphotos/78.png,dog",
            r"2 files that do not exist: photos/77.png \(line 32\), photos/78.png",
        ),
        ("photos,cat", "line 32 names photos: no JPEG, no PNG"),
        ("../pets/photos/1.png,cat", "line 32 names ../pets/photos/1.png, which is a path outside of the folder"),
        ("/etc/cat.png,cat", "line 32 names /etc/cat.png, which is a path outside"),
        ("C:\\cat.png,cat", "which is a path outside"),
        ("photos\\1.png,cat", "1 files that do not exist"),
        ("photos/1.gif,cat", "line 32 names photos/1.gif: no JPEG, no PNG"),
        ("photos/1.png,dog", "line 32 names photos/1.png again, as line 3 does"),
        ("./photos//1.png,dog", "line 32 names ./photos//1.png again, as line 3 does"),
        ("photos/1.png", "line 32 has 1 fields; its first line has 2"),
        ("photos/1.png,a,b", "line 32 has 3 fields; its first line has 2"),
        ("photos/1.png,", "line 32 has no label"),
        (",cat", "line 32 has no path"),
        ("photos/1.png,Cat", "names photos/1.png again"),
        ('photos/1.png,"a\nb"', r"line 33 holds what cannot be shown: 'a\\nb'"),
        ('photos/1.png,"cat', "line 32: unexpected end of data"),
    ],
)
def test_a_line_that_cannot_be_followed_is_named(pets, more, says):
    pets.write_rows(more)
    with pytest.raises(EdgekitError, match=says) as caught:
        pets.catalogue()
    assert "labels.csv" in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("", "is empty: it has no column path and no column label", "first line is path,label"),
        ("\n\n", "is empty", "first line is path,label"),
        ("path,label\n", "names no image", "Write a line an image"),
        ("photos/1.png,cat\n", "begins with photos/1.png,cat: it has no column path", "first line is path,label"),
        ("id,label\n1,2\n", "begins with id,label: it has no column path", "call it other than labels.csv"),
        ("path;label\nphotos/1.png;cat\n", "separates its columns by semicolons", "commas"),
        ("path\tlabel\nphotos/1.png\tcat\n", "separates its columns by tabs", "commas"),
        ("path,label,label\nphotos/1.png,cat,dog\n", "has two columns label", "first line"),
        ("path,label\nphotos/1.png,cat\n", "has only one class, cat", "another class"),
        ("path,label\nphotos/1.png,cat\nphotos/2.png,CAT\n", "differ only in case.*: cat and CAT", "in one way"),
        ("path,label\nphotos/1.png,caf\u00e9\nphotos/2.png,cafe\u0301\n", "differ only in case or accents", "one way"),
        ("path,label".encode("utf-16"), "is no UTF-8 text", "CSV UTF-8"),
        (b"path,label\nphotos/1.png,caf\xe9\n", "is no UTF-8 text", "CSV UTF-8"),
        ("path,label,split\nphotos/1.png,cat,train\nphotos/2.png,dog,fold1\n", "line 3 is of the split fold1", "val"),
        ("path,label,split\nphotos/1.png,cat,train\nphotos/2.png,dog,\n", "line 3 has no split", "or in none"),
        ("path,label,split\nphotos/1.png,cat,val\nphotos/2.png,dog,test\n", "no line of the split train", "train"),
        (
            "path,label,split,group\nphotos/1.png,cat,train,p\nphotos/2.png,dog,test,p\n",
            r"has the group p in train \(line 2\) and in test \(line 3\)", "splits are then made by group",
        ),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_in_a_line(pets, text, says, hint):
    pets.write(text)
    with pytest.raises(EdgekitError, match=says) as caught:
        pets.catalogue()
    assert "labels.csv" in caught.value.message
    assert hint in caught.value.hint


def test_two_files_of_that_name_are_refused(pets):
    pets.write_rows()
    pets.write("path,label\n", "Labels.CSV")
    with pytest.raises(EdgekitError, match=r"has Labels\.CSV and labels\.csv"):
        pets.catalogue()


def test_a_split_that_lacks_a_class_is_said(pets):
    pets.write_rows(header="path,label,split", end=lambda row: f",{'test' if row[0] == 'photos/3.png' else 'train'}")
    with pytest.raises(EdgekitError, match="The test set of pets has no readable image of class dog"):
        pets.load()


def test_a_damaged_image_that_it_names_is_skipped_and_named_as_elsewhere(pets):
    pets.write_rows()
    (pets.root / "photos" / "3.png").write_text("no picture")
    splits = pets.load()
    assert "1 unreadable images were skipped" in splits.info.notes
    assert np.sum([len(part) for part in (splits.train, splits.val, splits.test)]) == 29
