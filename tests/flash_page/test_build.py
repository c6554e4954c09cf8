"""What `edgekit flash-page` writes, and into which folders."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files as package_files
from pathlib import Path

import pytest

from dom import parse
from edgekit.device.images import plan
from edgekit.errors import EdgekitError
from edgekit.files import file_sha256, sha256_of
from edgekit.flash_page.build import IMAGE, LICENCES, PAGE, flash_page, merged_image
from edgekit.tflite.model import read_tflite
from edgekit.values.shipped import DEFAULT_MODEL
from images_built import write_build, write_build_of
from smoke_build import Said

MODEL = read_tflite(DEFAULT_MODEL)


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """What PlatformIO leaves of the firmware with the shipped model."""
    return write_build_of(tmp_path / "build", MODEL.sha256)


def test_the_image_is_what_esptool_merges_from_the_same_files(build: Path, tmp_path: Path) -> None:
    planned = plan(build)
    where = [word for offset, file in planned.files for word in (hex(offset), str(file))]
    merge = ["merge-bin", "--output", str(tmp_path / "merged.bin"), *where]
    subprocess.run([sys.executable, "-m", "esptool", "--chip", "esp32", *merge], check=True, capture_output=True)
    assert merged_image(planned) == (tmp_path / "merged.bin").read_bytes()


def test_the_page_states_image_model_and_board_and_holds_the_image(build: Path, tmp_path: Path) -> None:
    done = flash_page(tmp_path / "out", build)
    image = (tmp_path / "out" / IMAGE).read_bytes()
    tree = parse((tmp_path / "out" / PAGE).read_text())
    facts = {one.all("dt")[0].text: one.all("dd")[0].text for one in tree.all("dl")[0].all("div")}
    assert facts["Image's SHA-256"] == done.image_sha256 == sha256_of(image)
    assert (facts["Model"], facts["Model's SHA-256"]) == ("chest_xray/student_int8.tflite", MODEL.sha256)
    assert facts["Board"].startswith("classic ESP32")
    assert facts["Answers"] == "NORMAL, PNEUMONIA"
    scripts = {script.attributes.get("id", ""): script.text for script in tree.all("script")}
    assert base64.b64decode(scripts["image"]) == image
    padded = image + b"\xff" * (-len(image) % 4)
    assert json.loads(scripts["facts"])["md5"][str(len(padded))] == hashlib.md5(padded).hexdigest()
    assert "Research demonstration, not a medical device." in tree.all("body")[0].text
    assert str(tmp_path) not in (tmp_path / "out" / PAGE).read_text()


def test_what_a_file_is_called_is_text(build: Path, tmp_path: Path) -> None:
    model = tmp_path / "<img src=x onerror=alert(1)>'&amp;.tflite"
    model.write_bytes(DEFAULT_MODEL.read_bytes())
    page = flash_page(tmp_path / "out", build, model).page
    tree = parse(page.read_text())
    assert tree.all("img") == []
    assert f"{tmp_path.name}/{model.name}" in tree.all("dl")[0].text


def test_the_page_loads_nothing_and_runs_its_own_script_alone(build: Path, tmp_path: Path) -> None:
    flash_page(tmp_path / "out", build)
    tree = parse((tmp_path / "out" / PAGE).read_text())
    loads = [node.attributes for kind in ("script", "link", "img", "iframe") for node in tree.all(kind)]
    assert {one.get("src", one.get("href")) for one in loads} == {None, "data:,"}
    script = next(one.text for one in tree.all("script") if not one.attributes)
    own = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(one.attributes["content"] for one in tree.all("meta") if "http-equiv" in one.attributes)
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{own}' blob:;")


def test_what_is_vendored_is_what_its_origin_says_and_can_stand_within_a_page() -> None:
    folder = package_files("edgekit.flash_page") / "esptool_js"
    bundle = (folder / "bundle.js").read_bytes()
    origin = json.loads((folder / "ORIGIN.json").read_text())
    assert origin["sha256"] == sha256_of(bundle)
    assert not re.search(rb"</script|<!--", bundle, re.IGNORECASE)
    licences = (folder / LICENCES).read_text()
    assert all(name.replace("@", " ") in licences for name in origin["packages"])
    assert "Apache License" in licences
    tool = (Path(__file__).parents[2] / "tools/vendor_esptool_js").read_text()
    assert all(sha512.removeprefix("sha512-") in tool for sha512 in origin["packages"].values())


def test_a_page_of_an_earlier_build_is_replaced(build: Path, tmp_path: Path) -> None:
    first = flash_page(tmp_path / "out", build)
    write_build_of(build, MODEL.sha256, more_bytes=10_000)
    second = flash_page(tmp_path / "out", build)
    assert second.image_bytes == first.image_bytes + 10_000
    assert file_sha256(second.image) == second.image_sha256
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".edgekit.json", LICENCES, PAGE, IMAGE]


@pytest.mark.parametrize("name", ["index.html", "notes.txt"])
@pytest.mark.parametrize("earlier", [False, True])
def test_a_folder_with_something_else_is_left_as_it_is(build: Path, tmp_path: Path, name: str, earlier: bool) -> None:
    out = tmp_path / "out"
    if earlier:
        flash_page(out, build)
    out.mkdir(exist_ok=True)
    (out / name).write_text("mine")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(EdgekitError, match=rf"{name} is not of an earlier page of edgekit's, or was changed") as error:
        flash_page(out, build)
    assert "empty folder" in error.value.hint
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b'{"index.html": 3}', b"\xff"])
def test_a_damaged_list_of_what_was_written_overwrites_nothing(build: Path, tmp_path: Path, damage: bytes) -> None:
    flash_page(tmp_path / "out", build)
    (tmp_path / "out/.edgekit.json").write_bytes(damage)
    with pytest.raises(EdgekitError, match="nothing was written"):
        flash_page(tmp_path / "out", build)


def test_a_page_that_was_cut_off_can_be_written_again(
    build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgekit import files

    flash_page(tmp_path / "out", build)
    write_build_of(build, MODEL.sha256, more_bytes=10_000)
    real = files.write_bytes

    def cut_off(path: Path, content: bytes) -> None:
        if path.name == IMAGE:
            raise KeyboardInterrupt
        real(path, content)

    with monkeypatch.context() as cut:
        cut.setattr(files, "write_bytes", cut_off)
        with pytest.raises(KeyboardInterrupt):
            flash_page(tmp_path / "out", build)
    assert file_sha256(flash_page(tmp_path / "out", build).image) == sha256_of(merged_image(plan(build)))


def test_a_firmware_with_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        EdgekitError, match=r"firmware\.bin does not hold the model .*student_int8\.tflite \(28d6fe4c"
    ) as no:
        flash_page(tmp_path / "out", write_build(tmp_path / "build"))
    assert "edgekit firmware --model" in no.value.hint
    assert not (tmp_path / "out").exists()


def test_without_an_image_a_line_says_how_to_build_one(
    edgekit: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = edgekit("flash-page", "--out", tmp_path / "out", "--build", tmp_path)
    assert (said.code, said.out) == (1, "")
    assert said.err.splitlines() == [
        f"error: {tmp_path}/bootloader.bin does not exist.", "  Build the firmware first: pio run -d firmware"
    ]  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_the_command_says_what_was_written(edgekit: Callable[..., Said], build: Path, tmp_path: Path) -> None:
    said = edgekit("flash-page", "--out", tmp_path / "out", "--build", build, "--json")
    assert said.code == 0, said.err
    assert said.json["page"] == str(tmp_path / "out" / PAGE)
    assert said.json["image_sha256"] == file_sha256(tmp_path / "out" / IMAGE)
    said = edgekit("flash-page", "--out", tmp_path / "out", "--build", build)
    assert (said.code, "Open it in Chrome" in said.out) == (0, True)
