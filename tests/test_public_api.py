"""`import edgekit`: quick, light, and one line for each thing."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import edgekit
from edgekit.data.preprocess import load_pixels
from edgekit.runtimes.tflm import TFLM
from edgekit.values.evaluation import Threshold

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "models/chest_xray"


def test_importing_edgekit_takes_little_time_and_nothing_heavy() -> None:
    code = (
        "import sys, time; before = set(sys.modules); begun = time.process_time(); import edgekit; "
        "spent = time.process_time() - begun; print(spent); print(*(set(sys.modules) - before))"
    )
    command = [sys.executable, "-c", code]
    said = [subprocess.run(command, cwd=ROOT / "src", capture_output=True, text=True, check=True) for _ in range(3)]
    assert min(float(one.stdout.splitlines()[0]) for one in said) < 0.05
    taken = {name.partition(".")[0] for name in said[0].stdout.splitlines()[1].split()}
    assert taken <= {"edgekit", *sys.stdlib_module_names}


@pytest.mark.parametrize("name", edgekit.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(edgekit, name)
    assert name in dir(edgekit)
    assert name in ("BOARDS", "CHEST_XRAY") or (value.__doc__ or "").strip()


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        edgekit.nothing  # noqa: B018


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(edgekit.__file__).parent / "py.typed").is_file()


def test_a_notebook_predicts_compiles_and_evaluates_in_one_line_each(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("one.png", "two.png"):
        Image.fromarray(rng.integers(0, 256, (80, 70), dtype=np.uint8)).save(tmp_path / name)
    loaded = edgekit.load_model(SHIPPED)
    answers = edgekit.predict(loaded, [tmp_path / "one.png", tmp_path / "two.png"])
    pixels = np.stack([load_pixels(answer.path, loaded.model.input_shape[:2]) for answer in answers])
    assert [list(answer.outputs_q) for answer in answers] == TFLM.run(loaded.model, pixels).tolist()
    card = json.loads((SHIPPED / "card.json").read_text())
    for answer in answers:
        normal, pneumonia = answer.outputs_q
        assert answer.label == ("PNEUMONIA" if pneumonia - normal >= card["threshold"]["margin_q"] else "NORMAL")
        scale = card["output"]["scale"]
        assert answer.probabilities[1] == pytest.approx(1 / (1 + np.exp(-scale * (pneumonia - normal))))
    assert edgekit.predict(loaded, []) == []
    assert edgekit.predict(str(SHIPPED), str(tmp_path / "one.png")) == answers[:1]
    margin_q = answers[0].outputs_q[1] - answers[0].outputs_q[0]
    for threshold_q, label in ((margin_q, "PNEUMONIA"), (margin_q + 1, "NORMAL")):  # the model's threshold decides
        at = dataclasses.replace(loaded, threshold=Threshold(0.5, threshold_q))
        assert edgekit.predict(at, answers[0].path)[0].label == label
    compiled = edgekit.compile_model(SHIPPED / "student_int8.tflite")
    assert sorted(compiled.files) == ["model.c", "model.h"]
    report = edgekit.evaluate(str(SHIPPED), "phantom:0:40")
    assert report.n == sum(report.confusion.values()) > 0
    with pytest.raises(edgekit.EdgekitError, match="does not exist"):
        edgekit.predict(loaded, [tmp_path / "none.png"])
