"""The gate: every step of a conversion is measured against PyTorch before its file may leave.

In: logits of a step and PyTorch's, or a .tflite and the operators that it must have. Out: the drift, or an error that
says which step, the figure, the limit and what to do.
"""

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import ConvertRecipe
from edgekit.values.model import Quantization, TfliteModel

PIXEL_Q = Quantization(scale=float(np.float32(1 / 255)), zero_point=-128)


def check_drift(name: str, logits: NDArray[np.float32], reference: NDArray[np.float32], recipe: ConvertRecipe) -> float:
    """Compares the logits [M, classes] of a step (`onnx` or a variant) with PyTorch's.

    Returns:
        how far they are from PyTorch's on 99 % of the check images, in standard deviations of PyTorch's. (An image far
        beyond all calibration images saturates an int8 file; that is no sign of a broken one.)

    Raises:
        EdgekitError: they drift further than the recipe's limit, or agree on the class of too few images.
    """
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
    return drift


def check_operators(variant: str, model: TfliteModel, expected: tuple[tuple[str, ...], ...]) -> None:
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
