"""What a model answered, where its decision lies, and how good it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from edgekit.values.limits import Between, FloatOrNan
from edgekit.values.model import InputRange
from edgekit.values.task import Task


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where the positive label of a two-label task begins, chosen on validation and stored with the model.

    Attributes:
        probability: softmax probability of the positive label from which on a float model says it.
        margin_q: the smallest int8 margin (the positive label's logit minus the other's) that an int8 model counts as
            positive; None for a model without int8 outputs.
    """

    probability: Annotated[float, Between(0, 1)]
    margin_q: int | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """One image through one model."""

    id: str
    label: int  # the class number, a position in the task's labels
    logits: tuple[float, ...]  # one a label; int8 values (as ints) for an int8 model, floats otherwise
    invoke_us: int | None = None  # what one inference took on the device's own clock


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Figures of one class against the rest, in [0, 1]; `intervals` holds 95 % bounds by the same names."""

    label: str
    n: int  # images of the class
    precision: FloatOrNan
    recall: FloatOrNan
    specificity: FloatOrNan
    f1: FloatOrNan
    auc: FloatOrNan
    intervals: Mapping[str, tuple[FloatOrNan, FloatOrNan]]


@dataclass(frozen=True, slots=True)
class ImageAnswers:
    """What a model answered to each image, by which two models are compared on those that both saw.

    Attributes:
        fingerprint: of the data set, as in `DataInfo`.
        labels, answers: [N] class numbers.
        logits: [N][classes], as the threshold and `scale` take them.
        scale: of an int8 model's output; 1 for floats.
    """

    fingerprint: str
    ids: tuple[str, ...]
    labels: tuple[int, ...]
    answers: tuple[int, ...]
    logits: tuple[tuple[float, ...], ...]
    scale: float

    def __post_init__(self) -> None:
        if {len(self.labels), len(self.answers), len(self.logits), len(set(self.ids))} != {len(self.ids)}:
            raise ValueError("ids, labels, answers and logits are not one of each for every image")


@dataclass(frozen=True, slots=True)
class EvalReport:
    """Figures of one model on one set, in [0, 1]; `intervals` holds 95 % bounds by the same names.

    Where the task has a positive label, precision, recall, specificity, F1 and AUC are that label's; elsewhere each is
    the mean over the classes (macro average), NaN where it is undefined for one of them.

    Attributes:
        confusion: by the positive label, under the keys tn, fp, fn, tp; empty where the task has none.
        threshold: None where the greatest logit decides.
        classes: in the order of the labels; empty in what older versions wrote.
        matrix: [truth][answer], images; empty in what older versions wrote.
        answers: None in cards and in what older versions wrote.
    """

    n: int
    accuracy: FloatOrNan
    balanced_accuracy: FloatOrNan
    precision: FloatOrNan
    recall: FloatOrNan
    specificity: FloatOrNan
    f1: FloatOrNan
    auc: FloatOrNan
    intervals: Mapping[str, tuple[FloatOrNan, FloatOrNan]]
    confusion: Mapping[str, int]
    threshold: Threshold | None
    runtime: str
    model_sha256: str
    task: Task
    data: str = ""
    synthetic: bool = False
    notes: tuple[str, ...] = ()
    input_range: InputRange | None = None  # what the model took pixels for, where a file was run
    classes: tuple[ClassFigures, ...] = ()
    matrix: tuple[tuple[int, ...], ...] = ()
    answers: ImageAnswers | None = None


@dataclass(frozen=True, slots=True)
class ValuesReport:
    """How far the outputs of one model lie from what they should be, where they are no classes: of a regression, or of
    an autoencoder. All figures are in the output's real units.

    Attributes:
        outputs: values of one input.
        mse, mae, max_error: mean square, mean and greatest distance; NaN where nothing says what they should be.
        against: what they are compared with, in words; empty where nothing.
        step: what an int8 output resolves; 0 of floats.
    """

    n: int
    outputs: int
    mse: FloatOrNan
    mae: FloatOrNan
    max_error: FloatOrNan
    against: str
    step: float
    runtime: str
    model_sha256: str
    data: str = ""
    notes: tuple[str, ...] = ()
    input_range: InputRange | None = None


def labelled_matrix(report: EvalReport) -> tuple[Sequence[str], Sequence[Sequence[int]]]:
    """The labels and the confusion [truth][answer] in the order in which they are shown: the positive label last."""
    if c := report.confusion:
        return (report.task.negative, report.task.positive), ((c["tn"], c["fp"]), (c["fn"], c["tp"]))
    return report.task.labels, report.matrix
