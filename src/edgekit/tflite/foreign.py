"""What somebody gave where a .tflite belongs: a model of another kind is recognised, with how to convert it."""

import io
import zipfile
from pathlib import Path

from edgekit.errors import EdgekitError

_QUANTIZED = (
    "converter.optimizations=[tf.lite.Optimize.DEFAULT], converter.representative_dataset=..., "
    "converter.inference_input_type=tf.int8, then converter.convert()"
)
_KERAS = f"In Python: tf.lite.TFLiteConverter.from_keras_model(keras.models.load_model(FILE)), {_QUANTIZED}."
_SAVED_MODEL = f"In Python: tf.lite.TFLiteConverter.from_saved_model(FOLDER), {_QUANTIZED}."
_ONNX_TO_TFLITE = (
    "onnx2tf -i model.onnx -oiqt -qt per-channel -iqd int8 -oqd int8 writes *_full_integer_quant.tflite (pip install "
    "onnx2tf)."
)
_PYTORCH = f"In Python: torch.onnx.export(model, one_example, 'model.onnx'). Then {_ONNX_TO_TFLITE}"
_ONNX = f"edgekit compile MODEL.onnx --calibrate DATA takes it, a folder of images being DATA. Or {_ONNX_TO_TFLITE}"
_OTHER = "Give a .tflite file: `edgekit build-model` writes student_int8.tflite."
_MOST_LOOKED_AT = 1 << 26  # bytes of a zip whose names are read


def not_tflite(name: str, data: bytes) -> EdgekitError:
    """The error about a file that is no .tflite. `name`: what messages call it."""
    found = _format(data)
    if found is None:
        return EdgekitError(f"{name} is not a .tflite file (its bytes 4 to 7 are not TFL3).", _OTHER)
    what, hint = found
    return EdgekitError(f"{name} is {what}, not a .tflite file.", hint)


def is_onnx(data: bytes) -> bool:
    """Whether these are the bytes of an ONNX model: a protobuf with a small version, then its producer or graph."""
    return data[:1] == b"\x08" and 0 < len(data) > 2 and data[1] < 32 and data[2] in b"\x12\x1a\x22\x2a\x32\x3a\x42"


def saved_model(folder: Path) -> EdgekitError | None:
    """The error about a folder that is a SavedModel of TensorFlow; None where it is not."""
    if not (folder / "saved_model.pb").is_file():
        return None
    return EdgekitError(f"{folder} is a SavedModel of TensorFlow, not a .tflite file.", _SAVED_MODEL)


def _format(data: bytes) -> tuple[str, str] | None:
    """What it is, and how to convert it; None for what is not known."""
    if data.startswith(b"\x89HDF\r\n\x1a\n"):
        return "a Keras model (HDF5)", _KERAS
    if data.startswith(b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9"):  # PyTorch before 1.6
        return "a PyTorch model", _PYTORCH
    if data.startswith(b"PK\x03\x04") and len(data) <= _MOST_LOOKED_AT:
        return _zipped(data)
    return ("an ONNX model", _ONNX) if is_onnx(data) else None


def _zipped(data: bytes) -> tuple[str, str] | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, IndexError):
        return None
    if "config.json" in names and any(name.startswith("model.weights") for name in names):
        return "a Keras model (.keras)", _KERAS
    if any(name.endswith("data.pkl") for name in names):
        return "a PyTorch model", _PYTORCH
    return None
