"""PyTorch -> ONNX -> four .tflite files, every step measured against PyTorch before it may leave.

In: a trained network, calibration images from train, images to check on. Out: `Converted`. onnx2tf and TensorFlow
run in a process of their own: their memory, their chatter and their threads end with it.
"""

import importlib.metadata
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import ConvertRecipe
from edgekit.runtimes.float_networks import run_onnx, run_torch
from edgekit.runtimes.interpreters import litert, tflm, to_tensors
from edgekit.tflite.model import read_tflite
from edgekit.tflite.quantize import to_float
from edgekit.tflite.strip import strip
from edgekit.values.model import Quantization, TfliteModel

if TYPE_CHECKING:
    from torch import nn

_FILES = {
    "float32": "student_float32.tflite",
    "float16": "student_float16.tflite",
    "dynamic": "student_dynamic_range_quant.tflite",
    "int8": "student_full_integer_quant.tflite",
}
PIXEL_Q = Quantization(scale=float(np.float32(1 / 255)), zero_point=-128)
_OPSET = 17
# ONNX operator -> the .tflite operators that may stand for it; none where it melts into its neighbour.
_TFLITE_OPS: Mapping[str, tuple[str, ...]] = {
    "Conv": ("CONV_2D",),
    "MaxPool": ("MAX_POOL_2D",),
    "AveragePool": ("AVERAGE_POOL_2D", "MEAN"),
    "GlobalAveragePool": ("AVERAGE_POOL_2D", "MEAN"),
    "ReduceMean": ("AVERAGE_POOL_2D", "MEAN"),
    "Gemm": ("FULLY_CONNECTED",),
    "MatMul": ("FULLY_CONNECTED",),
    "Relu": (),
    "Flatten": (),
    "Reshape": (),
}
_NO_NETWORK = "http://127.0.0.1:9"  # the discard port: whatever onnx2tf may think of fetching is refused at once


@dataclass(frozen=True, slots=True)
class Step:
    """One conversion step as measured.

    Attributes:
        name: `onnx`, `float32`, `float16`, `dynamic` or `int8`.
        drift: how far logits are from PyTorch's on 99 % of the check images, in standard deviations of PyTorch's. (An
            image far beyond all calibration images saturates an int8 file; that is no sign of a broken one.)
        limit: the drift at which the gate stops.
        agreement: share of the check images on which both name the same class.
    """

    name: str
    drift: float
    limit: float
    agreement: float


@dataclass(frozen=True, slots=True)
class Converted:
    """A network in every format, and how far each is from PyTorch.

    Attributes:
        onnx: the .onnx file (input `image` [1, C, H, W], output `logits` [1, classes]).
        models: `float32`, `float16`, `dynamic`, `int8`.
        steps: the gate's measurements in order.
    """

    onnx: bytes
    models: Mapping[str, TfliteModel]
    steps: tuple[Step, ...]


def convert(
    module: "nn.Module",
    input_shape: tuple[int, int, int],
    calibration: NDArray[np.uint8],
    recipe: ConvertRecipe,
    check_images: NDArray[np.uint8],
) -> Converted:
    """Converts a network and proves each step.

    Args:
        module: takes float32 [B, C, H, W] in [0, 1] and gives logits [B, classes].
        input_shape: (height, width, channels).
        calibration: uint8 [N, H, W, C] from train; sets the int8 ranges.
        recipe: the gate's limits.
        check_images: uint8 [M, H, W, C], never of the test split; the gate compares logits on them.

    Raises:
        EdgekitError: a step drifts further than its limit, has operators that the network has not, or onnx2tf is
            missing or fails; says which step, the figure, the limit and what to do.
    """
    for name, images in (("calibration", calibration), ("check", check_images)):
        if len(images) == 0 or images.shape[1:] != input_shape:
            raise EdgekitError(
                f"The {name} images have the shape {images.shape}; conversion takes "
                f"[N, {', '.join(map(str, input_shape))}].",
                "Load the data at the student's input size, with at least one image.",
            )
    reference = run_torch(module, check_images)
    onnx = export_onnx(module, input_shape)
    steps = [measure("onnx", run_onnx(onnx, check_images), reference, recipe)]
    models = {}
    for variant, content in _onnx_to_tflite(onnx, full_range(calibration)).items():
        model = read_tflite(strip(content))
        check_form(variant, model, onnx_ops(onnx))
        steps.append(measure(variant, float_logits(model, check_images), reference, recipe))
        models[variant] = model
    return Converted(onnx, models, tuple(steps))


