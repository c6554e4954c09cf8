"""How far outputs that are no classes lie from what they should be.

In: outputs and targets [N, ...] in real units. Out: a `ValuesReport`.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.values.evaluation import ValuesReport
from edgekit.values.images import ArraysInfo


def score_values(
    outputs: NDArray[Any], targets: NDArray[Any] | None, *,
    against: str, step: float, data: ArraysInfo, runtime: str, model_sha256: str,
) -> ValuesReport:  # fmt: skip
    """The errors of a model on one set.

    Args:
        outputs, targets: [N, ...] of as many values; None where nothing says what the outputs should be.
        against, step: as in `ValuesReport`.

    Raises:
        EdgekitError: an output that is no number.
    """
    found = np.asarray(outputs, np.float64).reshape(len(outputs), -1)
    if not np.isfinite(found).all():
        raise EdgekitError("The model gives values that are no numbers.", "See that its weights are whole.")
    mse = mae = most = math.nan
    if targets is not None:
        off = np.abs(found - np.asarray(targets, np.float64).reshape(found.shape))
        mse, mae, most = float(np.mean(off**2)), float(off.mean()), float(off.max())
    return ValuesReport(
        len(found), found.shape[1], mse, mae, most, against, step, runtime, model_sha256, data.name, data.notes
    )
