"""What pip says of other platforms, with three small packages in place of the real ones and no network."""

import importlib.machinery
import importlib.util
import io
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "check_platforms"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("check_platforms", str(TOOL))
    spec = importlib.util.spec_from_loader("check_platforms", loader)
    assert spec is not None
    module = sys.modules["check_platforms"] = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that is all that pip knows."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_BUILD_ISOLATION", "0")  # pip reads it as its opposite: build with what is here
    return folder


def wheel(folder: Path, name: str, tag: str, requires: str = "", python: str = ">=3.11") -> None:
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-{tag}.whl", "w") as archive:
        needs = f"Requires-Python: {python}\n" + (f"Requires-Dist: {requires}\n" if requires else "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")


def source(folder: Path, name: str, setup: str) -> None:
    files = {"setup.py": setup, f"{name}.py": "", "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"}
    with tarfile.open(folder / f"{name}-1.0.tar.gz", "w:gz") as archive:
        for file, text in files.items():
            member = tarfile.TarInfo(f"{name}-1.0/{file}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))


def test_markers_are_those_of_the_platform_that_is_asked_about(tool: ModuleType, index: Path, tmp_path: Path) -> None:
    wheel(index, "tiny", "py3-none-any", "helper; sys_platform == 'win32'")
    wheel(index, "helper", "cp311-cp311-win_amd64")
    (sources := tmp_path / "sources").mkdir()
    linux, *_, windows = tool.PLATFORMS
    answers = [
        tool.ask(["tiny"], platform, python, tool.Sources(sources))
        for platform, python in ((linux, "3.11"), (windows, "3.11"), (windows, "3.12"))
    ]
    assert [answer.cell for answer in answers] == ["1", "2", "no"]
    assert answers[2].obstacle == "no wheel of helper, nor pure Python as source"


def test_the_python_that_a_package_requires_is_the_one_that_is_asked_about(
    tool: ModuleType, index: Path, tmp_path: Path
) -> None:
    """Whichever runs the tool."""
    (sources := tmp_path / "sources").mkdir()
    for name, python in (("old", "<3.12"), ("new", ">=3.12")):
        wheel(index, name, "py3-none-any", python=python)
    cells = {
        (name, python): tool.ask([name], tool.PLATFORMS[0], python, tool.Sources(sources)).cell
        for name in ("old", "new")
        for python in ("3.11", "3.12")
    }
    assert cells == {("old", "3.11"): "1", ("old", "3.12"): "no", ("new", "3.11"): "no", ("new", "3.12"): "1"}


def test_a_package_from_source_counts_where_it_is_pure_python(tool: ModuleType, index: Path, tmp_path: Path) -> None:
    source(index, "pure", "from setuptools import setup; setup(name='pure', version='1.0', py_modules=['pure'])")
    source(
        index, "native",
        "from setuptools import Extension, setup\n"
        "setup(name='native', version='1.0', ext_modules=[Extension('native', ['missing.c'])])",
    )  # fmt: skip
    (folder := tmp_path / "sources").mkdir()
    sources = tool.Sources(folder)
    macos = tool.PLATFORMS[3]
    found = tool.ask(["pure"], macos, "3.13", sources)
    assert (found.cell, found.from_source) == ("1*", ("pure",))
    assert tool.ask(["native"], macos, "3.13", sources).obstacle == "no wheel of native, nor pure Python as source"
