"""Folders of images as data, good and bad."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit import data as room
from edgekit.data.preprocess import load_pixels
from edgekit.data.sources import load_splits, open_catalogue
from edgekit.errors import EdgekitError, printable
from edgekit.recipes.recipe import DataRecipe
from edgekit.values.task import CHEST_XRAY, Task

RECIPE = DataRecipe(val_fraction=0.25, calibration_images=8)


@pytest.fixture
def load(tmp_path):
    """Loads a folder at 16 px; what it warned of is in load.warnings."""

    def call(folder: Path, size: tuple[int, int] = (16, 16), recipe: DataRecipe = RECIPE, **options):
        return load_splits(
            str(folder), size, recipe, cache_dir=tmp_path / "cache", on_warning=call.warnings.append, **options
        )

    call.warnings = []
    return call


def test_a_folder_whose_name_is_not_utf8_gives_a_name_that_json_takes_spelled_as_in_messages(release):
    other = Path(os.fsdecode(os.fsencode(release) + b"\xe9"))
    release.rename(other)
    name = open_catalogue(str(other)).info.name
    assert name == printable(other.name)
    assert name.endswith("\\udce9")
    assert name.encode()


def test_the_release_layout_gives_train_val_and_test_as_the_network_sees_them(release, load):
    splits = load(release)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (24, 8, 12)
    assert splits.info.name == "xrays"
    assert not splits.info.synthetic
    assert "CC BY 4.0" in splits.info.licence
    assert load.warnings == []
    for part in (splits.train, splits.val, splits.calibration, splits.test):
        for row, name in enumerate(part.ids):
            assert np.array_equal(part.images[row], load_pixels(release / name, (16, 16)))
            assert part.labels[row] == ("PNEUMONIA" in name)


def test_the_official_val_folder_joins_train(release, load, write_image):
    write_image(release / "val" / "NORMAL" / "IM-0900-0001.jpeg", 900)
    splits = load(release)
    assert "val/NORMAL/IM-0900-0001.jpeg" in splits.train.ids + splits.val.ids
    assert len(splits.train) + len(splits.val) == 33


def test_all_ways_of_storing_a_film_are_read(tmp_path, load, write_image):
    kinds = [("a.PNG", "L"), ("b.png", "RGB"), ("c.png", "RGBA"), ("d.png", "P"), ("e.png", "I;16"), ("f.JPG", "L")]
    for label, folder in enumerate(("NORMAL", "PNEUMONIA")):
        for number, (name, mode) in enumerate(kinds):
            write_image(tmp_path / "films" / folder / name, 100 * label + number, mode, (70 + 10 * number, 33))
    splits = load(tmp_path / "films")
    assert load.warnings == []
    assert len(splits.train) + len(splits.val) + len(splits.test) == 12
    deep = next(i for i, name in enumerate(splits.train.ids + splits.val.ids + splits.test.ids) if "e.png" in name)
    images = np.concatenate([splits.train.images, splits.val.images, splits.test.images])
    assert 60 < images[deep].mean() < 200  # 16 bits are not clipped to white


def test_a_folder_of_validation_images_joins_train_and_the_notes_say_so(tmp_path, load, write_image):
    for number in range(12):
        for label, name in enumerate(("cat", "dog")):
            write_image(tmp_path / "pets" / "Valid" / name / f"{number}.png", 50 * label + number)
            write_image(tmp_path / "pets" / "train" / name / f"{number}.png", 100 + 50 * label + number)
    said = [note for note in load(tmp_path / "pets").info.notes if "joins the training images" in note]
    assert said == ["Valid/ joins the training images, of which validation is drawn by group"]


def test_a_plain_two_class_folder_has_its_own_labels_is_split_by_group_and_says_so(tmp_path, load, write_image):
    for number in range(12):
        write_image(tmp_path / "pets" / "dog" / f"{number}.png", number)
        write_image(tmp_path / "pets" / "Cat" / "deeper" / f"{number}.png", 50 + number)
    splits = load(tmp_path / "pets")
    notes = " / ".join(splits.info.notes)
    assert splits.info.task == Task(("Cat", "dog"), positive="dog")
    assert "dog is the class that is looked for" in notes
    assert "every image counts as its own group" in notes
    assert not re.search("normal|pneumonia|patient|x-ray", notes, re.IGNORECASE)
    assert "no test set of its own" in notes
    assert all(("dog" in name) == label for name, label in zip(splits.train.ids, splits.train.labels, strict=True))
    assert (len(splits.test), splits.test.labels.sum()) == (4, 2)


def test_a_folder_of_many_classes_gives_them_in_the_order_of_their_names(tmp_path, load, write_image):
    names = ("violet", "Äpfel", "rose", "Aster", "tulip")
    for label, name in enumerate(names):
        for number in range(12):
            write_image(tmp_path / "flowers" / name / f"{number}.png", 50 * label + number)
    splits = load(tmp_path / "flowers")
    assert splits.info.task == Task(("Aster", "rose", "tulip", "violet", "Äpfel"))
    assert not re.search("looked for|patient", " / ".join(splits.info.notes))
    for part in (splits.train, splits.val, splits.calibration, splits.test):
        assert set(part.labels) == set(range(5))
        assert all(splits.info.task.labels[label] in name for name, label in zip(part.ids, part.labels, strict=True))
    assert sum(map(len, (splits.train, splits.val, splits.test))) == 60
    assert not set(splits.train.ids) & set(splits.test.ids)


def test_one_class_may_be_spelled_in_two_ways_in_train_and_in_test(tmp_path, load, write_image):
    for label, (train, test) in enumerate((("Caf\u00e9", "cafe\u0301"), ("BAR", "bar"), ("inn", "Inn"))):
        for number in range(8):
            write_image(tmp_path / "s" / "train" / train / f"{number}.png", 50 * label + number)
        write_image(tmp_path / "s" / "test" / test / "0.png", 50 * label + 40)
    splits = load(tmp_path / "s")
    assert splits.info.task.labels == ("BAR", "Caf\u00e9", "Inn")
    assert sorted(splits.test.labels) == [0, 1, 2]


def test_normal_is_the_negative_class_whatever_stands_beside_it(tmp_path, load, write_image):
    for number in range(12):
        write_image(tmp_path / "lungs" / "Normal" / f"{number}.png", number)
        write_image(tmp_path / "lungs" / "COVID" / f"{number}.png", 50 + number)
    splits = load(tmp_path / "lungs")
    assert all(("COVID" in name) == label for name, label in zip(splits.train.ids, splits.train.labels, strict=True))
    assert splits.info.task == Task(("Normal", "COVID"), positive="COVID")


def test_the_releases_licence_is_claimed_for_the_releases_file_names_alone(release, tmp_path, write_release):
    assert open_catalogue(str(release)).info.licence.startswith("CC BY 4.0")
    other = write_release(tmp_path / "other")
    path = other / "train" / "PNEUMONIA" / "person1_bacteria_1.jpeg"
    path.rename(path.with_name("person1_scan_1.jpeg"))
    assert open_catalogue(str(other)).info.licence == ""


def test_class_and_split_names_may_be_written_in_any_case(release, load):
    (release / "train").rename(release / "TRAIN")
    (release / "test" / "NORMAL").rename(release / "test" / "Normal")
    splits = load(release)
    assert splits.test.labels.sum() == 6
    assert splits.info.task == CHEST_XRAY


def test_a_folder_in_a_folder_and_the_litter_of_macos_are_seen_through(release, tmp_path, load):
    plain = load(release)
    outer = tmp_path / "unzipped"
    shutil.copytree(release, outer / "chest_xray")
    (outer / "__MACOSX" / "chest_xray" / "train").mkdir(parents=True)
    for junk in (".DS_Store", "train/.DS_Store", "train/NORMAL/._IM-0001-0001.jpeg"):
        (outer / "chest_xray" / junk).write_bytes(b"litter")
    splits = load(outer)
    assert splits.train.ids == plain.train.ids
    assert splits.info.fingerprint == plain.info.fingerprint
    assert load.warnings == []


def test_the_fingerprint_follows_content_and_not_time_stamps(release):
    before = open_catalogue(str(release)).info.fingerprint
    image = release / "train" / "NORMAL" / "IM-0001-0001.jpeg"
    image.touch()
    assert open_catalogue(str(release)).info.fingerprint == before
    content = image.read_bytes()
    image.write_bytes(content[:-1] + b"\0")
    assert open_catalogue(str(release)).info.fingerprint != before
    image.write_bytes(content)
    image.rename(image.with_name("IM-0001-0009.jpeg"))
    assert open_catalogue(str(release)).info.fingerprint != before


def test_unreadable_images_are_named_skipped_and_counted(release, load):
    folder = release / "train" / "NORMAL"
    whole = (folder / "IM-0001-0001.jpeg").read_bytes()
    (folder / "IM-0001-0001.jpeg").write_bytes(whole[: len(whole) // 2])
    (folder / "IM-0002-0001.jpeg").write_text("I am a text file.")
    (folder / "IM-0003-0001.jpeg").write_bytes(b"")
    splits = load(release)
    assert len(load.warnings) == 1
    assert load.warnings[0].startswith("3 images cannot be read and are skipped: train/NORMAL/IM-0001-0001.jpeg")
    assert "3 unreadable images were skipped" in splits.info.notes
    assert len(splits.train) + len(splits.val) == 29
    assert not any("IM-0001-0001" in name for name in splits.train.ids + splits.val.ids)
    assert splits.train.ids == load(release, (24, 24)).train.ids  # from another decode, the same rows
    with pytest.raises(EdgekitError, match=r"3 images cannot be read.*IM-0002-0001") as error:
        load(release, strict=True)
    assert "--strict" in error.value.hint


def test_training_images_in_the_test_set_are_named(release, load):
    for number in (1, 2):
        name = f"IM-000{number}-0001.jpeg"
        shutil.copy(release / "train" / "NORMAL" / name, release / "test" / "NORMAL" / name)
    load(release)
    assert len(load.warnings) == 1
    assert load.warnings[0].startswith("2 training images stand byte for byte in the test set (train/NORMAL/IM-0001")


def test_a_patient_name_in_both_train_and_test_is_noted(release, write_image):
    write_image(release / "test" / "PNEUMONIA" / "person1_virus_9.jpeg", 77)
    assert any(note.startswith("1 patient names stand in both") for note in open_catalogue(str(release)).info.notes)


def _remove(name):
    return lambda root: shutil.rmtree(root / name)


def _empty(*names):
    def change(root):
        for name in names:
            shutil.rmtree(root / name)
            (root / name).mkdir()

    return change


def _third_class(root):
    (root / "train" / "COVID").mkdir()


def _same_name(root):
    (root / "train" / "normal").mkdir()


def _masks(root):
    (root / "train" / "masks").mkdir()


def _only_text(root):
    for path in (root / "train" / "NORMAL").iterdir():
        path.write_text("no picture")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (shutil.rmtree, "There is no folder"),
        (_empty("train", "test"), "has no class folders"),
        (lambda root: [_remove("train")(root), _remove("test/NORMAL")(root)], "has a test folder but no train folder"),
        (lambda root: [_remove(f"{s}/NORMAL")(root) for s in ("train", "test")], "has only one class, PNEUMONIA"),
        (_third_class, "The class test/COVID of .* has no images"),
        (_masks, "holds masks: these name parts of a set, not classes"),
        (_same_name, "train has two folders whose names differ only in case.*: NORMAL and normal"),
        (_empty("train/NORMAL"), "The class train/NORMAL of .* has no images"),
        (_empty("test/PNEUMONIA"), "The class test/PNEUMONIA of .* has no images"),
        (_remove("test/PNEUMONIA"), "The class test/PNEUMONIA of .* has no images"),
        (_only_text, "has 0 patients of class NORMAL"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_in_words(release, load, spoil, says):
    spoil(release)
    with pytest.raises(EdgekitError, match=says) as error:
        load(release)
    assert error.value.hint


@pytest.mark.parametrize("closed", ["train/NORMAL", "train", "."])
def test_a_folder_that_may_not_be_read_is_named_and_not_passed_over(release, closed):
    bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    if bound and not shutil.which("setpriv"):
        pytest.skip("root reads everything, and there is no setpriv to take that from it")
    (release / closed).chmod(0)
    done = subprocess.run(
        [*bound, sys.executable, "-m", "edgekit", "data", "info", release],
        env=os.environ | {"PYTHONPATH": str(Path(room.__file__).parents[2])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    (release / closed).chmod(0o755)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {release / closed} cannot be read: Permission denied.\n")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path, load):
    Image.new("L", (4, 4)).save(tmp_path / "one.png")
    with pytest.raises(EdgekitError, match="is a file, not a folder"):
        load(tmp_path / "one.png")


def test_the_real_xrays_load_as_the_paper_splits_them(xray_folder, load):
    splits = load(xray_folder, (32, 32), DataRecipe())
    assert len(splits.train) + len(splits.val) == 5216
    assert (len(splits.test), int(splits.test.labels.sum())) == (624, 390)
    assert not set(splits.train.groups) & set(splits.val.groups)
    assert abs(splits.val.labels.mean() - splits.train.labels.mean()) < 0.005
    assert load.warnings == []


@pytest.mark.parametrize("data", ["", " "])
def test_data_without_a_name_are_not_the_working_directory(data: str) -> None:
    with pytest.raises(EdgekitError, match="--data is empty"):
        open_catalogue(data)
