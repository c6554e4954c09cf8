"""An .npz as the inputs of a model: what it may hold, and what is said of what it may not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.data.arrays import load_arrays, named
from edgekit.errors import EdgekitError
from edgekit.tflite.model import read_tflite
from edgekit.values.images import ArraysInfo, DataInfo
from elsewhere_models import dense

SERIES = read_tflite(dense((1, 20, 2), 3))
AUTOENCODER = read_tflite(dense((1, 8), 8))
PICTURE = read_tflite(dense((1, 6, 5, 1), 2, scale=1 / 255, zero_point=-128))
X = np.random.default_rng(0).normal(0, 2, (4, 20, 2))


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def test_real_values_are_quantised_by_the_inputs_scale_and_that_is_said(tmp_path: Path) -> None:
    found = load_arrays(saved(tmp_path, x=X, y=[0, 1, 2, 1]), SERIES)
    assert np.array_equal(found.inputs.images, np.clip(np.round(X / np.float32(0.1)) + 3, -128, 127))
    assert found.inputs.images.dtype == np.int8
    assert "scale 0.1 and zero point 3" in found.info.notes[0]
    assert isinstance(found.info, DataInfo)
    assert (found.info.task.labels, found.inputs.labels.tolist()) == (("0", "1", "2"), [0, 1, 2, 1])


def test_what_the_input_cannot_hold_is_counted(tmp_path: Path) -> None:
    found = load_arrays(saved(tmp_path, x=X * 100, y=[0, 1, 2, 1]), SERIES)
    assert "beyond what the input can hold" in found.info.notes[1]


def test_int8_is_taken_as_bytes_and_uint8_as_pixels(tmp_path: Path) -> None:
    x = np.arange(-20, 20, dtype=np.int8).reshape(1, 20, 2)
    found = load_arrays(saved(tmp_path, x=x, y=[0]), SERIES)
    assert np.array_equal(found.inputs.images, x)
    assert "bytes" in found.info.notes[0]
    pixels = np.full((1, 6, 5), 255, np.uint8)  # a channel of one may be left out
    assert load_arrays(saved(tmp_path, x=pixels, y=[0]), PICTURE).inputs.images.max() == 127


def test_classes_may_be_given_by_name(tmp_path: Path) -> None:
    task = named(SERIES, ("walk", "run", "sit"))
    assert load_arrays(saved(tmp_path, x=X, y=["Sit", "run", "walk", "run"]), SERIES, task).inputs.labels.tolist() == [
        2, 1, 0, 1,
    ]  # fmt: skip
    with pytest.raises(EdgekitError, match="names swim, which the model does not know"):
        load_arrays(saved(tmp_path, x=X, y=["swim"] * 4), SERIES, task)


def test_values_are_no_classes(tmp_path: Path) -> None:
    y = np.zeros((4, 3))
    found = load_arrays(saved(tmp_path, x=X, y=y), SERIES)
    assert isinstance(found.info, ArraysInfo)
    assert found.targets is not None
    assert (found.against, found.targets.shape) == ("y", (4, 3))


def test_an_autoencoder_without_y_is_compared_with_its_input(tmp_path: Path) -> None:
    found = load_arrays(saved(tmp_path, x=np.ones((2, 8), np.float32)), AUTOENCODER)
    assert found.against.startswith("the input")
    assert found.targets is not None
    assert np.allclose(found.targets, 1.0)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": [1, 2]}, "holds y, and no x"),
        ({"x": np.zeros((4, 20)), "y": [0] * 4}, r"x of .*data.npz has the shape \[4, 20\]"),
        ({"x": np.zeros((0, 20, 2))}, r"has the shape \[0, 20, 2\]"),
        ({"x": np.zeros((4, 20, 2), np.int32)}, "is of type int32"),
        ({"x": np.zeros((4, 20, 2), np.uint8)}, "is of type uint8"),
        ({"x": np.full((4, 20, 2), np.nan)}, "are no numbers"),
        ({"x": X, "y": [0, 1]}, r"has 4 inputs in x and a y of shape \[2\]"),
        ({"x": X, "y": [0, 1, 2, 3]}, "y of .* goes from 0 to 3"),
        ({"x": X, "y": np.zeros((4, 7))}, r"is float64 of shape \[4, 7\]"),
        ({"x": X, "y": np.full((4, 3), np.inf)}, "are no numbers"),
        ({"x": np.array([{}])}, "is no .npz that can be read"),
    ],
)
def test_what_does_not_fit_the_model_is_said_in_a_line(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(EdgekitError, match=message) as refused:
        load_arrays(saved(tmp_path, **arrays), SERIES)
    assert refused.value.hint
    assert "\n" not in refused.value.message


def test_a_file_that_is_no_npz_is_named(tmp_path: Path) -> None:
    for content in (b"", b"PK\x03\x04 broken", b"\x93NUMPY"):
        (tmp_path / "no.npz").write_bytes(content)
        with pytest.raises(EdgekitError, match=r"no\.npz is no \.npz"):
            load_arrays(tmp_path / "no.npz", SERIES)
    with pytest.raises(EdgekitError, match="No such file"):
        load_arrays(tmp_path / "absent.npz", SERIES)
