"""What a checkout does, an installed wheel does: far from any checkout, with the packages that it asks for itself."""

from pathlib import Path

import pytest
from PIL import Image

from bare_environment import REPOSITORY, BareEnvironment, tracked
from edgekit.extras import EXTRAS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder with a picture."""
    Image.new("L", (64, 64), 90).save(tmp_path / "film.png")
    return tmp_path


def test_pip_installs_it_without_any_package_of_an_extra(installed: BareEnvironment) -> None:
    there = {path.name for path in installed.package.parent.iterdir()}
    assert "serial" in there
    assert not there & {package for packages in EXTRAS.values() for package in packages}


def test_it_says_what_it_is_and_what_is_there(installed: BareEnvironment, folder: Path) -> None:
    assert "Put a neural network" in installed.edgekit(folder, "--help")
    assert "edgekit firmware --project" in installed.edgekit(folder, "doctor")


def test_it_compiles_and_inspects_the_shipped_model(installed: BareEnvironment, folder: Path) -> None:
    assert "CONV_2D" in installed.edgekit(folder, "inspect", "chest_xray")
    installed.edgekit(folder, "compile", "chest_xray", "--out", "library")
    assert any((folder / "library").rglob("*.c"))
    installed.edgekit(folder, "export", "chest_xray", "--as", "arduino", "--out", "arduino")
    assert (folder / "arduino/LICENSE").read_text() == (REPOSITORY / "LICENSE").read_text()


def test_it_predicts_and_evaluates(installed: BareEnvironment, folder: Path) -> None:
    assert "film.png" in installed.edgekit(folder, "predict", "chest_xray_3", "film.png")
    words = ("evaluate", "chest_xray", "--data", "phantom:0:40", "--json")
    assert '"runtime": "tflm"' in (said := installed.edgekit(folder, *words))
    assert '"n": 10' in said
    assert '"runtime": "compiled"' in installed.edgekit(folder, *words, "--runtime", "compiled")


@pytest.mark.parametrize("port", ["native", "emulator"])
def test_it_builds_the_firmware_tries_it_and_evaluates_on_it(
    installed: BareEnvironment, folder: Path, port: str
) -> None:
    assert "Self-test of" in installed.edgekit(folder, "selftest", "--port", port)  # and exit code 0
    words = ("eval-device", "--port", port, "--data", "phantom:0:40", "--limit", "2", "--json")
    assert '"n": 2' in installed.edgekit(folder, *words)
    assert any(installed.cache.glob("edgekit/programs/*/firmware*"))  # built there, not beside edgekit
    assert not [path for path in installed.package.rglob("*") if path.suffix in (".o", ".elf")]


def test_it_measures_layers_on_the_emulator(installed: BareEnvironment, folder: Path) -> None:
    assert "CONV_2D" in installed.edgekit(folder, "profile", "chest_xray", "--port", "emulator")


def test_it_unpacks_a_firmware_project(installed: BareEnvironment, folder: Path) -> None:
    installed.edgekit(folder, "firmware", "--project", "mine")
    sources = {name.removeprefix("firmware/") for name in tracked("firmware")}
    mine = folder / "mine"
    there = {path.relative_to(mine).as_posix() for path in mine.rglob("*") if path.is_file()}
    names = ("model.c", "model.h", "model_call.h", "model_data.cc", "model_data.h", "model.json")
    assert there == sources | {f"lib/model/src/model/{name}" for name in names} | {".edgekit.json"}
    assert "mine, model " in installed.edgekit(mine, "doctor")


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (("build-model", "--recipe", "smoke", "--out", "made"), "[train,convert]"),
        (("reproduce", "--budget", "smoke", "--out", "made"), "[train,convert]"),
        (("evaluate", "chest_xray", "--runtime", "litert", "--data", "phantom:0:40"), "[convert]"),
        (("data", "info", "digits"), "[train]"),
    ],
)
def test_what_an_extra_brings_is_asked_for_with_the_wheel_that_was_installed(
    installed: BareEnvironment, folder: Path, words: tuple[str, ...], missing: str
) -> None:
    done = installed.run(folder, *words)
    assert done.returncode == 1
    error, hint = done.stderr.splitlines()
    assert "not installed" in error
    (wheel,) = (installed.folder.parent / "wheel").glob("*.whl")
    assert hint == f'  pip install "{wheel}{missing}"'
