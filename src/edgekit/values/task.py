"""What a model is asked: the names of its answers, how one is decided on, and what its pictures are.

A `Task` travels with the images, the card, the C array, the firmware and the report; nothing else knows a class by
name. Class numbers everywhere are positions in `labels`.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Decision = Literal["argmax", "threshold"]


@dataclass(frozen=True, slots=True)
class Task:
    """What a model is asked.

    Attributes:
        labels: the N >= 2 class names, in the order of the model's outputs.
        channels: of a picture, 1 (grey) or 3 (RGB); 0 where the inputs are no pictures.
        positive: of two labels the one that is looked for. Its margin (its logit minus the other's) is compared with
            a threshold that validation chooses; empty where the greatest logit decides.
        noun: what one picture is called in reports, `chest X-ray`; its plural takes an s.
        domain: what every report must say of such results (`Research demonstration, not a medical device.`), or
            empty.
        limits: what a reader of a model's card must know besides, a sentence each.

    Raises:
        ValueError: fewer than two labels, equal ones, other channels, or a positive label that is not one of two.
    """

    labels: tuple[str, ...]
    channels: int = 1
    positive: str = ""
    noun: str = "image"
    domain: str = ""
    limits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.labels) < 2 or len(set(self.labels)) < len(self.labels):
            raise ValueError(f"the labels {list(self.labels)} must be two or more different names")
        if self.channels not in (0, 1, 3):
            raise ValueError(f"pictures have 1 or 3 channels, not {self.channels}")
        if self.positive and (len(self.labels) != 2 or self.positive not in self.labels):
            raise ValueError(f"{self.positive!r} is not one of two labels: {list(self.labels)}")

    @property
    def decision(self) -> Decision:
        """How an answer follows from the logits."""
        return "threshold" if self.positive else "argmax"

    @property
    def positive_index(self) -> int:
        """The class number of the positive label. ValueError where the task has none."""
        return self.labels.index(self.positive)

    @property
    def negative(self) -> str:
        """The other label than the positive one. ValueError where the task has none."""
        return self.labels[1 - self.positive_index]

    @property
    def group(self) -> str:
        """What images that must not stand on both sides of a split have in common, in a word."""
        return "patient" if self.domain else "group"

    @property
    def drawn(self) -> str:
        """What pictures of the task are called that a program drew; a phantom is one in medicine."""
        return "synthetic phantoms" if self.domain else "synthetic images"

    def is_positive(self, labels: ArrayLike) -> NDArray[np.bool_]:
        """Which of the class numbers [N] are the positive label's. ValueError where the task has none."""
        return np.asarray(np.asarray(labels) == self.positive_index)

    def margins(self, logits: ArrayLike) -> NDArray[Any]:
        """The positive label's logit minus the other's, [..., 2] to [...]: int64 where the logits are integers, float64
        otherwise. ValueError where the task has no positive label."""
        found, positive = np.asarray(logits), self.positive_index
        # widened before the subtraction: 127 - (-128) does not fit an int8
        wide = found.astype(np.int64 if found.dtype.kind in "iu" else np.float64)
        return np.asarray(wide[..., positive] - wide[..., 1 - positive])


def spoken(label: str) -> str:
    """A label within a sentence: NORMAL is normal there, and Abyssinian stays."""
    return label.lower() if label.isupper() else label


def capitalized(words: str) -> str:
    """The words as they begin a sentence; `str.capitalize` would make `Chest x-ray`."""
    return words[:1].upper() + words[1:]


CHEST_XRAY = Task(
    labels=("NORMAL", "PNEUMONIA"),
    positive="PNEUMONIA",
    noun="chest X-ray",
    domain="Research demonstration, not a medical device.",
    limits=(
        "It must not be used to diagnose.",
        "Other findings, other views, adults and other machines were not tried.",
    ),
)
# The same release, its pneumonias told apart: its file names say what caused them.
CHEST_XRAY_3 = replace(CHEST_XRAY, labels=("NORMAL", "BACTERIA", "VIRUS"), positive="")
