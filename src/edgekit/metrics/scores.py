"""One function scores every model, whether it ran in torch, on the desktop, emulated or on a board.

In: margins (pneumonia logit minus normal logit) and labels. Out: an `EvalReport` with 95 % intervals, or the
threshold that validation chooses.

Margins of an integer dtype are int8 differences and are judged by `Threshold.margin_q`; floats are judged by
`Threshold.probability`, the sigmoid of the margin. A figure whose denominator is zero (the specificity of a set
without normals, the precision of a model that never says pneumonia) is NaN, null in JSON, with the interval [0, 1].

All intervals are closed forms: the same numbers on every machine, and none has zero width at a perfect score.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.metrics.intervals import (
    Interval,
    Z,
    balanced_interval,
    f1_interval,
    newcombe_auc,
    wilson,
)
from edgekit.recipes.recipe import ThresholdRecipe
from edgekit.values.evaluation import EvalReport, Prediction, Threshold
from edgekit.values.images import DataInfo

METRICS = ("accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "auc")


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over several seeds; `sd` is the sample deviation, NaN for a single seed."""

    mean: float
    sd: float
    min: float
    max: float
    values: tuple[float, ...]


def evaluate(
    margins: NDArray[Any],
    labels: NDArray[Any],
    threshold: Threshold,
    *,
    runtime: str,
    model_sha256: str,
    data: DataInfo | None = None,
    notes: Sequence[str] = (),
) -> EvalReport:
    """Scores one model on one set.

    Args:
        margins: [N] pneumonia logit minus normal logit; integers for an int8 model, floats otherwise.
        labels: [N] 0 normal, 1 pneumonia.
        threshold: chosen on validation, see `choose_threshold`.
        runtime: `tflm`, `litert`, `torch`, `onnx` or the device's name.
        model_sha256: of the file that was run.
        data: the set; its notes come before `notes` in the report.

    Raises:
        EdgekitError: no images, or margins that are not numbers.
    """
    margins, labels = _checked(margins, labels)
    called, sick = decide(margins, threshold), labels == 1
    tp, fn = int((called & sick).sum()), int((~called & sick).sum())
    fp, tn = int((called & ~sick).sum()), int((~called & ~sick).sum())
    recall, specificity = _ratio(tp, tp + fn), _ratio(tn, tn + fp)
    area, area_interval = auc(margins, labels)
    degenerate = () if 0 < sick.sum() < len(sick) else ("one class only: AUC and balanced accuracy are undefined",)
    return EvalReport(
        n=len(labels),
        accuracy=_ratio(tp + tn, len(labels)),
        balanced_accuracy=(recall + specificity) / 2,
        precision=_ratio(tp, tp + fp),
        recall=recall,
        specificity=specificity,
        f1=_ratio(2 * tp, 2 * tp + fp + fn),
        auc=area,
        intervals={
            "accuracy": wilson(tp + tn, len(labels)),
            "balanced_accuracy": balanced_interval(tp, fn, tn, fp),
            "precision": wilson(tp, tp + fp),
            "recall": wilson(tp, tp + fn),
            "specificity": wilson(tn, tn + fp),
            "f1": f1_interval(tp, fn, fp),
            "auc": area_interval,
        },
        confusion={"tn": tn, "fp": fp, "fn": fn, "tp": tp},
        threshold=threshold,
        runtime=runtime,
        model_sha256=model_sha256,
        data=data.name if data else "",
        synthetic=data.synthetic if data else False,
        notes=(*(data.notes if data else ()), *notes, *degenerate),
    )


def evaluate_predictions(
    predictions: Sequence[Prediction],
    threshold: Threshold,
    *,
    runtime: str,
    model_sha256: str,
    data: DataInfo | None = None,
    notes: Sequence[str] = (),
) -> EvalReport:
    """`evaluate` of predictions, from the desktop or from a board."""
    margins, labels = margins_of(predictions), np.array([p.label for p in predictions], dtype=np.int64)
    return evaluate(margins, labels, threshold, runtime=runtime, model_sha256=model_sha256, data=data, notes=notes)


def margins_of(predictions: Sequence[Prediction]) -> NDArray[Any]:
    """Margins [N], int64 where the logits are integers and float64 otherwise."""
    return margins_of_logits(np.array([p.logits for p in predictions]).reshape(-1, 2))


