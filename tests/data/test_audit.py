"""The audit of a data set."""

import json
import re
import shutil

from PIL import Image

from edgekit.data.audit import Audit, audit
from edgekit.report.pages.sections import data_section
from edgekit.values.codec import to_json
from terminal import printed


def text_of(found: Audit) -> str:
    return printed(data_section(found.info, found).parts, 200)


def test_it_counts_what_is_there(release, tmp_path, write_image):
    write_image(release / "train" / "NORMAL" / "IM-0001-0003.png", 400, "RGB", (300, 200))
    found = audit(str(release), cache_dir=tmp_path)
    assert found.images == 45
    assert found.counts == {"train": {"NORMAL": 17, "PNEUMONIA": 16}, "test": {"NORMAL": 6, "PNEUMONIA": 6}}
    assert (found.width.min, found.width.median, found.width.max) == (40, 40, 300)
    assert (found.height.min, found.height.max) == (30, 200)
    assert found.modes == {"L": 44, "RGB": 1}
    assert found.patients == {"train": 16, "test": 6}
    assert found.patients_shared == {"train/test": 0}
    assert found.unreadable == {}
    assert found.byte_identical.groups == found.pixel_identical.groups == ()


def test_it_finds_equal_files_and_equal_pixels_within_and_across_splits(release, tmp_path):
    train, test = release / "train" / "NORMAL", release / "test" / "PNEUMONIA"
    shutil.copy(train / "IM-0001-0001.jpeg", train / "IM-0007-0009.jpeg")
    shutil.copy(train / "IM-0001-0001.jpeg", test / "person7_virus_1.jpeg")
    with Image.open(train / "IM-0002-0001.jpeg") as image:
        image.convert("RGB").save(train / "IM-0002-0003.png")  # other bytes, the same picture
    found = audit(str(release), cache_dir=tmp_path)
    assert found.byte_identical.within == {"train": 1, "test": 0}
    assert found.byte_identical.across == {"train/test": 1}
    assert found.byte_identical.two_labels == 1
    assert found.byte_identical.groups == (
        ("test/PNEUMONIA/person7_virus_1.jpeg", "train/NORMAL/IM-0001-0001.jpeg", "train/NORMAL/IM-0007-0009.jpeg"),
    )
    assert found.pixel_identical.within == {"train": 2, "test": 0}
    assert found.pixel_identical.across == {"train/test": 1}
    assert len(found.pixel_identical.groups) == 2
    assert found.patients_shared == {"train/test": 1}


def test_it_names_unreadable_files_and_goes_on(release, tmp_path):
    (release / "test" / "NORMAL" / "IM-0501-0001.jpeg").write_text("text")
    whole = (release / "train" / "NORMAL" / "IM-0001-0001.jpeg").read_bytes()
    (release / "train" / "NORMAL" / "IM-0001-0001.jpeg").write_bytes(whole[:-200])
    found = audit(str(release), cache_dir=tmp_path)
    assert list(found.unreadable) == ["test/NORMAL/IM-0501-0001.jpeg", "train/NORMAL/IM-0001-0001.jpeg"]
    assert "is not an image" in found.unreadable["test/NORMAL/IM-0501-0001.jpeg"]
    assert sum(found.modes.values()) == 42
    assert "IM-0501-0001.jpeg" in text_of(found)


def test_it_can_be_written_as_json_and_read_by_a_person(release, tmp_path):
    found = audit(str(release), cache_dir=tmp_path)
    assert json.loads(json.dumps(to_json(found)))["counts"]["test"]["NORMAL"] == 6
    text = text_of(found)
    for fact in ("44 images", "width 40 to 40 px", "unreadable: 0", "CC BY 4.0", found.info.fingerprint):
        assert fact in text


def test_synthetic_data_are_called_so(tmp_path):
    assert "synthetic phantoms" in text_of(audit("phantom:0:40", cache_dir=tmp_path))


def test_a_set_in_which_nothing_can_be_read_is_still_audited(release, tmp_path):
    for path in release.rglob("*.jpeg"):
        path.write_text("text")
    found = audit(str(release), cache_dir=tmp_path)
    assert len(found.unreadable) == 44
    assert found.width is None
    assert "and 24 more" in text_of(found)


def test_it_says_classes_channels_mirror_images_and_what_is_not_used(release, tmp_path, write_image):
    (release / "train" / "NORMAL" / "list.txt").write_text("text")
    text = text_of(audit(str(release), cache_dir=tmp_path))
    for fact in (
        r"classes\W+2: NORMAL, PNEUMONIA",
        r"images\W+grey",
        r"mirror images\W+of the same class",
        "not used: 1 ",
    ):
        assert re.search(fact, text), fact
    assert re.search(r"mirror images\W+may be of another class: none in training", text_of(audit("digits")))
    text = text_of(audit("shapes:0:100", cache_dir=tmp_path))
    assert re.search(r"classes\W+5: green disc, green square, red disc, red square, triangle", text)
    assert re.search(r"images\W+RGB", text)


def test_many_classes_have_a_row_each_that_fits_into_a_terminal(tmp_path):
    found = audit("digits", cache_dir=tmp_path)
    text = re.sub("[│┃]", " ", printed(data_section(found.info, found).parts, 80))
    assert re.search(r"class +train", text)
    for label, images in found.counts["train"].items():
        assert re.search(rf"^ *{label} +{images} *$", text, re.MULTILINE)
    assert re.search(r"train +1,797 +1,797 +0 +0", text)
