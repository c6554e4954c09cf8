"""The gate: every step of a conversion is measured against PyTorch before its file may leave.

In: logits of a step and PyTorch's, or a .tflite and the operators that it must have. Out: the drift, or an error that
says which step, the figure, the limit and what to do.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import ConvertRecipe
from edgekit.values.model import Quantization, TfliteModel

PIXEL_Q = Quantization(scale=float(np.float32(1 / 255)), zero_point=-128)


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a step's logits are from PyTorch's.

    Attributes:
        deviations: on 99 % of the check images at most so many standard deviations of PyTorch's. (An image far beyond
            all calibration images saturates an int8 file; that is no sign of a broken one.)
        agreement: the share of the check images on which the greatest logit is the same.
    """

    deviations: float
    agreement: float

    def within(self, name: str, recipe: ConvertRecipe) -> bool:
        """Within the recipe's limits of a step."""
        return self.deviations <= _limit(name, recipe) and self.agreement >= recipe.agreement


def drift_of(logits: NDArray[np.float32], reference: NDArray[np.float32]) -> Drift:
    """Of a step's logits [M, classes] from PyTorch's. EdgekitError where PyTorch's do not differ from image to image,
    or are no numbers."""
    spread = float(reference.std(axis=0, dtype=np.float64).mean())
    if not spread > 1e-6 * float(np.abs(reference).max()):  # float32 rounding alone, or NaN
        raise EdgekitError(
            "The network gives the same or no finite logits for every check image, so conversion cannot be checked.",
            "Train it for longer or with a smaller learning rate: --set distill.fit.learning_rate=0.001.",
        )
    finite = bool(np.isfinite(logits).all())
    drift = float(np.quantile(np.abs(logits - reference).max(axis=1), 0.99)) / spread if finite else np.inf
    return Drift(drift, float((logits.argmax(1) == reference.argmax(1)).mean()))


def check_drift(name: str, drift: Drift, recipe: ConvertRecipe) -> None:
    """Refuses a step, `onnx` or a variant. Raises EdgekitError: it drifts further than the recipe's limit, or agrees on
    the class of too few images."""
    limit = _limit(name, recipe)
    mend = ""
    if name == "int8":
        mend = "calibrate on more images (--set data.calibration_images=512), train it as int8 "
        mend += "(--set quantize.aware_epochs=20) or "
    if not drift.deviations <= limit:
        raise EdgekitError(
            f"Conversion stopped at {name}: its logits are {drift.deviations:.3g} standard deviations away from "
            f"PyTorch's; the limit is {limit:g}.",
            f"Do not ship this model. Train for longer, {mend}use the versions in tools/constraints.txt; if "
            f"the figure is acceptable, raise the limit: --set convert.{_field(name)}={2 * drift.deviations:.2g}.",
        )
    if drift.agreement < recipe.agreement:
        raise EdgekitError(
            f"Conversion stopped at {name}: it names the same class as PyTorch on {drift.agreement:.1%} of the check "
            f"images; the limit is {recipe.agreement:.1%}.",
            f"Train for longer so that fewer images lie on the border, {mend}lower the limit: "
            "--set convert.agreement=...",
        )


def _limit(name: str, recipe: ConvertRecipe) -> float:
    return float(getattr(recipe, _field(name)))


def _field(name: str) -> str:
    return f"{'float32' if name == 'onnx' else name}_drift"  # ONNX is float32, too


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
