"""From logits to answers: the class of the greatest, or where the positive label begins and how validation chooses it.

In: logits [N, classes], the task, class numbers [N]. Out: answers as class numbers, or the `Threshold` that validation
chooses.

The margin of an image is the positive label's logit minus the other's. Margins of an integer dtype are int8 differences
and are judged by `Threshold.margin_q`; floats are judged by `Threshold.probability`, the sigmoid of the margin.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgekit.errors import EdgekitError
from edgekit.values.evaluation import Threshold
from edgekit.values.task import Task


def log_odds(logits: ArrayLike, scale: float = 1.0) -> NDArray[np.float64]:
    """Of each class against all others by the softmax [N, classes]: for two classes `scale` times the margin, exactly.

    It ranks images as the class's probability does, and goes on telling them apart where that has reached 1.

    Args:
        scale: of an int8 model's output; 1 for float logits.
    """
    wide = _wide(np.asarray(logits))
    found = np.empty(wide.shape)
    for label in range(wide.shape[1]):
        # sorted, so that equal differences give equal sums, whichever classes they are of
        beside = np.sort(np.delete(wide, label, axis=1) - wide[:, label : label + 1], axis=1)
        most = beside[:, -1:]
        found[:, label] = -(most[:, 0] * scale + np.log(np.exp((beside - most) * scale).sum(axis=1)))
    return found


def probabilities(logits: ArrayLike, scale: float = 1.0) -> NDArray[np.float64]:
    """Softmax probabilities [N, classes]; `scale` as in `log_odds`."""
    return sigmoid(log_odds(logits, scale))


def sigmoid(odds: ArrayLike) -> NDArray[np.float64]:
    """Probabilities of log odds [...]."""
    # beyond 36 a double's sigmoid is 1 and cuts nothing
    return np.asarray(1 / (1 + np.exp(-np.clip(np.asarray(odds, np.float64), -36.0, 36.0))))


def decide(logits: ArrayLike, task: Task, threshold: Threshold | None = None) -> NDArray[np.int64]:
    """The answers to logits [N, classes], as class numbers [N].

    Where the task has a positive label, its margin is compared with the threshold; without one the greater logit
    decides, and equal ones are negative. Elsewhere the greatest logit decides, of equal ones the first.

    Raises:
        EdgekitError: integer logits and a threshold without its `margin_q`.
    """
    if task.decision == "argmax":
        return np.asarray(np.argmax(logits, axis=1), np.int64)
    positive = task.positive_index
    return np.where(_is_positive(task.margins(logits), threshold), positive, 1 - positive).astype(np.int64)


def _is_positive(margins: NDArray[Any], threshold: Threshold | None) -> NDArray[np.bool_]:
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
    logits: NDArray[Any], labels: NDArray[Any], task: Task, sensitivity: float | None = None,
    scale: float | None = None,
) -> Threshold | None:  # fmt: skip
    """The threshold that validation chooses; None where the greatest logit decides. It sees validation only.

    By default the one-standard-error rule: among all cuts whose balanced accuracy is within one standard error of the
    best, the highest (Breiman, Friedman, Olshen and Stone, Classification and Regression Trees, 1984, section 3.4.3).
    Where validation is nearly separable its optimum is a wide plateau that says little about where to cut, while small
    networks tend to see too many positives in a shifted test set; so ties go to specificity.

    A cut lies halfway between two neighbouring margins. Where all are equal it is that of the greater logit.

    Args:
        logits: [N, classes] of validation, int8 as integers or floats.
        labels: [N] class numbers.
        sensitivity: instead, the highest cut that keeps this sensitivity, as screening tools fix their operating point.
        scale: the int8 output's scale; needed for integers, where it turns `margin_q` into a probability.

    Returns:
        `margin_q` and its probability for integers; for floats the probability alone.

    Raises:
        EdgekitError: one class only, no images, or logits that are not numbers.
    """
    logits, labels = checked(logits, labels, task)
    if task.decision == "argmax":
        return None
    margins, positive = task.margins(logits), task.is_positive(labels)
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
    cuts = np.ceil(halfway) if quantized else _logit(sigmoid(halfway))
    chosen = _chosen_cut(cuts, above, below, sensitivity)
    if not quantized:
        return Threshold(float(sigmoid(halfway[chosen])))
    margin_q = int(cuts[chosen])
    return Threshold(float(sigmoid((margin_q - 0.5) * float(scale or 0))), margin_q)


def _chosen_cut(cuts: NDArray[Any], above: NDArray[Any], below: NDArray[Any], sensitivity: float | None) -> int:
    """The index of the highest of the ascending cuts that the rule of `choose_threshold` takes.

    Args:
        above, below: sorted margins of the positive images and of the others.
    """
    recall = 1 - np.searchsorted(above, cuts) / len(above)
    specificity = np.searchsorted(below, cuts) / len(below)
    if sensitivity is not None:
        within = recall >= min(sensitivity, recall.max()) - 1e-12
    else:
        balanced = (recall + specificity) / 2
        best = len(cuts) - 1 - int(np.argmax(balanced[::-1]))
        variance = recall * (1 - recall) / len(above) + specificity * (1 - specificity) / len(below)
        within = balanced >= balanced[best] - np.sqrt(variance[best]) / 2 - 1e-12
    return int(np.flatnonzero(within)[-1])


def accuracy(logits: NDArray[Any], labels: NDArray[Any], task: Task) -> float:
    """Share of right answers where the greatest logit decides."""
    return float((decide(logits, task) == labels).mean())


def agreement(
    logits_a: NDArray[Any], logits_b: NDArray[Any], task: Task,
    threshold_a: Threshold | None = None, threshold_b: Threshold | None = None,
) -> float:  # fmt: skip
    """Share of images on which two models give the same answer: by the greatest logit, or at their thresholds."""
    if logits_a.shape != logits_b.shape or not logits_a.size:
        raise ValueError(f"logits of shapes {logits_a.shape} and {logits_b.shape} cannot be compared")
    return float(np.mean(decide(logits_a, task, threshold_a) == decide(logits_b, task, threshold_b)))


def checked(logits: NDArray[Any], labels: NDArray[Any], task: Task) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Logits [N, classes] as int64 or float64, and labels [N].

    Raises:
        EdgekitError: no images, another number of classes, or logits that are not numbers.
    """
    logits, labels = _wide(np.asarray(logits)), np.asarray(labels, np.int64)
    if not len(labels):
        raise EdgekitError("There is no image to evaluate.", "Check --data and --limit.")
    if logits.ndim != 2 or len(logits) != len(labels):
        raise ValueError(f"logits {logits.shape} of {len(labels)} images")
    if logits.shape[1] != len(task.labels):
        raise EdgekitError(
            f"The model gives {logits.shape[1]} values; the data have {len(task.labels)} classes: "
            f"{', '.join(task.labels)}.",
            "Give data with as many classes as the model has outputs.",
        )
    broken = int((~np.isfinite(logits)).any(axis=1).sum())
    if broken:
        raise EdgekitError(
            f"The model's outputs are not numbers on {broken} of {len(logits)} images.",
            "Its training has diverged: lower the learning rate (--set distill.fit.learning_rate=...) and build anew.",
        )
    return logits, labels


def _wide(logits: NDArray[Any]) -> NDArray[Any]:
    """As int64 where they are integers, else float64: 127 - (-128) does not fit an int8."""
    return logits.astype(np.int64 if logits.dtype.kind in "iu" else np.float64)


def _logit(probability: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.log(probability) - np.log1p(-probability)
