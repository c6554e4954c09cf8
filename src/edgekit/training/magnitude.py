"""Which weights are small for their layer, and how many of them to zero. numpy alone: it reads sweeps without torch.

In: parameters by name. Out: the same with zeros, the share of zeros, and the point of a sweep to keep.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[np.float32]]


def prune_weights(weights: Weights, alpha: float) -> dict[str, NDArray[np.float32]]:
    """The weights with those under std/alpha zeroed, layer by layer. Biases and normalisation stay: they are few."""
    return {
        name: np.where(np.abs(value) < value.std() / alpha, np.float32(0), value) if value.ndim > 1 else value
        for name, value in weights.items()
    }


def zeroed_share(weights: Weights) -> float:
    """The share of zeros among the weights that pruning may touch."""
    touched = [value for value in weights.values() if value.ndim > 1]
    return float(sum((value == 0).sum() for value in touched) / sum(value.size for value in touched))


def most_pruned(scores: Sequence[float], zeroed: Sequence[float], tolerance: float = 0.0) -> int:
    """The index of the point that zeroes most among those whose score is at most `tolerance` below the best."""
    best = max(scores)
    return max((i for i, score in enumerate(scores) if score >= best - tolerance - 1e-9), key=lambda i: zeroed[i])