def measure(name: str, logits: NDArray[np.float32], reference: NDArray[np.float32], recipe: ConvertRecipe) -> Step:
    """Compares a step's logits [M, classes] with PyTorch's. Raises EdgekitError where they drift beyond the recipe."""
    spread = float(reference.std(axis=0, dtype=np.float64).mean())
    if not spread > 1e-6 * float(np.abs(reference).max()):  # float32 rounding alone, or NaN
        raise EdgekitError(
            "The network gives the same or no finite logits for every check image, so conversion cannot be checked.",
            "Train it for longer or with a smaller learning rate: --set distill.fit.learning_rate=0.001.",
        )
    field = f"{'float32' if name == 'onnx' else name}_drift"  # ONNX is float32, too
    limit = getattr(recipe, field)
    finite = bool(np.isfinite(logits).all())
    drift = float(np.quantile(np.abs(logits - reference).max(axis=1), 0.99)) / spread if finite else np.inf
    agreement = float((logits.argmax(1) == reference.argmax(1)).mean())
    more_images = "calibrate on more images (--set data.calibration_images=512) or " if name == "int8" else ""
    if not drift <= limit:
        raise EdgekitError(
            f"Conversion stopped at {name}: its logits are {drift:.3g} standard deviations away from PyTorch's; "
            f"the limit is {limit:g}.",
            f"Do not ship this model. Train for longer, {more_images}use the versions in tools/constraints.txt; if "
            f"the figure is acceptable, raise the limit: --set convert.{field}={2 * drift:.2g}.",
        )
    if agreement < recipe.agreement:
        raise EdgekitError(
            f"Conversion stopped at {name}: it names the same class as PyTorch on {agreement:.1%} of the check images; "
            f"the limit is {recipe.agreement:.1%}.",
            f"Train for longer so that fewer images lie on the border, {more_images}lower the limit: "
            "--set convert.agreement=...",
        )
    return Step(name, drift, limit, agreement)


def check_form(variant: str, model: TfliteModel, expected: tuple[tuple[str, ...], ...]) -> None:
    """Compares a file's operators and number formats with the network's. Raises EdgekitError where they differ.

    Args:
        expected: for each operator of the network, the names that may stand for it (`onnx_ops`).
    """
    # TensorFlow's dynamic range leaves weights of under 1,024 values in float32: in a tiny network that is all of them.
    if model.variant != variant and (variant, model.variant) != ("dynamic", "float32"):
        raise EdgekitError(
            f"Conversion stopped at {variant}: the file is a {model.variant} model.",
            "Use the versions of onnx2tf and TensorFlow in tools/constraints.txt.",
        )
    ops = [op for op in model.ops if op != "RESHAPE" and not (op == "DEQUANTIZE" and variant == "float16")]
    if len(ops) != len(expected) or any(op not in names for op, names in zip(ops, expected, strict=True)):
        raise EdgekitError(
            f"Conversion stopped at {variant}: its operators are {', '.join(ops)}; the network's are "
            f"{', '.join('/'.join(names) for names in expected)}.",
            "Use stride-1 convolutions with padding 1, max-pool and AvgPool2d + Flatten, which convert one to one, "
            "and the versions in tools/constraints.txt.",
        )
    if variant == "int8" and model.input_q != PIXEL_Q:
        raise EdgekitError(
            f"Conversion stopped at int8: the input is quantised by {model.input_q}, not as pixel - 128 (scale 1/255).",
            "Calibrate on images whose pixels reach from 0 to 255.",
        )


