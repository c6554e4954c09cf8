"""ONNX -> five .tflite files, by onnx2tf and TensorFlow in a process of their own: their memory, their chatter and
their threads end with it.

In: an .onnx file, calibration images. Out: the files' bytes.
"""

import importlib.metadata
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.executor.child import python
from edgekit.extras import install, not_installed
from edgekit.tflite.quantize import to_float
from edgekit.values.model import InputRange

_FILES = {
    "float32": "student_float32.tflite",
    "float16": "student_float16.tflite",
    "dynamic": "student_dynamic_range_quant.tflite",
    "int8": "student_full_integer_quant.tflite",
    "16x8": "student_full_integer_quant_with_int16_act.tflite",
}
# Of RGB images onnx2tf compares its operators' outputs on samples that it downloads, if its folder has no such file.
_SAMPLES = "calibration_image_sample_data_20x128x128x3_float32.npy"
_UNIT = InputRange()
_NO_NETWORK = "http://127.0.0.1:9"  # the discard port: whatever onnx2tf may think of fetching is refused at once


def onnx_to_tflite(
    onnx: bytes, calibration: NDArray[np.uint8], *, input_name: str = "image", taken: InputRange = _UNIT
) -> dict[str, bytes]:
    """The network as `float32`, `float16`, `dynamic`, `int8` and `16x8`, whose ends are int16.

    Args:
        calibration: uint8 [N, H, W, C], see `full_range`; sets the int8 ranges.
        input_name: what the ONNX file calls its input.
        taken: what the network takes pixels for.

    Raises:
        EdgekitError: onnx2tf is missing or fails, or the temporary folder is full.
    """
    with _workspace() as folder:
        model, images, out = (folder / name for name in ("student.onnx", "calibration.npy", "out"))
        model.write_bytes(onnx)
        np.save(images, to_float(calibration, taken))  # NHWC
        np.save(folder / _SAMPLES, to_float(calibration[:1], taken))
        words = python("-m", "onnx2tf", "--input_onnx_file_path", model)
        words += ["--output_folder_path", out, "--batch_size", "1", "--not_use_onnxsim"]
        words += ["--output_dynamic_range_quantized_tflite", "--output_integer_quantized_tflite"]
        words += ["--quant_type", "per-channel", "--input_quant_dtype", "int8", "--output_quant_dtype", "int8"]
        # Without calibration images onnx2tf would fetch some.
        words += ["--custom_input_op_name_np_data_path", input_name, images, "0", "1"]
        if int(_onnx2tf_version().split(".")[0]) >= 2:
            words += ["--tflite_backend", "tf_converter"]  # its own backend's int8 files are wrong (2.6.9)
        done = subprocess.run(
            words, cwd=folder, env=_quiet_environment(), capture_output=True, text=True, errors="replace", check=False
        )
        missing = [name for name in _FILES.values() if not (out / name).is_file()]
        if done.returncode != 0 or missing:
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
            raise EdgekitError(
                f"onnx2tf {_onnx2tf_version()} failed (exit code {done.returncode}"
                f"{', without ' + ', '.join(missing) if missing else ''}):\n{said}",
                f"Take the versions that were tested together: {install('convert')}",
            )
        return {variant: (out / name).read_bytes() for variant, name in _FILES.items()}


def full_range(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The calibration images [N, H, W, C] with the darkest pixel at 0 and the brightest at 255.

    The input's range must be exactly [0, 1] for its scale to be 1/255 (int8 = pixel - 128). Changing one pixel at
    each end leaves the inner activations' ranges as the images make them; an all-white image would widen them.
    """
    stretched = images.copy()
    stretched.reshape(-1)[int(images.argmin())] = 0
    stretched.reshape(-1)[int(images.argmax())] = 255
    return stretched


@contextmanager
def _workspace() -> Iterator[Path]:
    """A temporary folder, gone again however the block ends."""
    try:
        with tempfile.TemporaryDirectory(prefix="edgekit-convert-") as folder:
            yield Path(folder)
    except OSError as error:
        raise EdgekitError(
            f"Conversion cannot write its temporary files: {error.strerror or error}.",
            "Free some room in the temporary folder, or name another: TMPDIR=/some/folder edgekit ...",
        ) from error


def _onnx2tf_version() -> str:
    try:
        return importlib.metadata.version("onnx2tf")
    except importlib.metadata.PackageNotFoundError as error:
        raise not_installed("onnx2tf") from error


def _quiet_environment() -> dict[str, str]:
    return {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "",  # the same file on every machine, and no driver's remarks
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONWARNINGS": "ignore",
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), _NO_NETWORK),
        **dict.fromkeys(("no_proxy", "NO_PROXY"), ""),
    }