def margins_of_logits(logits: NDArray[Any]) -> NDArray[Any]:
    """Pneumonia logit minus normal logit, [N, 2] to [N]: int64 where the logits are integers, float64 otherwise."""
    # widened before the subtraction: 127 - (-128) does not fit an int8
    wide = logits.astype(np.int64 if logits.dtype.kind in "iu" else np.float64)
    return np.asarray(wide[:, 1] - wide[:, 0])


def decide(margins: NDArray[Any], threshold: Threshold | None = None) -> NDArray[np.bool_]:
    """True [N] where the answer is pneumonia. Without a threshold: the argmax, equal logits being normal."""
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


def rule_in_words(recipe: ThresholdRecipe) -> str:
    """How the recipe chooses a threshold, for cards and reports."""
    if recipe.rule == "sensitivity":
        return f"the highest (most specific) threshold that keeps a sensitivity of {recipe.sensitivity:g} on validation"
    return (
        "one standard error on validation: the highest (most specific) threshold whose balanced accuracy is within "
        "one binomial standard error of the best"
    )


def choose_threshold(
    margins: NDArray[Any],
    labels: NDArray[Any],
    recipe: ThresholdRecipe = ThresholdRecipe(),  # noqa: B008 (frozen)
    scale: float | None = None,
) -> Threshold:
    """The threshold that validation chooses by the recipe's rule. It sees validation only.

    `one-standard-error`: among all cuts whose balanced accuracy is within one standard error of the best, the highest
    (Breiman, Friedman, Olshen and Stone, Classification and Regression Trees, 1984, section 3.4.3). Validation is
    nearly separable, so its optimum is a wide plateau that says little about where to cut, while small networks are
    known to call normal films pneumonia on this data set's shifted test; so ties go to specificity.
    `sensitivity`: the highest cut that keeps the sensitivity asked for, as screening tools fix their operating point.

    A cut lies halfway between two neighbouring scores. Where all scores are equal it is that of the argmax.

    Args:
        margins: [N] validation margins, int8 differences as integers or floats.
        labels: [N].
        scale: the int8 output's scale; needed for integers, where it turns `margin_q` into a probability.

    Returns:
        `margin_q` and its probability for integers; for floats the probability alone.

    Raises:
        EdgekitError: one class only, no images, or margins that are not numbers.
    """
    margins, labels = _checked(margins, labels)
    sick, well = np.sort(margins[labels == 1]), np.sort(margins[labels == 0])
    if not len(sick) or not len(well):
        raise EdgekitError(
            "Validation holds one class only, so no threshold can be chosen.",
            "Give data with both NORMAL and PNEUMONIA, or raise --set data.val_fraction.",
        )
    quantized = margins.dtype.kind in "iu"
    if quantized and scale is None:
        raise ValueError("integer margins need the output's scale")
    scores = np.unique(margins).astype(np.float64)
    halfway = (scores[:-1] + scores[1:]) / 2 if len(scores) > 1 else np.array([0.5 if quantized else 0.0])
    # floats are cut where the stored probability will cut them: near 1 it resolves margins coarsely
    cuts = np.ceil(halfway) if quantized else _logit(_sigmoid(halfway))
    recall = 1 - np.searchsorted(sick, cuts) / len(sick)
    specificity = np.searchsorted(well, cuts) / len(well)
    balanced = (recall + specificity) / 2
    if recipe.rule == "sensitivity":
        within = recall >= min(recipe.sensitivity, recall.max()) - 1e-12
    else:
        best = len(cuts) - 1 - int(np.argmax(balanced[::-1]))
        variance = recall * (1 - recall) / len(sick) + specificity * (1 - specificity) / len(well)
        within = balanced >= balanced[best] - np.sqrt(variance[best]) / 2 - 1e-12
    chosen = int(np.flatnonzero(within)[-1])
    if not quantized:
        return Threshold(float(_sigmoid(halfway[chosen])))
    margin_q = int(cuts[chosen])
    return Threshold(float(_sigmoid(np.float64((margin_q - 0.5) * float(scale or 0)))), margin_q)


