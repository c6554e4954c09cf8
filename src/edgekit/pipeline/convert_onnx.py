"""Somebody's ONNX model -> the .tflite files that onnx2tf makes of it, the int8 one's ranges set by images.

In: an .onnx file, a set of images. Out: the .tflite's bytes, without what no interpreter reads.
"""

from pathlib import Path

from edgekit.conversion.onnx import image_input
from edgekit.conversion.tflite import full_range, onnx_to_tflite
from edgekit.data.asked import for_model
from edgekit.data.sources import load_splits
from edgekit.errors import EdgekitError
from edgekit.files import read_bytes
from edgekit.recipes.recipe import DataRecipe
from edgekit.tflite.foreign import is_onnx
from edgekit.values.model import InputRange


def int8_of_onnx(path: Path, data: str | None, input_range: tuple[float, float] | None = None) -> bytes:
    """The model as int8.

    Args:
        data: images like those that it will see, as `load_splits` takes them.
        input_range: what the network takes black and white for; 0 to 1 if left out.

    Raises:
        EdgekitError: no ONNX file, or not one of a single image; no images; the packages of the build are not
            installed; onnx2tf fails.
    """
    content = read_bytes(path, "Name an .onnx file.")
    if not is_onnx(content):
        raise EdgekitError(f"{path} is not an ONNX model.", "--calibrate is for ONNX models: leave it out.")
    if data is None:
        raise EdgekitError(
            f"{path} is an ONNX model; to make it int8, edgekit must see images like those that it will see.",
            "Name some: --calibrate DATA, a folder or a set by its name, and --input-range if white is not 1.",
        )
    return tflites_of_onnx(content, str(path), data, input_range)["int8"]


def tflites_of_onnx(
    content: bytes, called: str, data: str, input_range: tuple[float, float] | None = None
) -> dict[str, bytes]:
    """The model as `float32`, `float16`, `dynamic` and `int8`.

    Args:
        called: the file's name, for messages.
        data, input_range: as in `int8_of_onnx`.

    Raises:
        EdgekitError: as `int8_of_onnx`.
    """
    name, (height, width, channels) = image_input(content, called)
    images = load_splits(data, (height, width), for_model(DataRecipe(), channels)).calibration.images
    taken = InputRange() if input_range is None else InputRange(*input_range, "given")
    return onnx_to_tflite(content, full_range(images), input_name=name, taken=taken)