def float_logits(model: TfliteModel, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits [N, classes] as real numbers, int8 ones dequantised: TFLM runs int8, LiteRT the float variants."""
    infer = tflm(model) if model.variant == "int8" else litert(model)
    logits = np.stack([infer(tensor) for tensor in to_tensors(model, images)]).astype(np.float32)
    q = model.output_q
    return logits if q is None else (logits - np.float32(q.zero_point)) * np.float32(q.scale)


def export_onnx(module: "nn.Module", input_shape: tuple[int, int, int]) -> bytes:
    """The network as ONNX with a fixed batch of 1 and batch-norms folded into their convolutions."""
    import torch

    height, width, channels = input_shape
    was_training = module.training
    module.eval()
    with _workspace() as folder, warnings.catch_warnings():
        # The TorchScript exporter is announced as legacy; the new one takes 20 times as long and writes the same
        # graph for these networks (4.0 s against 0.2 s for the 96-pixel student with torch 2.14).
        warnings.simplefilter("ignore")
        file = folder / "student.onnx"
        image = torch.zeros(1, channels, height, width)
        torch.onnx.export(
            module,
            (image,),
            file,
            dynamo=False,
            opset_version=_OPSET,
            input_names=["image"],
            output_names=["logits"],
        )
        content = file.read_bytes()
    module.train(was_training)
    return content


def onnx_ops(model: bytes) -> tuple[tuple[str, ...], ...]:
    """For each operator of the ONNX graph that a .tflite must show, the names that it may have there."""
    import onnx

    names = [node.op_type for node in onnx.load_from_string(model).graph.node if node.op_type != "Constant"]
    unknown = sorted(set(names) - set(_TFLITE_OPS))
    if unknown:
        raise EdgekitError(
            f"The network uses {', '.join(unknown)}, which edgekit does not put on a board.",
            f"Use layers that export as: {', '.join(_TFLITE_OPS)}.",
        )
    return tuple(_TFLITE_OPS[name] for name in names if _TFLITE_OPS[name])


def full_range(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The calibration images [N, H, W, C] with the darkest pixel at 0 and the brightest at 255.

    The input's range must be exactly [0, 1] for its scale to be 1/255 (int8 = pixel - 128). Changing one pixel at
    each end leaves the inner activations' ranges as the images make them; an all-white image would widen them.
    """
    stretched = images.copy()
    stretched.reshape(-1)[int(images.argmin())] = 0
    stretched.reshape(-1)[int(images.argmax())] = 255
    return stretched


def _onnx_to_tflite(onnx: bytes, calibration: NDArray[np.uint8]) -> dict[str, bytes]:
    with _workspace() as folder:
        model, images, out = (folder / name for name in ("student.onnx", "calibration.npy", "out"))
        model.write_bytes(onnx)
        np.save(images, to_float(calibration))  # NHWC in [0, 1]
        words: list[Any] = [sys.executable, "-m", "onnx2tf", "--input_onnx_file_path", model]
        words += ["--output_folder_path", out, "--batch_size", "1", "--not_use_onnxsim"]
        words += ["--output_dynamic_range_quantized_tflite", "--output_integer_quantized_tflite"]
        words += ["--quant_type", "per-channel", "--input_quant_dtype", "int8", "--output_quant_dtype", "int8"]
        # Without calibration images onnx2tf would fetch some.
        words += ["--custom_input_op_name_np_data_path", "image", images, "0", "1"]
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
                "Install the versions in tools/constraints.txt: pip install -c tools/constraints.txt 'edgekit[build]'",
            )
        return {variant: (out / name).read_bytes() for variant, name in _FILES.items()}


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
        raise EdgekitError("onnx2tf is not installed.", "Run: pip install 'edgekit[build]'") from error


def _quiet_environment() -> dict[str, str]:
    return {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "",  # the same file on every machine, and no driver's remarks
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONWARNINGS": "ignore",
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), _NO_NETWORK),
        **dict.fromkeys(("no_proxy", "NO_PROXY"), ""),
    }
