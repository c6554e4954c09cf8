"""The wheel is whole: what a checkout does, an installed wheel does, far from any checkout."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
EXTRAS = ("torch", "torchvision", "tensorflow", "onnx", "onnx2tf", "onnxruntime", "ai_edge_litert", "sklearn", "ray")
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"


def tracked(*under: str) -> list[str]:
    asked = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z", *under]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a checkout with git")
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def built(what: str, tree: Path, into: Path) -> Path:
    """A wheel or an sdist of a tree, by its own build backend."""
    into.mkdir(exist_ok=True)
    command = [sys.executable, "-P", "-W", "ignore", "-c", BUILD, f"build_{what}", str(into)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return into / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh checkout in which somebody has built before: a module that is gone since, and what PlatformIO leaves."""
    tree = tmp_path_factory.mktemp("packaging") / "tree"
    for name in tracked("pyproject.toml", "README.md", "LICENSE", "src", "firmware", "models", "tools/build_wheel.py"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tree / name)
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


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """Where the wheel lies as pip unpacks it, in an environment without the extras."""
    place = wheel.parents[1] / "site-packages"
    place.mkdir()
    for extra in EXTRAS:
        (place / f"{extra}.py").write_text("raise ImportError('not installed')")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    return place


def edgekit(installed: Path, folder: Path, *words: str) -> str:
    """What an installed edgekit prints in a folder outside any checkout."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("EDGEKIT")}
    env |= {"PYTHONPATH": str(installed), "XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, "-P", "-m", "edgekit", *words]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_every_source_and_nothing_that_a_build_left(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = {name.removeprefix("src/") for name in tracked("src/edgekit") if not name.endswith(".clang-format")}
    firmware = {f"edgekit/{name}" for name in tracked("firmware")}
    models = {name for name in names if name.startswith("edgekit/models/")}
    assert names - models == package | firmware | {"edgekit/LICENSE"}
    for folder in ("chest_xray", "chest_xray_3"):
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


def test_an_installed_wheel_works_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = [sys.executable, "-P", "-c", "import edgekit; print(edgekit.__file__)"]
    env = {**os.environ, "PYTHONPATH": str(installed)}
    assert (
        str(installed)
        in subprocess.run(where, cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout
    )
    Image.new("L", (64, 64), 90).save(tmp_path / "film.png")
    assert "Put a neural network" in edgekit(installed, tmp_path, "--help")
    assert "edgekit firmware --project" in edgekit(installed, tmp_path, "doctor")
    assert "CONV_2D" in edgekit(installed, tmp_path, "inspect", "chest_xray")
    edgekit(installed, tmp_path, "compile", "chest_xray", "--out", "library")
    assert any((tmp_path / "library").rglob("*.c"))
    edgekit(installed, tmp_path, "export", "chest_xray", "--as", "arduino", "--out", "arduino")
    assert (tmp_path / "arduino/LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert "film.png" in edgekit(installed, tmp_path, "predict", "chest_xray_3", "film.png")
    assert '"n": 10' in edgekit(installed, tmp_path, "evaluate", "chest_xray", "--data", "phantom:0:40", "--json")


def test_an_installed_wheel_builds_and_runs_the_firmware(installed: Path, tmp_path: Path) -> None:
    assert "native" in edgekit(installed, tmp_path, "selftest", "--port", "native")
    assert "CONV_2D" in edgekit(installed, tmp_path, "profile", "chest_xray", "--port", "emulator")
    assert any((tmp_path / "cache/edgekit/programs").glob("native-*/firmware"))  # built there, not beside edgekit
    assert not any(path for path in installed.rglob("*.o"))


def test_an_installed_wheel_unpacks_a_firmware_project(installed: Path, tmp_path: Path) -> None:
    edgekit(installed, tmp_path, "firmware", "--project", "mine")
    sources = {name.removeprefix("firmware/") for name in tracked("firmware")}
    there = {
        path.relative_to(tmp_path / "mine").as_posix() for path in (tmp_path / "mine").rglob("*") if path.is_file()
    }
    model = {
        f"lib/model/src/model/{name}" for name in ("model.c", "model.h", "model_data.cc", "model_data.h", "model.json")
    }
    assert there == sources | model | {".edgekit.json"}
    assert "mine, model " in edgekit(installed, tmp_path / "mine", "doctor")
