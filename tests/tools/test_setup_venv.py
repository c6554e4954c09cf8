"""The set-up of a fresh clone, with one tiny package in place of the real ones and no network."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[2] / "tools" / "setup_venv.py"


class Checkout:
    """A clone with a package `tiny`, whose command `tinycmd` prints where edgekit and Python are."""

    def __init__(self, root: Path, wheel: Path, cache: Path) -> None:
        self.root, self.venv = root, root / ".venv"
        (root / "tools").mkdir(parents=True)
        (root / "src" / "edgekit").mkdir(parents=True)
        (root / "src" / "edgekit" / "__init__.py").write_text("")
        (root / "src" / "edgekit" / "__main__.py").write_text("print('edgekit of', __file__)")
        shutil.copy(SETUP, root / "tools")
        (root / "tools" / "constraints.txt").write_text("tiny==1.0\n")
        extras = "[project.optional-dependencies]\nbuild = []\ndev = []\n"
        (root / "pyproject.toml").write_text(f'[project]\ndependencies = ["tiny @ {wheel.as_uri()}"]\n{extras}')
        kept = {k: v for k, v in os.environ.items() if k not in ("EDGEKIT_VENV", "PYTHONPATH")}
        self.environment = {**kept, "XDG_CACHE_HOME": str(cache), "PIP_NO_INDEX": "1"}

    def start(self, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(self.root / "tools" / "setup_venv.py")]
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            command, env={**self.environment, **environment}, text=True, start_new_session=True, **both
        )

    def says(self, command: str, cwd: Path | None = None) -> str:
        command = str(self.venv / "bin" / command)
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, cwd=cwd)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return tiny_wheel(tmp_path, "1.0")


def tiny_wheel(folder: Path, version: str) -> Path:
    folder.mkdir(exist_ok=True)
    path, info = folder / f"tiny-{version}-py3-none-any.whl", f"tiny-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny.py", "import sys, edgekit\ndef main(): print(edgekit.__file__, sys.prefix)\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/entry_points.txt", "[console_scripts]\ntinycmd = tiny:main\n")
        archive.writestr(f"{info}/RECORD", f"{info}/METADATA,,150000000\n")
    return path


def test_a_killed_set_up_is_done_again_and_two_clones_at_once_share_one_install(tmp_path: Path, wheel: Path) -> None:
    first, second = (Checkout(tmp_path / name, wheel, tmp_path / "cache") for name in ("one", "two words"))
    killed = first.start()
    deadline = time.monotonic() + 30
    while not list((tmp_path / "cache").glob("edgekit/venv-*/bin/python")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert not (first.venv).exists()

    both = [first.start(), second.start()]
    outputs = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert sum("Installing" in errors for _, errors in outputs) == 1
    assert len(list((tmp_path / "cache" / "edgekit").glob("venv-*"))) == 1

    for clone, (out, _) in zip((first, second), outputs, strict=True):
        assert out.splitlines()[-1] == str(clone.venv)
        assert clone.says("tinycmd").split(" /")[0] == str(clone.root / "src" / "edgekit" / "__init__.py")
        assert str(clone.venv) in clone.says("tinycmd")
        assert str(clone.root / "src" / "edgekit" / "__main__.py") in clone.says("edgekit")

    began = time.monotonic()
    out, errors = first.start().communicate()
    assert errors == ""
    assert time.monotonic() - began < 2


def test_edgekit_does_not_run_modules_of_the_folder_in_which_it_is_called(tmp_path: Path, wheel: Path) -> None:
    clone = Checkout(tmp_path / "one", wheel, tmp_path / "cache")
    _, errors = (started := clone.start()).communicate(timeout=120)
    assert started.returncode == 0, errors
    (tmp_path / "edgekit").mkdir()
    (tmp_path / "edgekit" / "__main__.py").write_text("print('of the folder')")
    (tmp_path / "edgekit" / "__init__.py").write_text("")
    assert str(clone.root / "src" / "edgekit" / "__main__.py") in clone.says("edgekit", cwd=tmp_path)


def test_packages_that_cannot_be_had_end_in_one_message_and_leave_nothing_that_looks_whole(
    tmp_path: Path, wheel: Path
) -> None:
    clone = Checkout(tmp_path / "clone", wheel, tmp_path / "cache")
    (clone.root / "tools" / "constraints.txt").write_text("tiny==2.0\n")
    process = clone.start()
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "Set-up failed at" in errors
    assert "Traceback" not in errors
    assert not clone.venv.exists()
    (clone.root / "tools" / "constraints.txt").unlink()
    process = clone.start()
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "constraints.txt is missing" in errors


def test_environments_of_the_user_are_used_or_refused_but_never_touched(tmp_path: Path, wheel: Path) -> None:
    clone = Checkout(tmp_path / "clone", wheel, tmp_path / "cache")
    mine = tmp_path / "mine"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", mine], check=True)
    before = sorted(mine.rglob("*"))
    process = clone.start(EDGEKIT_VENV=str(mine))
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "as it is" in errors
    assert sorted(mine.rglob("*")) == before
    assert "edgekit of" in clone.says("edgekit")

    shutil.rmtree(clone.venv)
    clone.venv.mkdir()
    (clone.venv / "pyvenv.cfg").write_text("home = elsewhere")
    process = clone.start(EDGEKIT_VENV=str(mine))
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "Move it away" in errors
    assert (clone.venv / "pyvenv.cfg").read_text() == "home = elsewhere"

    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letters").write_text("dear")
    process = clone.start(EDGEKIT_VENV=str(tmp_path / "home"))
    assert "Move it away" in process.communicate()[1]
    assert (tmp_path / "home" / "letters").read_text() == "dear"


def test_without_a_gpu_pip_takes_the_build_for_the_processor_from_where_it_is_told(tmp_path: Path, wheel: Path) -> None:
    """As PyTorch's index has it: the same version with a local name."""
    builds, smi = tiny_wheel(tmp_path / "builds", "1.0+cpu").parent, tmp_path / "bin" / "nvidia-smi"
    smi.parent.mkdir()
    for gpu, installed in ((False, "tiny-1.0+cpu.dist-info"), (True, "tiny-1.0.dist-info")):
        smi.write_text(f"#!/bin/sh\nexit {0 if gpu else 9}\n")  # as with a driver and no card
        smi.chmod(0o755)
        clone = Checkout(tmp_path / f"gpu-{gpu}", wheel, tmp_path / f"cache-{gpu}")
        (clone.root / "pyproject.toml").write_text('[project]\ndependencies = ["tiny"]\n')
        path = f"{smi.parent}:{os.environ['PATH']}"
        process = clone.start(PATH=path, EDGEKIT_TORCH_INDEX=str(builds), PIP_FIND_LINKS=str(wheel.parent))
        _, errors = process.communicate()
        assert process.returncode == 0, errors
        assert [path.name for path in (tmp_path / f"cache-{gpu}").rglob("tiny-*.dist-info")] == [installed]
        assert "tiny                         150 MB" in errors


def test_an_extra_that_is_made_of_others_brings_what_they_bring(tmp_path: Path, wheel: Path) -> None:
    clone = Checkout(tmp_path / "clone", wheel, tmp_path / "cache")
    extras = f'[project.optional-dependencies]\nbuild = ["x[train]"]\ntrain = ["tiny @ {wheel.as_uri()}"]\n'
    (clone.root / "pyproject.toml").write_text(f'[project]\nname = "x"\ndependencies = []\n{extras}')
    process = clone.start()
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "edgekit" in clone.says("tinycmd")
