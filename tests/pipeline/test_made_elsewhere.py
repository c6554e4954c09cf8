"""A .tflite without a card through load, evaluate, eval-device and predict on this computer."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit.errors import EdgekitError
from edgekit.pipeline.evaluate import evaluate
from edgekit.pipeline.evaluate_board import evaluate_board
from edgekit.pipeline.first_steps import first_steps
from edgekit.pipeline.loading import load_model, task_of
from edgekit.pipeline.predict import predict
from edgekit.runtimes import tflm
from edgekit.tflite.model import read_tflite
from edgekit.tflite.quantize import real_values
from edgekit.values.evaluation import EvalReport, ValuesReport
from elsewhere_models import dense, labelled
from models_with_states import MODELS

RNG = np.random.default_rng(1)


@pytest.fixture
def keywords(tmp_path: Path) -> Path:
    """A spectrogram to four words; x and y, which the model gets right, beside it."""
    path = tmp_path / "keywords.tflite"
    path.write_bytes(
        labelled(dense((1, 12, 10, 1), 4, softmax=True, scale=0.58, zero_point=83), "yes", "no", "up", "on")
    )
    x = RNG.normal(-30, 20, (24, 12, 10, 1)).astype(np.float32)
    model = read_tflite(path)
    x_q = np.clip(np.round(x.astype(np.float64) / model.input_q.scale) + 83, -128, 127).astype(np.int8)  # type: ignore[union-attr]
    outputs = tflm.run(model, x_q)
    np.savez(tmp_path / "data.npz", x=x, y=outputs.argmax(1))
    return path


def test_a_spectrogram_is_scored_by_the_labels_within_the_file(keywords: Path) -> None:
    report = evaluate(keywords, str(keywords.with_name("data.npz")))
    assert isinstance(report, EvalReport)
    assert (report.accuracy, report.n, report.task.labels) == (1.0, 24, ("yes", "no", "up", "on"))
    assert report.threshold is None


def test_labels_of_the_user_stand_above_those_of_the_file(keywords: Path) -> None:
    words = keywords.with_name("words.txt")
    words.write_text("a\nb\nc\nd\n\n")
    for given in ("a, b,c,d", str(words)):
        loaded = load_model(keywords, given)
        assert loaded.task is not None
        assert loaded.task.labels == ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("a,b", "gives 4 outputs, and --labels names 2"),
        ("a,b,A,d", "names A twice"),
        ("a,,c,d", "Name 2 of --labels is empty"),
        ("no-such-file", "no-such-file cannot be read"),
    ],
)
def test_labels_that_do_not_fit_are_refused(keywords: Path, labels: str, message: str) -> None:
    with pytest.raises(EdgekitError, match=message) as refused:
        task_of(read_tflite(keywords), labels)
    assert refused.value.hint


def test_labels_within_the_file_that_do_not_fit_are_left_out_and_that_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert task_of(read_tflite(labelled(dense((1, 4), 3), "one", "two")), None) is None
    assert "The labels within" in capsys.readouterr().err


def test_pictures_for_a_model_that_takes_none_are_refused_with_the_npz_that_it_takes(tmp_path: Path) -> None:
    (tmp_path / "vector.tflite").write_bytes(dense((1, 40), 3))
    with pytest.raises(EdgekitError, match="40 values, which are no picture") as refused:
        evaluate(tmp_path / "vector.tflite", "digits")
    assert "x [N, 40] and y" in refused.value.hint


def test_a_regression_shows_its_error_in_real_units_and_no_accuracy(tmp_path: Path) -> None:
    path = tmp_path / "sine.tflite"
    path.write_bytes(dense((1, 1), 1))
    x = np.linspace(0, 6, 20, dtype=np.float32).reshape(-1, 1)
    np.savez(tmp_path / "d.npz", x=x, y=np.zeros(20, np.float32))
    report = evaluate(path, str(tmp_path / "d.npz"))
    assert isinstance(report, ValuesReport)
    model = read_tflite(path)
    x_q = np.clip(np.round(x / np.float32(0.1)) + 3, -128, 127).astype(np.int8)
    real = real_values(tflm.run(model, x_q), model.output_specs)
    assert report.mae == pytest.approx(np.abs(real).mean())
    assert report.mse == pytest.approx((real**2).mean())
    done = evaluate_board(load_model(path), "desktop", str(tmp_path / "d.npz"), limit=5)
    assert isinstance(done.scored, ValuesReport)
    assert (done.scored.n, done.compared.identical) == (5, 5)


def test_without_y_only_bytes_are_compared_and_evaluate_says_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "v.tflite").write_bytes(dense((1, 6), 3))
    np.savez(tmp_path / "d.npz", x=RNG.normal(0, 1, (5, 6)))
    with pytest.raises(EdgekitError, match="has no y"):
        evaluate(tmp_path / "v.tflite", str(tmp_path / "d.npz"))
    done = evaluate_board(load_model(tmp_path / "v.tflite"), "desktop", str(tmp_path / "d.npz"))
    assert isinstance(done.scored, ValuesReport)
    assert np.isnan(done.scored.mse)


def picture_folder(folder: Path) -> Path:
    for label, shade in (("dark", 20), ("light", 220), ("mid", 120)):
        (folder / label).mkdir(parents=True)
        for row in range(8):
            Image.new("L", (5, 6), shade + row).save(folder / label / f"{row}.png")
    return folder


def test_pictures_are_joined_with_outputs_by_name_whatever_their_order(tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(dense((1, 6, 5, 1), 3, scale=1 / 255, zero_point=-128))
    folder = str(picture_folder(tmp_path / "pictures"))
    reports = [evaluate(model, folder, labels=names) for names in ("dark,light,mid", "mid,dark,light")]
    rows = [np.array(one.matrix) for one in reports if isinstance(one, EvalReport)]
    assert reports[1].task.labels == ("mid", "dark", "light")  # type: ignore[union-attr]
    # class 0 of the second is class 2 of the first; what the model answers is the same output
    assert np.array_equal(rows[1], rows[0][[2, 0, 1]])


def test_outputs_that_nobody_named_are_taken_in_the_sets_order_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(dense((1, 6, 5, 1), 3, scale=1 / 255, zero_point=-128))
    evaluate(model, str(picture_folder(tmp_path / "pictures")))
    assert "taken for dark, light, mid, in this" in " ".join(capsys.readouterr().err.split())
    model.write_bytes(dense((1, 6, 5, 1), 4, scale=1 / 255, zero_point=-128))
    with pytest.raises(EdgekitError, match=r"gives 4 outputs; .* has 3 classes"):
        evaluate(model, str(tmp_path / "pictures"))


def test_a_folder_an_npz_and_a_picture_are_answered(tmp_path: Path, keywords: Path) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(dense((1, 6, 5, 1), 3, scale=1 / 255, zero_point=-128))
    folder = picture_folder(tmp_path / "pictures")
    answers = predict(model, [folder, folder / "dark/0.png"], labels="a,b,c")
    assert len(answers) == 25
    assert {one.label for one in answers} <= {"a", "b", "c"}
    assert all(sum(one.probabilities) == pytest.approx(1) for one in answers)
    (first, *_) = predict(keywords, keywords.with_name("data.npz"))
    assert (first.path.name, len(first.outputs_q)) == ("data.npz[0]", 4)
    # the file's softmax is no logit: its shares are the probabilities
    shares = (np.array(first.outputs_q) + 128) / 256
    assert np.allclose(first.probabilities, shares, atol=0.01)


def test_values_are_predicted_as_values(tmp_path: Path) -> None:
    (tmp_path / "v.tflite").write_bytes(dense((1, 6), 3))
    np.savez(tmp_path / "d.npz", x=RNG.normal(0, 1, (2, 6)))
    (first, _) = predict(tmp_path / "v.tflite", tmp_path / "d.npz")
    assert (first.label, first.probabilities, len(first.values)) == ("", (), 3)


def test_first_steps_name_what_is_there_and_the_commands_for_it(tmp_path: Path, keywords: Path) -> None:
    said = first_steps(str(keywords))
    assert dict(said.facts)["classes"] == "yes, no, up, on"
    assert any("--data FILE.npz  # x [N, 12, 10, 1] and y" in command for command in said.commands)
    said = first_steps(str(picture_folder(tmp_path / "pictures")))
    assert dict(said.facts)["classes"] == "dark 8, light 8, mid 8"
    assert "--set student.input_size=16x16" in said.commands[1]
    with pytest.raises(EdgekitError, match="needs no recipe"):
        first_steps(str(keywords), tmp_path / "recipe.json")


@pytest.mark.parametrize("name", MODELS)
def test_a_model_with_a_state_goes_all_the_way_and_every_command_says_that_no_run_keeps_it(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, fresh = tmp_path / "m.tflite", "each input is run from a fresh state"
    path.write_bytes(MODELS[name])
    said = first_steps(str(path))
    assert fresh in dict(said.facts)["state"]
    assert any("selftest --port emulator" in one for one in said.commands)
    model = load_model(path).model
    x_q = RNG.integers(-128, 128, (5, *model.input_shape)).astype(np.int8)
    y = real_values(tflm.run(model, x_q), model.output_specs)
    np.savez(tmp_path / "d.npz", x=real_values(x_q, model.input_specs), y=y)
    report = evaluate(path, str(tmp_path / "d.npz"))
    assert isinstance(report, ValuesReport)
    assert report.mse == 0
    assert any(fresh in note for note in report.notes)
    assert fresh in " ".join(capsys.readouterr().err.split())
    done = evaluate_board(load_model(path), "native", str(tmp_path / "d.npz"))
    assert done.compared.identical == 5
    assert any(fresh in note for note in done.scored.notes)
    assert len(predict(path, [tmp_path / "d.npz"])) == 5


@pytest.mark.parametrize("shape", [(1, 40), (1, 9, 5), (1, 12, 10, 2), (1, 6, 5, 3)])
def test_a_board_gives_the_desktops_bytes_for_an_input_of_any_rank(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(labelled(dense(shape, 3, softmax=True), "a", "b", "c"))
    np.savez(tmp_path / "d.npz", x=RNG.normal(0, 3, (4, *shape[1:])), y=["a", "b", "c", "a"])
    done = evaluate_board(load_model(path), "native", str(tmp_path / "d.npz"))
    assert (done.compared.identical, done.run.device["labels"]) == (4, ["a", "b", "c"])
    assert isinstance(done.scored, EvalReport)
    assert done.scored.task.labels == ("a", "b", "c")
