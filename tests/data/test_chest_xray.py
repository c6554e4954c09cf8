"""The public release, fetched from a mirror of it that holds a few images."""

import hashlib
import io
import json
import zipfile

import pytest

from edgekit.data.sources import load_splits, open_catalogue
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import DataRecipe
from edgekit.values.task import CHEST_XRAY, CHEST_XRAY_3

ARCHIVE = "ChestXRay2017.zip"


@pytest.fixture
def mirror(server, release, monkeypatch):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(release.rglob("*.jpeg")):
            archive.write(path, f"chest_xray/{path.relative_to(release).as_posix()}")
        archive.writestr("__MACOSX/chest_xray/._train", b"litter")
    content = buffer.getvalue()
    sha = hashlib.sha256(content).hexdigest()
    server.files[ARCHIVE] = content
    server.files[f"{ARCHIVE}.json"] = json.dumps(
        [{"filename": "other"}, {"filename": ARCHIVE, "content_details": {"sha256_hash": sha.upper()}}][1:]
    ).encode()
    monkeypatch.setenv("EDGEKIT_DATA_URL", server.base)
    return server


def test_it_is_fetched_checked_and_unpacked_once(mirror, release, tmp_path):
    told = []
    cache = tmp_path / "cache"
    splits = load_splits("chest-xray", (16, 16), DataRecipe(), cache_dir=cache, on_warning=told.append)
    assert told == []
    assert splits.info.name == "chest-xray"
    assert splits.info.licence.startswith("CC BY 4.0")
    assert splits.info.fingerprint == open_catalogue(str(release)).info.fingerprint
    assert len(splits.test) == 12
    asked = len(mirror.requests)
    assert open_catalogue("chest-xray", cache_dir=cache).info == splits.info
    assert len(mirror.requests) == asked
    assert sorted(path.name for path in (cache / "downloads").iterdir()) == ["chest_xray"]


def test_an_archive_that_is_not_the_published_one_is_refused(mirror, tmp_path):
    mirror.files[ARCHIVE] = mirror.files[ARCHIVE][:-9] + b"different"
    with pytest.raises(EdgekitError, match="wrong checksum"):
        open_catalogue("chest-xray", cache_dir=tmp_path / "cache")
    assert list((tmp_path / "cache" / "downloads").iterdir()) == []


@pytest.mark.parametrize("inventory", [None, b"<html>", b"[]", b'[{"filename": "ChestXRay2017.zip"}]'])
def test_where_the_publishers_list_cannot_be_had_the_first_checksum_is_recorded(mirror, tmp_path, inventory):
    del mirror.files[f"{ARCHIVE}.json"]
    if inventory is not None:
        mirror.files[f"{ARCHIVE}.json"] = inventory
    told = []
    open_catalogue("chest-xray", cache_dir=tmp_path / "cache", on_warning=told.append)
    assert "recorded in" in told[0]
    assert (tmp_path / "cache" / "downloads" / f"{ARCHIVE}.sha256").exists()


EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


@pytest.mark.parametrize("content", [b"<html>log in first</html>", b"no archive", EMPTY_ZIP, None])
def test_what_proves_to_be_no_archive_does_not_outlaw_the_real_one(mirror, tmp_path, content):
    whole, downloads = mirror.files[ARCHIVE], tmp_path / "cache" / "downloads"
    mirror.files[ARCHIVE] = whole[:-100] if content is None else content
    del mirror.files[f"{ARCHIVE}.json"]
    with pytest.raises(EdgekitError) as error:
        open_catalogue("chest-xray", cache_dir=tmp_path / "cache")
    assert not (downloads / f"{ARCHIVE}.sha256").exists()
    if (downloads / ARCHIVE).exists():
        assert f"Delete {downloads / ARCHIVE}" in error.value.hint
        (downloads / ARCHIVE).unlink()
    mirror.files[ARCHIVE] = whole
    told = []
    open_catalogue("chest-xray", cache_dir=tmp_path / "cache", on_warning=told.append)
    assert "recorded in" in told[0]
    assert (downloads / f"{ARCHIVE}.sha256").read_text().startswith(hashlib.sha256(whole).hexdigest())


def test_an_archive_that_was_fetched_but_not_unpacked_is_not_fetched_again(mirror, tmp_path):
    downloads = tmp_path / "cache" / "downloads"
    downloads.mkdir(parents=True)
    (downloads / ARCHIVE).write_bytes(mirror.files[ARCHIVE])
    open_catalogue("chest-xray", cache_dir=tmp_path / "cache")
    assert mirror.requests == []


