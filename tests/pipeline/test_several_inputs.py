"""Models of several inputs and outputs and of 16-bit ends through evaluate, predict and eval-device, by an .npz."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.data.arrays import load_arrays
from edgekit.errors import EdgekitError
from edgekit.pipeline.evaluate import evaluate
from edgekit.pipeline.evaluate_board import evaluate_board
from edgekit.pipeline.first_steps import first_steps
from edgekit.pipeline.loading import task_of
from edgekit.pipeline.predict import predict
from edgekit.runtimes import tflm
from edgekit.tflite.model import read_tflite
from edgekit.tflite.quantize import real_values
from edgekit.values.evaluation import EvalReport, ValuesReport
from tensor_models import added, mixed, wide

RNG = np.random.default_rng(2)
FEW = RNG.uniform(-4, 4, (6, 3)).astype(np.float32)
MANY = RNG.uniform(-12, 12, (6, 5)).astype(np.float32)


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Inputs of int8 and int16, outputs of int8 and int32; x0, x1, y0 and y1 beside it, y1 off by a tenth."""
    path = tmp_path / "two.tflite"
    path.write_bytes(mixed())
    model = read_tflite(path)
    np.savez(tmp_path / "x.npz", x0=FEW, x1=MANY)
    values = load_arrays(tmp_path / "x.npz", model).inputs.images
    real = real_values(tflm.run(model, values), model.output_specs)
    np.savez(tmp_path / "data.npz", x0=FEW, x1=MANY, y0=real[:, :3], y1=real[:, 3:] + 0.1)
    return path


def test_real_values_enter_each_input_by_its_own_scale(two: Path) -> None:
    found = load_arrays(two.with_name("data.npz"), read_tflite(two))
    steps = found.inputs.images
    assert np.array_equal(steps[:, :3], np.round(FEW / np.float64(np.float32(0.05))) + 4)
    assert np.array_equal(steps[:, 3:], np.round(MANY / np.float64(np.float32(0.001))))
    assert [note[:16] for note in found.info.notes] == ["x0: real values,", "x1: real values,"]
    np.savez(two.with_name("q.npz"), x0=steps[:, :3].astype(np.int8), x1=steps[:, 3:].astype(np.int16))
    assert np.array_equal(load_arrays(two.with_name("q.npz"), read_tflite(two)).inputs.images, steps)


@pytest.mark.parametrize("runtime", ["tflm", "compiled"])
def test_the_error_of_all_outputs_is_in_their_own_real_units(two: Path, runtime: str) -> None:
    report = evaluate(two, str(two.with_name("data.npz")), runtime=runtime)
    assert isinstance(report, ValuesReport)
    assert (report.n, report.outputs, report.against) == (6, 8, "y0 and y1")
    assert report.max_error == pytest.approx(0.1)
    assert report.mae == pytest.approx(0.1 * 5 / 8)


def test_a_board_and_this_computer_answer_the_same(two: Path) -> None:
    here, there = predict(two, two.with_name("x.npz")), predict(two, two.with_name("x.npz"), port="native")
    assert [one.outputs_q for one in here] == [one.outputs_q for one in there]
    assert max(max(one.outputs_q) for one in here) > 2**15
    done = evaluate_board(two, "native", data=str(two.with_name("data.npz")))
    assert (done.compared.identical, done.compared.images) == (6, 6)


def test_a_network_of_16_bits_tells_classes_apart_by_labels(tmp_path: Path) -> None:
    path = tmp_path / "wide.tflite"
    path.write_bytes(wide())
    model = read_tflite(path)
    x_q = RNG.integers(-20000, 20000, (9, 8, 6, 1)).astype(np.int16)
    outputs = tflm.run(model, x_q)
    np.savez(tmp_path / "data.npz", x=x_q, y=outputs.argmax(1))
    report = evaluate(path, str(tmp_path / "data.npz"), labels="a,b,c,d,e")
    assert isinstance(report, EvalReport)
    assert report.accuracy == 1.0
    answers = predict(path, tmp_path / "data.npz", labels="a,b,c,d,e")
    assert [one.label for one in answers] == ["abcde"[row] for row in outputs.argmax(1)]
    assert [one.outputs_q for one in answers] == [tuple(row) for row in outputs.tolist()]


@pytest.mark.parametrize(
    ("arrays", "message", "hint"),
    [
        ({"x0": FEW}, "holds x0, and no x1", "np.savez(FILE, x0=..., x1=..., y0=..., y1=...)"),
        (
            {"x": FEW},
            "holds x, and no x0 nor x1",
            "x0 of shape [N, 3]: float in real units, or int8 as the model takes",
        ),
        ({"x0": FEW, "x1": MANY[:, :4]}, r"The x1 of .* has the shape \[6, 4\]", "x1 of shape [N, 5]"),
        ({"x0": FEW, "x1": MANY.astype(np.int32)}, "The x1 of .* is of type int32", "or int16 as the model takes it"),
        ({"x0": FEW.astype(np.int16), "x1": MANY}, "The x0 of .* is of type int16", "or int8 as the model takes it"),
        ({"x0": FEW, "x1": MANY[:5]}, "has 6 inputs in x0 and 5 in x1", "Give each as many"),
        ({"x0": FEW * np.nan, "x1": MANY}, "The x0 of .* holds values that are no numbers", "Leave them out"),
        ({"x0": FEW, "x1": MANY, "y1": MANY}, "has y1, and no y0", "Give each output its own, or none"),
        ({"x0": FEW, "x1": MANY, "y0": FEW, "y1": FEW}, r"The y1 of .* is float32 of shape \[6, 3\]", "[N, 5]"),
    ],
)
def test_arrays_that_do_not_fit_are_told_with_what_the_model_takes(
    two: Path, arrays: dict[str, Any], message: str, hint: str
) -> None:
    np.savez(two.with_name("bad.npz"), **arrays)
    with pytest.raises(EdgekitError, match=message) as refused:
        load_arrays(two.with_name("bad.npz"), read_tflite(two))
    assert hint in refused.value.hint
    assert "\n" not in refused.value.message


def test_pictures_for_a_model_of_two_inputs_are_refused_with_the_npz_that_it_takes(tmp_path: Path) -> None:
    path = tmp_path / "added.tflite"
    path.write_bytes(added())
    for ask in (lambda: evaluate(path, "digits"), lambda: predict(path, tmp_path)):
        with pytest.raises(EdgekitError, match="takes 6 x 5 x 3 and 6 x 5 x 3 values, which are no picture") as refused:
            ask()
        assert "FILE.npz with x0 [N, 6, 5, 3], x1 [N, 6, 5, 3] and y" in refused.value.hint


def test_labels_for_a_model_of_several_outputs_are_refused(two: Path) -> None:
    with pytest.raises(EdgekitError, match=r"gives 2 outputs \(3 int8, 5 int32\), which are no choice of classes"):
        task_of(read_tflite(two), "a,b,c,d,e,f,g,h")


def test_the_first_steps_with_such_a_model_are_filled_in(two: Path) -> None:
    found = first_steps(str(two))
    assert dict(found.facts)["takes"] == "3 int8 and 5 int16"
    assert any("x0 [N, 3], x1 [N, 5] and y0, y1" in command for command in found.commands)
    assert any(command.startswith("edgekit selftest --port emulator") for command in found.commands)
