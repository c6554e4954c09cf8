"""Fixtures that more than one room needs."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def xray_folder() -> Path:
    """The real X-rays: at EDGEKIT_XRAYS, or beside the repository."""
    folder = Path(os.environ.get("EDGEKIT_XRAYS", REPOSITORY.parent / "shared" / "data" / "chest_xray"))
    if not folder.is_dir():
        pytest.skip(f"the real X-rays are not at {folder}; set EDGEKIT_XRAYS to their folder")
    return folder


@pytest.fixture(scope="session")
def build_cpp(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Compiles C++ of the repository with this computer's compiler, under the sanitizers; returns the program."""

    def build(*sources: str, flags: tuple[str, ...] = ()) -> Path:
        program = tmp_path_factory.mktemp("cpp") / "program"
        include = [f"-Ifirmware/lib/{lib}/src" for lib in ("wire", "app")]
        warnings = ("-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Werror")
        sanitizers = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
        command = ["g++", *warnings, *sanitizers, *include, *flags, *sources, "-o", str(program)]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return program

    return build
