"""Exports of the small student, and what builds them."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from exporting import LABELS, STUDENT, Cmake, Export, run

from edgekit.cli.main import cli


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Exports a model, the small student if none is given, as `pet` and returns the folder."""

    def exported(format: str, *words: object, model: Path = STUDENT) -> Path:
        out = tmp_path / "pet"
        command = ["export", model, "--as", format, "--out", out, "--name", "pet", *words]
        done = CliRunner().invoke(cli, [*map(str, [*command, *(LABELS if model == STUDENT else ())])])
        if done.exception:
            raise done.exception
        return out

    return exported


@pytest.fixture
def cmake() -> Cmake:
    """Configures and builds a project."""
    for program in ("cmake", "gcc"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (apt-get install {program})")

    def built(source: Path, build: Path, *options: object) -> None:
        run("cmake", "-S", source, "-B", build, *options)
        run("cmake", "--build", build)

    return built
