"""Whole commands on paths whose bytes are no UTF-8: no file is lost, and nothing ends in a traceback."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smoke_build import Said

MODEL = os.fsdecode(b"m\xfe.tflite")
VECTORS = Path(__file__).parents[1] / "vectors/student"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its file systems take UTF-8 alone")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set of two classes and a model, every name with a byte that no UTF-8 begins with."""
    root = tmp_path / os.fsdecode(b"caf\xe9")
    pixels = np.random.default_rng(0)
    for number in range(16):
        path = root / ("train", "test")[number % 2] / ("cat", "dog")[number // 2 % 2] / os.fsdecode(b"%d\xff" % number)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.integers(0, 256, (32, 32), dtype=np.uint8)).save(f"{path}.png")
    shutil.copy(VECTORS / "int8.tflite", root / MODEL)
    return root


EVALUATE = ("evaluate", "{model}", "--data", "{folder}", "--labels", "cat,dog")


@pytest.mark.parametrize(
    "words",
    [
        ("data", "info", "{folder}"),
        ("data", "info", "{folder}", "--json"),
        (*EVALUATE, "--report", "{folder}/r.html"),
        (*EVALUATE, "--json", "--report", "{folder}/r.md"),
        ("eval-device", "--port", "desktop", "--model", "{model}", "--data", "{folder}", "--labels", "cat,dog"),
        ("predict", "{model}", "{folder}/test"),
        ("inspect", "{model}"),
        ("compile", "{model}", "--out", "{folder}/library"),
        ("init", "{folder}"),
    ],
    ids=" ".join,
)
def test_a_command_takes_paths_that_are_no_utf_8(
    edgekit: Callable[..., Said], folder: Path, words: tuple[str, ...]
) -> None:
    said = edgekit(*(word.format(folder=folder, model=folder / MODEL) for word in words))
    assert said.code == 0, said.err
    (said.out + said.err).encode()  # what is printed is UTF-8
    if "--json" in words:
        json.loads(said.out)
    if "--report" in words:
        (written,) = folder.glob("r.*")
        assert "caf\\udce9" in written.read_text(encoding="utf-8")


def test_a_script_can_open_the_paths_that_an_answer_names(edgekit: Callable[..., Said], folder: Path) -> None:
    answers = json.loads(edgekit("predict", folder / MODEL, folder / "test", "--json").out)
    assert len(answers) == 8
    assert all(Path(answer["path"]).is_file() for answer in answers)


def test_a_path_that_is_no_utf_8_and_does_not_exist_is_refused_by_name(
    edgekit: Callable[..., Said], folder: Path
) -> None:
    edgekit("evaluate", folder / os.fsdecode(b"none\xff.tflite")).assert_refused("caf\\udce9/none\\udcff.tflite")
