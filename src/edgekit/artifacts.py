"""The values that cross stages. numpy only: a host without torch can read every one of them.

Class 0 is NORMAL and class 1 is PNEUMONIA everywhere; `logits[:, 1] - logits[:, 0]` is the margin.
Join on `ids`, never on position.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

CLASS_NAMES = ("NORMAL", "PNEUMONIA")


@dataclass(frozen=True, slots=True)
class XraySet:
    """Grey images of one size with their labels.

    Attributes:
        images: uint8 [N, H, W].
        labels: int64 [N], 0 normal, 1 pneumonia.
        ids: N unique names, the path below the data folder (`train/NORMAL/IM-0115-0001.jpeg`).
        patients: N patient names; images of one patient share it.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    ids: tuple[str, ...]
    patients: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: NDArray[np.int64]) -> "XraySet":
        """The set of the given rows, in their order."""
        return XraySet(
            self.images[rows],
            self.labels[rows],
            tuple(self.ids[i] for i in rows),
            tuple(self.patients[i] for i in rows),
        )


@dataclass(frozen=True, slots=True)
class DataInfo:
    """What is known of a data set, carried into every card and report.

    Attributes:
        name: `chest-xray`, `pneumoniamnist-64`, `phantom` or the folder's name.
        fingerprint: hex SHA-256 over every image file's name and bytes; part of each cache key.
        synthetic: True where the images were drawn, not taken of patients; said wherever a result is shown.
        licence: licence and attribution, empty where unknown.
        notes: what a reader must know (`no patient in the names: every image counts as its own patient`).
    """

    name: str
    fingerprint: str
    synthetic: bool
    licence: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class XraySplits:
    """One data set at one image size. Only evaluation touches `test`; `calibration` is a part of `train`."""

    info: DataInfo
    train: XraySet
    val: XraySet
    calibration: XraySet
    test: XraySet


@dataclass(frozen=True, slots=True)
class TeacherLogits:
    """The ensemble's logits, float32 [N, 2], by id."""

    logits: NDArray[np.float32]
    ids: tuple[str, ...]

    def of(self, ids: tuple[str, ...]) -> NDArray[np.float32]:
        """Logits [len(ids), 2] in the order of `ids`. KeyError names the id that has none."""
        rows = {name: row for row, name in enumerate(self.ids)}
        return self.logits[[rows[name] for name in ids]]


@dataclass(frozen=True, slots=True)
class StudentSpec:
    """The shape of a student: stages of 3x3 convolutions, each stage ended by a 2x2 max-pool, then mean and linear.

    Attributes:
        input_size: height and width of the grey input in pixels.
        channels: output channels of each stage.
        depths: convolutions in each stage, as many as channels.
    """

    input_size: int
    channels: tuple[int, ...]
    depths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Student:
    """A trained student: its spec and its parameters under torch's state_dict names, float32."""

    spec: StudentSpec
    weights: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Quantization:
    """real = scale * (q - zero_point)."""

    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class TfliteModel:
    """A .tflite in memory.

    Attributes:
        flatbuffer: the file.
        variant: `float32`, `float16`, `dynamic` or `int8`.
        input_shape: (height, width, channels) of its one image input (batch 1, NHWC).
        input_q, output_q: quantisation of the int8 input and output; None in the float variants.
        ops: built-in operator names in the order of execution (`CONV_2D`, ...).
    """

    flatbuffer: bytes
    variant: str
    input_shape: tuple[int, int, int]
    input_q: Quantization | None
    output_q: Quantization | None
    ops: tuple[str, ...]
    sha256: str


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
