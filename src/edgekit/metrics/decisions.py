"""From margins to answers: where the positive label begins, and how validation chooses that.

In: margins (the positive label's logit minus the other's) and which images are positive. Out: answers, or the
`Threshold` that validation chooses.

Margins of an integer dtype are int8 differences and are judged by `Threshold.margin_q`; floats are judged by
`Threshold.probability`, the sigmoid of the margin.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgekit.errors import EdgekitError
from edgekit.values.evaluation import Threshold


def probabilities(margins: ArrayLike, scale: float = 1.0) -> NDArray[np.float64]:
    """Softmax probabilities of the positive label: the sigmoid of `scale` times the margins [...].

    Args:
        scale: of an int8 model's output; 1 for float margins.
    """
    # beyond 36 a double's sigmoid is 1 and cuts nothing
    return np.asarray(1 / (1 + np.exp(-np.clip(np.asarray(margins, np.float64) * scale, -36.0, 36.0))))


def decide(margins: NDArray[Any], threshold: Threshold | None = None) -> NDArray[np.bool_]:
    """True [N] where the answer is the positive label. Without a threshold the greater logit decides; equal logits are
    negative."""
    if threshold is None:
        return np.asarray(margins > 0)
    if margins.dtype.kind not in "iu":
        return np.asarray(margins >= _logit(np.float64(threshold.probability)))
    if threshold.margin_q is None:
        raise EdgekitError(
            "The threshold has no margin_q, which an int8 model needs.",
            "Take the card.json that build-model wrote beside the model.",
        )
    return np.asarray(margins >= threshold.margin_q)


def rule_in_words(sensitivity: float | None) -> str:
    """How `choose_threshold` chooses, for cards and reports."""
    if sensitivity is not None:
        return f"the highest (most specific) threshold that keeps a sensitivity of {sensitivity:g} on validation"
    return (
        "one standard error on validation: the highest (most specific) threshold whose balanced accuracy is within "
        "one binomial standard error of the best"
    )


def choose_threshold(
    margins: NDArray[Any], positive: NDArray[Any], sensitivity: float | None = None, scale: float | None = None
) -> Threshold:
    """The threshold that validation chooses. It sees validation only.

    By default the one-standard-error rule: among all cuts whose balanced accuracy is within one standard error of the
    best, the highest (Breiman, Friedman, Olshen and Stone, Classification and Regression Trees, 1984, section 3.4.3).
    Where validation is nearly separable its optimum is a wide plateau that says little about where to cut, while small
    networks tend to see too many positives in a shifted test set; so ties go to specificity.

    A cut lies halfway between two neighbouring margins. Where all are equal it is that of the greater logit.

    Args:
        margins: [N] validation margins, int8 differences as integers or floats.
        positive: [N] true where the label is the positive one.
        sensitivity: instead, the highest cut that keeps this sensitivity, as screening tools fix their operating point.
        scale: the int8 output's scale; needed for integers, where it turns `margin_q` into a probability.

    Returns:
        `margin_q` and its probability for integers; for floats the probability alone.

    Raises:
        EdgekitError: one class only, no images, or margins that are not numbers.
    """
    margins, positive = checked(margins, positive)
    above, below = np.sort(margins[positive]), np.sort(margins[~positive])
    if not len(above) or not len(below):
        raise EdgekitError(
            "Validation holds one class only, so no threshold can be chosen.",
            "Give data with both classes, or raise --set data.val_fraction.",
        )
    quantized = margins.dtype.kind in "iu"
    if quantized and scale is None:
        raise ValueError("integer margins need the output's scale")
    values = np.unique(margins).astype(np.float64)
    halfway = (values[:-1] + values[1:]) / 2 if len(values) > 1 else np.array([0.5 if quantized else 0.0])
    # floats are cut where the stored probability will cut them: near 1 it resolves margins coarsely
    cuts = np.ceil(halfway) if quantized else _logit(probabilities(halfway))
    recall = 1 - np.searchsorted(above, cuts) / len(above)
    specificity = np.searchsorted(below, cuts) / len(below)
    if sensitivity is not None:
        within = recall >= min(sensitivity, recall.max()) - 1e-12
    else:
        balanced = (recall + specificity) / 2
        best = len(cuts) - 1 - int(np.argmax(balanced[::-1]))
        variance = recall * (1 - recall) / len(above) + specificity * (1 - specificity) / len(below)
        within = balanced >= balanced[best] - np.sqrt(variance[best]) / 2 - 1e-12
    chosen = int(np.flatnonzero(within)[-1])
    if not quantized:
        return Threshold(float(probabilities(halfway[chosen])))
    margin_q = int(cuts[chosen])
    return Threshold(float(probabilities((margin_q - 0.5) * float(scale or 0))), margin_q)


def accuracy(margins: NDArray[Any], positive: NDArray[Any]) -> float:
    """Share of right answers where the greater logit decides."""
    return float((decide(margins) == positive).mean())


def agreement(
    margins_a: NDArray[Any],
    margins_b: NDArray[Any],
    threshold_a: Threshold | None = None,
    threshold_b: Threshold | None = None,
) -> float:
    """Share of images on which two models give the same answer: by the greater logit, or at their thresholds."""
    if margins_a.shape != margins_b.shape or not margins_a.size:
        raise ValueError(f"margins of shapes {margins_a.shape} and {margins_b.shape} cannot be compared")
    return float(np.mean(decide(margins_a, threshold_a) == decide(margins_b, threshold_b)))


def checked(margins: NDArray[Any], positive: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Margins [N] as int64 or float64 and positives [N] as truth values.

    Raises:
        EdgekitError: no images, or margins that are not numbers.
    """
    margins, positive = np.asarray(margins), np.asarray(positive, bool)
    if margins.shape != positive.shape or margins.ndim != 1:
        raise ValueError(f"margins {margins.shape} and labels {positive.shape} must both be [N]")
    if not len(positive):
        raise EdgekitError("There is no image to evaluate.", "Check --data and --limit.")
    margins = margins.astype(np.int64 if margins.dtype.kind in "iu" else np.float64)
    broken = int((~np.isfinite(margins)).sum())
    if broken:
        raise EdgekitError(
            f"The model's outputs are not numbers on {broken} of {len(margins)} images.",
            "Its training has diverged: lower the learning rate (--set distill.fit.learning_rate=...) and build anew.",
        )
    return margins, positive


def _logit(probability: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.log(probability) - np.log1p(-probability)
