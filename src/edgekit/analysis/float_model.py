"""The float network that an int8 model was made of, as a float32 .tflite.

In: a .tflite, an .onnx, or the student.npz of build-model. Out: a `TfliteModel` of the same operators as the int8 one.
"""

from dataclasses import replace
from pathlib import Path

from edgekit.errors import EdgekitError
from edgekit.files import read_bytes
from edgekit.pipeline.loading import read_named
from edgekit.tflite.model import read_tflite
from edgekit.values.model import InputRange, TfliteModel

BESIDE = ("student_float32.tflite", "student.onnx", "student.npz")  # as build-model calls them; the quickest first


def float_model(int8: Path, given: Path | None, data: str, taken: InputRange | None) -> TfliteModel:
    """The float model.

    Args:
        int8: where the int8 model is; where none is `given`, build-model's float model beside it is taken.
        given: a float32 .tflite; or an .onnx or student.npz, of which onnx2tf makes one, as it made the int8 model.
        data: images such as that conversion wants.
        taken: what the network takes black and white for.

    Raises:
        EdgekitError: there is none, or what there is is no float model; the packages of the conversion are not
            installed.
    """
    path = given or next((one for name in BESIDE if (one := int8.with_name(name)).is_file()), None)
    if path is None:
        raise EdgekitError(
            f"No float model is beside {int8}: neither {', '.join(BESIDE[:-1])} nor {BESIDE[-1]}.",
            "Name the float32 .tflite, .onnx or student.npz that it was made of: --float FILE.",
        )
    model = read_named(path) if path.suffix == ".tflite" else _converted(path, data, taken)
    if model.variant != "float32":
        raise EdgekitError(f"{path} is not a float32 model but {model.variant}.", "Name the float32 .tflite.")
    return model


def _converted(path: Path, data: str, taken: InputRange | None) -> TfliteModel:
    from edgekit.pipeline.convert_onnx import tflites_of_onnx

    if path.suffix == ".npz":
        from edgekit.conversion.onnx import export_onnx
        from edgekit.pipeline.evaluate import load_student
        from edgekit.training.nets import thaw_student

        student = load_student(path)
        content = export_onnx(thaw_student(student), student.spec.input_shape)
    else:
        content = read_bytes(path, "Name a .tflite, an .onnx or a student.npz.")
    given = None if taken is None else (taken.low, taken.high)
    return replace(read_tflite(tflites_of_onnx(content, str(path), data, given)["float32"]), name=str(path))
