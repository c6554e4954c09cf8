"""Pixels as the input values of a network: int8 for a quantised one, float32 for the others.

What a network takes a white pixel for is nowhere in a .tflite. The range that an int8 input spans tells it for the
three ways in use; other inputs need the user's word.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.values.model import InputRange, Quantization, TfliteModel

_USUAL = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
_NEAR, _SHORT = 0.05, 0.25  # of a range's width: how far its ends may lie from the input's, and how far within them
_LEAST_SHARE = 0.25  # of the 256 pixel values that the input must tell apart, for a range that somebody gives
_UNIT, _UNIT_Q = InputRange(), Quantization(1 / 255, -128)


def span(q: Quantization) -> tuple[float, float]:
    """The least and the greatest real value of an int8 tensor."""
    return q.scale * (-128 - q.zero_point), q.scale * (127 - q.zero_point)


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
        least, greatest = span(model.input_q)
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
    least, greatest = span(model.input_q) if model.input_q else (0.0, 0.0)
    raise EdgekitError(
        f"{model.name} takes {least:.4g} to {greatest:.4g}: what of that is black and what is white is unknown.",
        "Say what the network was trained on, with --input-range: 0,1 or -1,1 or 0,255, or a range of your own. "
        "If its inputs are no pictures, give them as an .npz with x.",
    )


def network_input(model: TfliteModel, images: NDArray[Any]) -> NDArray[np.int8] | NDArray[np.float32]:
    """Pixels (uint8) as the model's input values, int8 or float32, of the same shape; what is that already stays as it
    is. Raises as `known_range`."""
    if images.dtype != np.uint8:
        return images
    taken = known_range(model)
    return to_float(images, taken) if model.input_q is None else to_int8(images, model.input_q, taken)


def real_values(outputs: NDArray[Any], q: Quantization | None) -> NDArray[np.float64]:
    """Outputs in real units; `q` of int8 ones."""
    wide = np.asarray(outputs, np.float64)
    return wide if q is None else (wide - q.zero_point) * q.scale


def logits_of(model: TfliteModel, outputs: NDArray[Any]) -> NDArray[Any]:
    """Outputs [N, classes] as logits: of a network that ends in a softmax, whose outputs are shares, their logarithms;
    of others as they are."""
    if model.ops[-1:] != ("SOFTMAX",):
        return outputs
    least = model.output_q.scale / 2 if model.output_q else 1e-9  # what an int8 rounds to no share at all
    return np.asarray(np.log(np.maximum(real_values(outputs, model.output_q), least)))


def to_int8(pixels: NDArray[np.uint8], q: Quantization = _UNIT_Q, taken: InputRange = _UNIT) -> NDArray[np.int8]:
    """The int8 input of a quantised network; of one that spans 0 to 1, pixel - 128."""
    real = taken.low + np.arange(256) * ((taken.high - taken.low) / 255)
    steps = np.round(real / q.scale) + q.zero_point
    return np.asarray(np.clip(steps, -128, 127).astype(np.int8)[pixels])


def to_float(pixels: NDArray[np.uint8], taken: InputRange = _UNIT) -> NDArray[np.float32]:
    """The float input of an unquantised network."""
    unit = pixels.astype(np.float32) / np.float32(255)
    return unit * np.float32(taken.high - taken.low) + np.float32(taken.low)