def test_a_download_that_breaks_off_or_was_changed_is_answered_on_the_command_line(
    mirror, edgekit, tmp_path, monkeypatch
):
    monkeypatch.setattr("edgekit.data.download.time.sleep", lambda delay_s: None)  # between its tries
    words = ("build-model", "--recipe", "smoke", "--data", "chest-xray", "--out", tmp_path / "out")
    mirror.cut_after = [1 << 30, 3000, 0, 0, 0, 0]  # the publisher's list is whole
    said = edgekit(*words)
    said.assert_refused("broke off", "3,000 bytes are kept and it goes on from there")
    (kept,) = (tmp_path / "user-cache" / "edgekit" / "downloads").iterdir()
    assert (kept.name, kept.stat().st_size) == (f"{ARCHIVE}.part", 3000)
    assert mirror.requests[-1] == (ARCHIVE, "bytes=3000-")

    mirror.cut_after = []
    mirror.files[ARCHIVE] = mirror.files[ARCHIVE][:-9] + b"different"
    edgekit(*words).assert_refused("arrived with the wrong checksum", "It was thrown away", "Run the command again")
    assert list(kept.parent.iterdir()) == []
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.name != ".lock"] == []


def _with_viruses(root, write_image):
    for split, numbers in (("train", range(20, 28)), ("test", range(520, 523))):
        for number in numbers:
            write_image(root / split / "PNEUMONIA" / f"person{number}_virus_{number + 7}.jpeg", 1000 + number)
    return root


def _load(data, tmp_path):
    recipe = DataRecipe(val_fraction=0.25, calibration_images=8)
    return load_splits(data, (16, 16), recipe, cache_dir=tmp_path / "cache", on_warning=print)


def test_three_classes_come_of_the_file_names_with_the_same_groups_and_test_set(release, tmp_path, write_image):
    _with_viruses(release, write_image)
    two, three = (_load(word, tmp_path) for word in (str(release), f"chest-xray-3:{release}"))
    assert three.info.task == CHEST_XRAY_3
    assert (three.info.name, three.info.licence) == ("chest-xray-3", two.info.licence)
    assert three.info.task.domain == CHEST_XRAY.domain
    assert (three.test.ids, three.test.groups) == (two.test.ids, two.test.groups)
    for part in (three.train, three.val, three.test):
        for name, label in zip(part.ids, part.labels, strict=True):
            assert label == (0 if "IM-" in name else 1 if "bacteria" in name else 2)
        assert set(part.labels) == {0, 1, 2}
    assert not set(three.train.groups) & set(three.val.groups)


def test_three_classes_of_the_release_itself_need_no_folder(mirror, tmp_path):
    found = open_catalogue("chest-xray-3", cache_dir=tmp_path)
    assert found.info.task == CHEST_XRAY_3
    assert set(found.labels) == {0, 1}  # the mirror has no virus


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("train/PNEUMONIA/person3_scan_1.jpeg", "1 of xrays do not tell it: train/PNEUMONIA/person3_scan_1.jpeg"),
        ("train/PNEUMONIA/IM-0900-0001.jpeg", "1 of xrays do not tell it: train/PNEUMONIA/IM-0900-0001.jpeg"),
        ("test/NORMAL/person9_virus_1.jpeg", "1 of xrays do not tell it: test/NORMAL/person9_virus_1.jpeg"),
    ],
)
def test_a_file_that_does_not_tell_its_class_is_named(release, tmp_path, write_image, name, says):
    write_image(release / name, 5)
    with pytest.raises(EdgekitError, match=says) as error:
        open_catalogue(f"chest-xray-3:{release}", cache_dir=tmp_path)
    assert "person1_virus_6" in error.value.hint


def test_three_classes_are_not_looked_for_in_another_set(tmp_path, write_image):
    for name in ("cat", "dog"):
        write_image(tmp_path / "pets" / name / "1.png", 5)
    with pytest.raises(EdgekitError, match=r"chest-xray-3 is the public release .* pets has the classes cat, dog"):
        open_catalogue(f"chest-xray-3:{tmp_path / 'pets'}")


def test_the_real_xrays_have_three_classes(xray_folder, tmp_path):
    splits = _load(f"chest-xray-3:{xray_folder}", tmp_path)
    assert len(splits.train) + len(splits.val) == 5216
    assert [int((splits.test.labels == label).sum()) for label in range(3)] == [234, 242, 148]
