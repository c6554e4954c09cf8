"""A model of another kind is recognised by its bytes, and the error says how to convert it."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgekit.compile import compile_model
from edgekit.errors import EdgekitError
from edgekit.tflite.reader import read_file


def torch_file(path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Linear(2, 2), path)


def old_torch_file(path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Linear(2, 2).state_dict(), path, _use_new_zipfile_serialization=False)


def onnx_file(path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    torch.onnx.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),), path, dynamo=False)


def keras_file(path: Path) -> None:
    """As keras.Model.save writes it."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            archive.writestr(name, "{}")


def hdf5_file(path: Path) -> None:
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(500))


@pytest.mark.parametrize(
    ("write", "what", "hint"),
    [
        (torch_file, "a PyTorch model", "torch.onnx.export"),
        (old_torch_file, "a PyTorch model", "torch.onnx.export"),
        (onnx_file, "an ONNX model", "onnx2tf -i model.onnx -oiqt"),
        (keras_file, r"a Keras model \(.keras\)", "from_keras_model"),
        (hdf5_file, r"a Keras model \(HDF5\)", "from_keras_model"),
    ],
)
def test_a_model_of_another_kind_is_told_how_to_become_a_tflite(
    write: Callable[[Path], None], what: str, hint: str, tmp_path: Path
) -> None:
    path = tmp_path / "somebodys.model"  # the name tells nothing
    write(path)
    with pytest.raises(EdgekitError, match=f"somebodys.model is {what}, not a .tflite file") as refusal:
        compile_model(path)
    assert hint in refusal.value.hint


def test_a_folder_of_a_saved_model_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(EdgekitError, match="is a SavedModel of TensorFlow") as refusal:
        read_file(tmp_path)
    assert "from_saved_model" in refusal.value.hint


def test_other_bytes_and_damaged_archives_are_no_model() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("holiday.jpg", "x" * 500)
    rng = np.random.default_rng(0)
    for number in range(300):
        data = bytearray(archive.getvalue() if number % 2 else rng.bytes(200))
        for at in rng.integers(4, len(data), 5):
            data[at] = int(rng.integers(256))
        with pytest.raises(EdgekitError, match=r"not a \.tflite file|an ONNX model"):
            read_file(bytes(data))
