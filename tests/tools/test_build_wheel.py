"""The wheel is whole: it holds what a checkout has, and an sdist builds the same."""

import tarfile
import zipfile
from pathlib import Path

import pytest

from bare_environment import built, copied, tracked


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh checkout in which somebody has built before: a module that is gone since, and what PlatformIO leaves."""
    tree = copied(tmp_path_factory.mktemp("packaging") / "tree")
    for left in (
        "build/lib/edgekit/gone.py",
        "firmware/.pio/build/esp32dev/firmware.bin",
        "firmware/lib/model/src/model/model.c",
        "firmware/sdkconfig.esp32dev",
        "firmware/src/__pycache__/x.pyc",
    ):
        (tree / left).parent.mkdir(parents=True, exist_ok=True)
        (tree / left).write_text("left")
    return tree


@pytest.fixture(scope="module")
def wheel(tree: Path) -> Path:
    return built("wheel", tree, tree.parent / "wheel")


def test_the_wheel_holds_every_source_and_nothing_that_a_build_left(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = {name.removeprefix("src/") for name in tracked("src/edgekit") if not name.endswith(".clang-format")}
    firmware = {f"edgekit/{name}" for name in tracked("firmware")}
    models = {name for name in names if name.startswith("edgekit/models/")}
    assert names - models == package | firmware | {"edgekit/LICENSE"}
    for folder in ("chest_xray", "chest_xray_3", "chest_xray_5k", "chest_xray_10k", "chest_xray_20k"):
        there = {"student_int8.tflite", "card.json", "card.md", "recipe.json"}
        assert {f"edgekit/models/{folder}/{name}" for name in there} <= models


def test_the_distribution_has_a_name_of_its_own_and_the_command_is_edgekit(wheel: Path) -> None:
    assert wheel.name.startswith("edgekit_esp32-")
    with zipfile.ZipFile(wheel) as archive:
        (entries,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "edgekit = edgekit.__main__:main" in archive.read(entries).decode()


def test_the_sdist_builds_the_same_wheel(tree: Path, wheel: Path) -> None:
    sdist = built("sdist", tree, tree.parent / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tree.parent / "unpacked", filter="data")
    again = built("wheel", next((tree.parent / "unpacked").iterdir()), tree.parent / "again")
    assert again.name == wheel.name
    theirs, ours = zipfile.ZipFile(again), zipfile.ZipFile(wheel)
    assert {name: theirs.read(name) for name in theirs.namelist()} == {
        name: ours.read(name) for name in ours.namelist()
    }
