"""What a model answered, where its decision lies, and how good it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where pneumonia begins, chosen on validation and stored with the model.

    Attributes:
        probability: softmax probability of pneumonia at which a float model says pneumonia.
        margin_q: the smallest int8 difference (pneumonia logit minus normal logit) that an int8 model counts as
            pneumonia; None for a model without int8 outputs.
    """

    probability: float
    margin_q: int | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """One image through one model. `logits` are int8 values (as ints) for an int8 model, floats otherwise."""

    id: str
    label: int
    logits: tuple[float, float]
    invoke_us: int | None = None

    @property
    def margin(self) -> float:
        """Pneumonia logit minus normal logit, in the model's own units."""
        return self.logits[1] - self.logits[0]


@dataclass(frozen=True, slots=True)
class EvalReport:
    """Figures of one model on one set, in [0, 1]; `intervals` holds 95 % bounds by the same names.

    `confusion` has the keys tn, fp, fn, tp; pneumonia is positive.
    """

    n: int
    accuracy: float
    balanced_accuracy: float
    precision: float
    recall: float
    specificity: float
    f1: float
    auc: float
    intervals: Mapping[str, tuple[float, float]]
    confusion: Mapping[str, int]
    threshold: Threshold
    runtime: str
    model_sha256: str
    data: str = ""
    synthetic: bool = False
    notes: tuple[str, ...] = field(default=())
