"""Weights for MAC16: bytes in flash of which c/widen_weights.h makes 16-bit ones, two at a time."""

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Constant, Helper


def packed(pairs: NDArray[np.int64], name: str) -> tuple[Constant, Helper]:
    """The array `name` of pairs of weights, and the function that widens them.

    Args:
        pairs: [O, n, 2], n even, from -128 to 127.
    """
    borrowed = pairs[..., 1] + (pairs[..., 0] < 0)
    for less in (127, 128):
        stored = np.stack([pairs[..., 0], borrowed], axis=-1) + less
        if stored.min() >= 0 and stored.max() <= 255:
            return _constant(stored, name), _widen(f"LESS_{less}")
    return _constant(pairs + 128, name), _widen("EACH_LESS_128")


def _constant(pairs: NDArray[np.int64], name: str) -> Constant:
    """The first pair lies in bytes 0 and 2 of a word, the next in bytes 1 and 3."""
    words = pairs.reshape(-1, 4) @ np.array([1, 1 << 16, 1 << 8, 1 << 24])
    return Constant("uint32_t", name, words.tolist())


def _widen(kind: str) -> Helper:
    return Helper("widen_weights", (("NAME", f"widen_{kind.lower()}"), ("HALVES", kind)))