def auc(margins: NDArray[Any], labels: NDArray[Any]) -> tuple[float, Interval]:
    """Area under the ROC curve, ties counted as half, and its 95 % interval.

    The interval is DeLong's (DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837) on the logit scale, which
    keeps it in [0, 1] (Pepe, The Statistical Evaluation of Medical Tests, 2003, section 5.2). Where DeLong's variance
    is zero (perfect separation, or constant scores) it is Newcombe's method 5 (Statistics in Medicine 2006;25:559).
    """
    sick, well = np.sort(margins[labels == 1]), np.sort(margins[labels == 0])
    if not len(sick) or not len(well):
        return math.nan, (0.0, 1.0)
    above = _share_below(well, sick)  # for each sick image the share of well ones below it
    below = 1 - _share_below(sick, well)
    area = float(above.mean())
    if min(len(sick), len(well)) > 1 and 0 < area < 1:
        variance = float(above.var(ddof=1) / len(sick) + below.var(ddof=1) / len(well))
        if variance > 0:
            centre, half = math.log(area / (1 - area)), Z * math.sqrt(variance) / (area * (1 - area))
            return area, (float(_sigmoid(np.float64(centre - half))), float(_sigmoid(np.float64(centre + half))))
    return area, newcombe_auc(area, len(sick), len(well))


def agreement(
    margins_a: NDArray[Any],
    margins_b: NDArray[Any],
    threshold_a: Threshold | None = None,
    threshold_b: Threshold | None = None,
) -> float:
    """Share of images on which two models give the same answer: the argmax, or the decision at their thresholds."""
    if margins_a.shape != margins_b.shape or not margins_a.size:
        raise ValueError(f"margins of shapes {margins_a.shape} and {margins_b.shape} cannot be compared")
    return float(np.mean(decide(margins_a, threshold_a) == decide(margins_b, threshold_b)))


def mcnemar(a_correct: NDArray[np.bool_], b_correct: NDArray[np.bool_]) -> float:
    """Exact two-sided p-value that two models err equally often on the same images (McNemar, 1947; binomial form)."""
    only_a, only_b = int((a_correct & ~b_correct).sum()), int((b_correct & ~a_correct).sum())
    n = only_a + only_b
    ways: int = sum(math.comb(n, k) for k in range(min(only_a, only_b) + 1))
    return min(1.0, 2 * ways / 2**n) if n else 1.0


def spread(reports: Sequence[EvalReport]) -> Mapping[str, Spread]:
    """Mean, sample deviation, least, greatest and all values of each of METRICS, over reports of several seeds."""
    result = {}
    for name in METRICS:
        values = [float(getattr(report, name)) for report in reports]
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
        result[name] = Spread(float(np.mean(values)), sd, min(values), max(values), tuple(values))
    return result


def _checked(margins: NDArray[Any], labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    margins, labels = np.asarray(margins), np.asarray(labels)
    if margins.shape != labels.shape or margins.ndim != 1:
        raise ValueError(f"margins {margins.shape} and labels {labels.shape} must both be [N]")
    if not len(labels):
        raise EdgekitError("There is no image to evaluate.", "Check --data and --limit.")
    margins = margins.astype(np.int64 if margins.dtype.kind in "iu" else np.float64)
    broken = int((~np.isfinite(margins)).sum())
    if broken:
        raise EdgekitError(
            f"The model's outputs are not numbers on {broken} of {len(margins)} images.",
            "Its training has diverged: lower the learning rate (--set distill.fit.learning_rate=...) and build anew.",
        )
    return margins, labels


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _share_below(sorted_scores: NDArray[Any], at: NDArray[Any]) -> NDArray[np.float64]:
    """For each value of `at` the share of scores below it, equal ones counted as half."""
    twice = np.searchsorted(sorted_scores, at, "left") + np.searchsorted(sorted_scores, at, "right")
    return np.asarray(twice / (2 * len(sorted_scores)), dtype=np.float64)


def _sigmoid(margin: Any) -> Any:
    return 1 / (1 + np.exp(-np.clip(margin, -36.0, 36.0)))  # beyond 36 a double's sigmoid is 1 and cuts nothing


def _logit(probability: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.log(probability) - np.log1p(-probability)
