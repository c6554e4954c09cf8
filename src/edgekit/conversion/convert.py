"""PyTorch -> ONNX -> four .tflite files, every step measured against PyTorch before it may leave.

In: a trained network, calibration images from train, images to check on. Out: `Converted`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgekit.conversion.gate import Drift, check_drift, check_operators, drift_of
from edgekit.conversion.onnx import export_onnx, onnx_ops
from edgekit.conversion.recalibrate import recalibrated
from edgekit.conversion.tflite import full_range, onnx_to_tflite
from edgekit.conversion.wide import with_int8_ends
from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import ConvertRecipe, QuantizeRecipe
from edgekit.runtimes import onnx, torch
from edgekit.runtimes.litert import LITERT
from edgekit.runtimes.runtime import Runtime
from edgekit.runtimes.tflm import TFLM
from edgekit.tflite.model import read_tflite
from edgekit.tflite.strip import strip
from edgekit.values.model import VARIANTS, TfliteModel

if TYPE_CHECKING:
    from torch import nn

RuntimeOf = Callable[[TfliteModel], Runtime]
_AS_CONVERTED = QuantizeRecipe()


@dataclass(frozen=True, slots=True)
class Converted:
    """A network in every format, and how far each is from PyTorch."""

    onnx: bytes  # input `image` [1, C, H, W], output `logits` [1, classes]
    models: Mapping[str, TfliteModel]  # of VARIANTS; `int8`, whose ends are int8, may have int16 activations between
    drifts: Mapping[str, Drift]  # of `onnx` and of each of the models, in order


def convert(
    module: "nn.Module",
    input_shape: tuple[int, int, int],  # height, width, channels
    calibration: NDArray[np.uint8],
    recipe: ConvertRecipe,
    check_images: NDArray[np.uint8],
    quantize: QuantizeRecipe = _AS_CONVERTED,
    runtime_of: RuntimeOf = lambda model: TFLM,
    *,
    judge_int8: bool = True,
) -> Converted:
    """Converts a network and proves each step.

    Args:
        module: takes float32 [B, C, H, W] in [0, 1] and gives logits [B, classes].
        calibration: uint8 [N, H, W, C] from train; sets the int8 ranges.
        check_images: uint8 [M, H, W, C], never of the test split; the gate compares logits on them.
        quantize: what activations the int8 model has, and what else than the converter's own ranges and biases.
        runtime_of: what runs the int8 model; another than TFLM where that is not there (`compile.reference`).
        judge_int8: False where int8 may drift beyond its limit, for it is to be mended.

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
    reference = torch.run(module, check_images)
    exported = export_onnx(module, input_shape)
    drifts = {"onnx": drift_of(onnx.run(exported, check_images), reference)}
    check_drift("onnx", drifts["onnx"], recipe)
    models, made = {}, onnx_to_tflite(exported, full_range(calibration))
    operators = dict.fromkeys(VARIANTS, onnx_ops(exported))
    if quantize.activations == "int16":
        made["int8"] = with_int8_ends(made["16x8"], made["int8"])
        operators["int8"] = (("QUANTIZE",), *operators["int8"], ("QUANTIZE",))
    else:
        made["int8"] = recalibrated(made["int8"], made["float32"], full_range(calibration), quantize)
    for variant in VARIANTS:
        model = read_tflite(strip(made[variant]))
        check_operators(variant, model, operators[variant])
        drifts[variant] = drift_of(float_logits(model, check_images, runtime_of), reference)
        if variant != "int8" or judge_int8:
            check_drift(variant, drifts[variant], recipe)
        models[variant] = model
    return Converted(exported, models, drifts)


def float_logits(
    model: TfliteModel, images: NDArray[np.uint8], runtime_of: RuntimeOf = lambda model: TFLM
) -> NDArray[np.float32]:
    """Logits [N, classes] as real numbers, int8 ones dequantised: TFLM, or what speaks for it, runs int8, LiteRT the
    float variants."""
    by = runtime_of(model) if model.variant == "int8" else LITERT
    logits: NDArray[np.float32] = by.run(model, images).astype(np.float32)
    q = model.output_q
    return logits if q is None else (logits - np.float32(q.zero_point)) * np.float32(q.scale)
