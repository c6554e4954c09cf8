"""--input-range: what is taken is said on the terminal, in the JSON and in the report."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgekit.testing.builder import requantized_input
from smoke_build import Said

VECTORS = Path(__file__).parents[1] / "vectors/student"
CHEST_XRAY = Path(__file__).parents[2] / "models/chest_xray"
ON_DESKTOP = ("eval-device", "--port", "desktop", "--data", "phantom:0:40", "--limit", "2", "--model")


@pytest.fixture
def narrow(tmp_path: Path) -> Path:
    """A model whose input spans -0.6 to 0.34."""
    path = tmp_path / "narrow.tflite"
    path.write_bytes(requantized_input((VECTORS / "int8.tflite").read_bytes(), 0.0037, 34))
    return path


def test_the_range_that_was_read_is_said(edgekit: Callable[..., Said], tmp_path: Path) -> None:
    said = edgekit("evaluate", CHEST_XRAY, "--data", "phantom:0:40")
    assert "0 to 255 enter the network as 0 to 1 (read from the scale" in " ".join(said.out.split()), said.err
    said = edgekit(*ON_DESKTOP, CHEST_XRAY, "--json", "--report", tmp_path / "r.html")
    assert json.loads(said.out)["input_range"] == {"low": 0.0, "high": 1.0, "source": "file"}
    assert "enter the network as 0 to 1" in (tmp_path / "r.html").read_text()


def test_an_unknown_range_is_asked_for_before_any_work(edgekit: Callable[..., Said], narrow: Path) -> None:
    refused = edgekit(*ON_DESKTOP, narrow)
    assert (refused.code, "--input-range" in refused.err) == (1, True)
    said = edgekit(*ON_DESKTOP, narrow, "--input-range=-1,1", "--json")
    assert json.loads(said.out)["input_range"] == {"low": -1.0, "high": 1.0, "source": "given"}


@pytest.mark.parametrize(("text", "code"), [("1", 2), ("a,b", 2), ("0,1,2", 2), ("1,0", 1), ("0,1e999", 1)])
def test_a_range_that_is_none_is_refused(edgekit: Callable[..., Said], narrow: Path, text: str, code: int) -> None:
    refused = edgekit(*ON_DESKTOP, narrow, f"--input-range={text}")
    assert (refused.code, refused.err.startswith("error: ")) == (code, True)


def test_a_network_of_build_model_takes_no_other_range(edgekit: Callable[..., Said], tmp_path: Path) -> None:
    for name in ("card.json", "student_int8.tflite"):
        shutil.copy(CHEST_XRAY / name, tmp_path)
    (tmp_path / "student.npz").touch()
    refused = edgekit("evaluate", tmp_path / "student.npz", "--data", "phantom:0:40", "--input-range=-1,1")
    assert (refused.code, "Leave out --input-range" in refused.err) == (1, True)
