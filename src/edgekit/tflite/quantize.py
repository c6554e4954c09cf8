"""Pixels as the input values of a network: int8 for a quantised one, float32 for the others."""

import numpy as np
from numpy.typing import NDArray


def to_int8(pixels: NDArray[np.uint8], zero_point: int = -128) -> NDArray[np.int8]:
    """The int8 input of a quantised network whose input scale is 1/255: pixel + zero point."""
    return np.clip(pixels.astype(np.int16) + zero_point, -128, 127).astype(np.int8)


def to_float(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The float input of an unquantised network: pixel / 255, in [0, 1]."""
    return pixels.astype(np.float32) / np.float32(255)
