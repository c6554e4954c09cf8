"""A Python that edgekit starts runs what is installed, whatever lies in the working directory."""

import re
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import unit_functions as work

from edgekit.boards.board import ESP32
from edgekit.conversion import tflite
from edgekit.device import esptool
from edgekit.errors import EdgekitError
from edgekit.executor.local import LocalExecutor
from edgekit.executor.ray_cluster import RayExecutor
from edgekit.executor.units import execute
from edgekit.runtimes.tflm import arena_bytes_apart
from edgekit.values.shipped import DEFAULT_MODEL

ROOT = Path(__file__).parents[2]
FOREIGN = ("numpy", "esptool", "onnx2tf", "edgekit", "multiprocessing", "pickle", "subprocess", "re", "os", "ast")


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with modules of the names that the children import; where one notes that it was run."""
    here, ran = tmp_path / "downloads", tmp_path / "ran"
    here.mkdir()
    for name in FOREIGN:
        (here / f"{name}.py").write_text(
            f"open({str(ran)!r}, 'a').write({name!r} + ' ')\nraise SystemExit('foreign')\n"
        )
    monkeypatch.chdir(here)
    return ran


def test_measuring_an_arena_runs_no_module_of_the_working_directory(trap: Path) -> None:
    assert arena_bytes_apart((ROOT / DEFAULT_MODEL).read_bytes()) is not None
    assert not trap.exists()


def test_flashing_runs_no_module_of_the_working_directory(trap: Path) -> None:
    tool = esptool.Esptool("/dev/none", ESP32, lambda line: None, None, 921600)
    assert "esptool" in tool.run("version")
    assert not trap.exists()


def test_converting_runs_no_module_of_the_working_directory(trap: Path) -> None:
    with pytest.raises(EdgekitError, match=r"onnx2tf .* failed"):
        tflite.onnx_to_tflite(b"no network", np.zeros((1, 8, 8, 1), np.uint8))
    assert not trap.exists()


def test_workers_run_no_module_of_the_working_directory(trap: Path, tmp_path: Path) -> None:
    with closing(LocalExecutor[int, int](work.double, 1, tmp_path / "log")) as executor:
        said = list(execute(executor, [1]))
    assert said[-1].result is not None
    assert said[-1].result.value == 2
    assert not trap.exists()


def test_rays_workers_run_no_module_of_the_working_directory_and_work_in_it(
    trap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))  # they are to find `work`
    pytest.importorskip("ray", reason="Ray is not installed: it comes with the extra `cluster`")
    try:
        executor = RayExecutor[int, str](work.folder, "local", 1)
    except EdgekitError as error:
        pytest.skip(f"Ray gives its own processes 30 s to start, and this machine is too busy: {error.message}")
    with closing(executor):
        said = list(execute(executor, [1]))
    assert not trap.exists(), trap.read_text()
    assert said[-1].result is not None
    assert said[-1].result.value == str(trap.with_name("downloads"))


def test_every_python_that_is_started_is_told_to_leave_the_working_directory_alone() -> None:
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "tools").rglob("*.py"), ROOT / "firmware" / "prepare_model.py"]
    started = [line for path in sources for line in path.read_text().splitlines() if re.search(r'"-[mc]", "?\w', line)]
    started = [line for line in started if "python" in line.lower() or "sys.executable" in line]
    assert len(started) >= 6
    assert [line for line in started if '"-P"' not in line and " python(" not in line] == []
