"""Which parts of an image an answer hangs on, by covering them one after another (Zeiler and Fergus, ECCV 2014).

In: an image and what gives the logits of images. Out: the change of the answer's log odds, pixel by pixel.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.metrics.decisions import log_odds

Ask = Callable[[NDArray[Any]], NDArray[Any]]
"""Images uint8 [N, H, W, C] -> their logits [N, classes]."""
_WINDOWS = 6  # side by side across the shorter side


def window_of(height: int, width: int) -> int:
    """The side of the square that is laid over an image, in pixels."""
    return max(1, round(min(height, width) / _WINDOWS))


def occlusion(ask: Ask, image: NDArray[np.uint8], answer: int, scale: float = 1.0) -> NDArray[np.float64]:
    """How much the log odds of an answer fall where a square of the image's mean colour covers it, negative where they
    rise: [H, W], each pixel the mean over the squares that cover it. Squares are two thirds of a side apart.

    Args:
        image: [H, W, C].
        answer: the class number whose log odds are looked at.
        scale: of an int8 model's output.
    """
    height, width = image.shape[:2]
    side = window_of(height, width)
    corners = [(top, left) for top in _steps(height, side) for left in _steps(width, side)]
    covered = np.repeat(image[np.newaxis], 1 + len(corners), axis=0)
    grey = np.rint(image.mean(axis=(0, 1))).astype(np.uint8)
    for row, (top, left) in zip(covered[1:], corners, strict=True):
        row[top : top + side, left : left + side] = grey
    odds = log_odds(ask(covered), scale)[:, answer]
    total, times = np.zeros((height, width)), np.zeros((height, width))
    for (top, left), fall in zip(corners, (odds[0] - odds[1:]).tolist(), strict=True):
        total[top : top + side, left : left + side] += fall
        times[top : top + side, left : left + side] += 1
    return total / times


def _steps(length: int, side: int) -> list[int]:
    """Where squares begin, up to the edge."""
    return [*range(0, length - side, max(1, side * 2 // 3)), length - side]
