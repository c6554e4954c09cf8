"""What each threshold makes of a set of two classes.

In: logits, labels, the task and its threshold. Out: `OperatingPoints`, the counts at every threshold of a grid.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.metrics.decisions import decide, log_odds
from edgekit.values.evaluation import Threshold
from edgekit.values.task import Task

_STEPS = 400  # of a grid over floats


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """Counts at thresholds in ascending order, equal steps apart: the lowest calls every image positive, the highest
    none.

    Attributes:
        log_odds: of the positive label, at each threshold.
        margins_q: the least int8 margin that is called positive; empty for floats.
        missed: positive images below each threshold (false negatives).
        rejected: negative images below it (true negatives).
        own: which threshold is the model's.
        positives, negatives: images.
    """

    log_odds: tuple[float, ...]
    margins_q: tuple[int, ...]
    missed: tuple[int, ...]
    rejected: tuple[int, ...]
    own: int
    positives: int
    negatives: int


def operating_points(
    logits: NDArray[Any], labels: NDArray[np.int64], task: Task, threshold: Threshold | None, scale: float = 1.0
) -> OperatingPoints:
    """The counts of logits [N, 2] at every int8 margin, or at `_STEPS` steps over floats; the model's own threshold is
    one of them, and the counts there are those of `decide`.

    Args:
        threshold: None where the greater logit decides.
        scale: of an int8 model's output.
    """
    margins, positive = task.margins(logits), task.is_positive(labels)
    quantized = margins.dtype.kind in "iu"
    if quantized:
        cut = float(1 if threshold is None or threshold.margin_q is None else threshold.margin_q)
        step = 1.0
    else:
        share = 0.5 if threshold is None else threshold.probability
        cut = float(np.log(share) - np.log1p(-share)) if 0 < share < 1 else 0.0
        step = max((float(margins.max()) - float(margins.min())) / _STEPS, 1e-6)
    first = int(np.floor((min(margins.min(), cut) - cut) / step)) - 1
    last = int(np.floor((max(margins.max(), cut) - cut) / step)) + 1
    cuts = cut + step * np.arange(first, last + 1)
    missed, rejected = (np.searchsorted(np.sort(margins[rows]), cuts, "left") for rows in (positive, ~positive))
    called = decide(logits, task, threshold) == task.positive_index
    missed[-first], rejected[-first] = (positive & ~called).sum(), (~positive & ~called).sum()
    return OperatingPoints(
        tuple(((cuts - 0.5) * scale if quantized else cuts).tolist()),
        tuple(cuts.astype(int).tolist()) if quantized else (),
        tuple(missed.tolist()), tuple(rejected.tolist()), -first, int(positive.sum()), int((~positive).sum()),
    )  # fmt: skip


def scores_by_class(logits: NDArray[Any], labels: NDArray[np.int64], task: Task, scale: float = 1.0) -> dict[str, Any]:
    """Log odds of the positive label [n] of the images of each class, the negative one first."""
    odds, positive = log_odds(logits, scale)[:, task.positive_index], task.is_positive(labels)
    return {task.negative: odds[~positive], task.positive: odds[positive]}
