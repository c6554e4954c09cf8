"""Pixels and real values as the input values of a network: whole numbers of a quantised one. Outputs as real values.

What a network takes a white pixel for is nowhere in a .tflite. The range that an int8 input spans tells it for the
three ways in use; other inputs need the user's word.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.values.model import InputRange, Quantization, TensorSpec, TfliteModel
from edgekit.values.tensors import parts

_USUAL = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
_NEAR, _SHORT = 0.05, 0.25  # of a range's width: how far its ends may lie from the input's, and how far within them
_LEAST_SHARE = 0.25  # of the 256 pixel values that the input must tell apart, for a range that somebody gives
_UNIT, _UNIT_Q = InputRange(), Quantization(1 / 255, -128)


def span(q: Quantization, limits: tuple[int, int] = (-128, 127)) -> tuple[float, float]:
    """The least and the greatest real value of a tensor, of an int8 one where no limits are given."""
    least, greatest = limits
    return q.scale * (least - q.zero_point), q.scale * (greatest - q.zero_point)


def input_range_of(q: Quantization) -> InputRange | None:
    """The usual range that an int8 input was made for. One end must be the range's own; the other may fall short, for
    converters span what the calibration images held. None where the span fits none or several."""
    fitting = [one for one in _USUAL if _fits(span(q), one)]
    return InputRange(*fitting[0], "file") if len(fitting) == 1 else None


def _fits(spanned: tuple[float, float], usual: tuple[float, float]) -> bool:
    width = usual[1] - usual[0]
    short = [(spanned[0] - usual[0]) / width, (usual[1] - spanned[1]) / width]
    return min(short) >= -_NEAR and min(map(abs, short)) <= _NEAR and max(short) <= _SHORT


def with_input_range(model: TfliteModel, given: tuple[float, float] | None) -> TfliteModel:
    """The model with the range that the user gives; as it is where none is given.

    Raises:
        EdgekitError: not a range, or one of which the model's input can hold next to nothing.
    """
    if given is None:
        return model
    low, high = given
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise EdgekitError(f"{low:g} to {high:g} is no input range.", "Give two numbers, the lesser first: -1,1.")
    if model.input_q is not None:
        least, greatest = span(model.input_q, model.input_specs[0].limits)
        if min(high, greatest) - max(low, least) < _LEAST_SHARE * (high - low):
            raise EdgekitError(
                f"{model.name} takes {least:.4g} to {greatest:.4g}, next to nothing of {low:g} to {high:g}.",
                "Give the range that the network was trained on: 0,1 or -1,1 or 0,255, or one of your own.",
            )
    return replace(model, input_range=InputRange(low, high, "given"))


def known_range(model: TfliteModel) -> InputRange:
    """What the model takes pixels for. Raises EdgekitError where neither the file nor the user has said it."""
    if model.input_range is not None:
        return model.input_range
    least, greatest = span(model.input_q, model.input_specs[0].limits) if model.input_q else (0.0, 0.0)
    raise EdgekitError(
        f"{model.name} takes {least:.4g} to {greatest:.4g}: what of that is black and what is white is unknown.",
        "Say what the network was trained on, with --input-range: 0,1 or -1,1 or 0,255, or a range of your own. "
        "If its inputs are no pictures, give them as an .npz with x.",
    )


def network_input(model: TfliteModel, images: NDArray[Any]) -> NDArray[Any]:
    """Pixels (uint8) as the model's input values, whole numbers or float32, of the same shape; what is that already
    stays as it is. Raises as `known_range`."""
    if images.dtype != np.uint8:
        return images
    taken, spec = known_range(model), model.input_specs[0]
    if spec.q is None:
        return to_float(images, taken)
    return np.asarray(_rounded(_steps(_levels(taken), spec.q), spec)[images])


def quantized(spec: TensorSpec, reals: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """Real values as the values of an input of whole numbers, and the share of them that lies beyond what it can hold
    and is cut."""
    assert spec.q is not None
    steps = _steps(reals.astype(np.float64), spec.q)
    rounded = _rounded(steps, spec)
    return rounded, float(np.mean(rounded != steps))


def real_values(values: NDArray[Any], specs: Sequence[TensorSpec]) -> NDArray[np.float64]:
    """Values of inputs or outputs [N, ...] in real units."""
    wide = np.asarray(values, np.float64).reshape(len(values), -1)
    found = [part if spec.q is None else (part - spec.q.zero_point) * spec.q.scale for spec, part in parts(specs, wide)]
    return np.asarray(np.concatenate(found, 1).reshape(values.shape))


def logits_of(model: TfliteModel, outputs: NDArray[Any]) -> NDArray[Any]:
    """Outputs [N, classes] as logits: of a network that ends in a softmax, whose outputs are shares, their logarithms;
    of others as they are."""
    if model.ops[-1:] != ("SOFTMAX",):
        return outputs
    least = model.output_q.scale / 2 if model.output_q else 1e-9  # what whole numbers round to no share at all
    return np.asarray(np.log(np.maximum(real_values(outputs, model.output_specs), least)))


def to_int8(pixels: NDArray[np.uint8], q: Quantization = _UNIT_Q, taken: InputRange = _UNIT) -> NDArray[np.int8]:
    """The int8 input of a quantised network; of one that spans 0 to 1, pixel - 128."""
    return np.asarray(_rounded(_steps(_levels(taken), q), TensorSpec("", "INT8", (256,), q))[pixels])


def to_float(pixels: NDArray[np.uint8], taken: InputRange = _UNIT) -> NDArray[np.float32]:
    """The float input of an unquantised network."""
    unit = pixels.astype(np.float32) / np.float32(255)
    return unit * np.float32(taken.high - taken.low) + np.float32(taken.low)


def _levels(taken: InputRange) -> NDArray[np.float64]:
    """Of each of the 256 pixels its real value."""
    return np.asarray(taken.low + np.arange(256) * ((taken.high - taken.low) / 255))


def _steps(reals: NDArray[np.float64], q: Quantization) -> NDArray[np.float64]:
    return np.asarray(np.round(reals / q.scale) + q.zero_point)


def _rounded(steps: NDArray[np.float64], spec: TensorSpec) -> NDArray[Any]:
    return np.clip(steps, *spec.limits).astype(spec.dtype)
