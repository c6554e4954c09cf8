"""Logits of two classes that have given margins, for tests that speak of margins."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def logits_of(margins: ArrayLike, positive: int = 1) -> NDArray[Any]:
    """[N, 2], whose positive logit is the margin and the other zero; integers stay integers."""
    found = np.asarray(margins)
    both = [np.zeros_like(found), found]
    return np.stack(both if positive else both[::-1], axis=-1)
