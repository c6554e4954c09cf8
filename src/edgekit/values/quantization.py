"""How an int8 model came about: the remedies that were tried, what each gave, and which was taken."""

from dataclasses import dataclass
from typing import Literal

Taken = Literal["converted", "aware"]


@dataclass(frozen=True, slots=True)
class Int8Facts:
    """An int8 file beside the float network.

    Attributes:
        drift: of the logits on 99 % of the gate's images, in standard deviations of the float network's.
        agreement: the share of the gate's images on which both name the same class.
        balanced_accuracy: on validation, where the greatest logit decides.
    """

    drift: float
    agreement: float
    balanced_accuracy: float


@dataclass(frozen=True, slots=True)
class QuantizationFacts:
    """What was taken, the file as `converted` or the one that was trained as int8 (`aware`), and why.

    Attributes:
        activations: int16 of a 16x8 model.
        aware: None where nothing was trained as int8, or it came to nothing.
    """

    activations: Literal["int8", "int16"]
    taken: Taken
    why: str
    converted: Int8Facts
    aware: Int8Facts | None = None
