"""A .tflite in memory, the quantization of its tensors, and what its input takes a pixel for."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edgekit.values.shipped import shipped

DEFAULT_MODEL = shipped("models") / "chest_xray" / "student_int8.tflite"  # what commands take where none is named

VARIANTS = ("float32", "float16", "dynamic", "int8")  # that a build makes of a student


def shipped_model(name: str) -> Path | None:
    """The file of a model that comes with edgekit, by its name; None where none is called so."""
    path = DEFAULT_MODEL.parents[1] / name / DEFAULT_MODEL.name
    return path if len(Path(name).parts) == 1 and path.is_file() else None


@dataclass(frozen=True, slots=True)
class Quantization:
    """real = scale * (q - zero_point)."""

    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class InputRange:
    """What a network takes a black pixel (0) and a white one (255) for, and how that is known: of the `file`, whose
    int8 input spans about this range; `given` by the user; or the `default`, because a float model does not say it."""

    low: float = 0.0
    high: float = 1.0
    source: Literal["file", "given", "default"] = "default"

    def __str__(self) -> str:
        known = {
            "file": "read from the scale and zero point of the input",
            "given": "as given",
            "default": "taken for granted: a float model does not say it",
        }[self.source]
        return f"Pixels 0 to 255 enter the network as {self.low:g} to {self.high:g} ({known})."


@dataclass(frozen=True, slots=True)
class TfliteModel:
    """A .tflite in memory."""

    flatbuffer: bytes  # the file, without float or uint8 ends
    variant: str  # `float32`, `float16`, `dynamic`, `16x8` (float ends) or `int8`
    input_shape: tuple[int, ...]  # of its one input, the batch of one left out; of an image (height, width, channels)
    input_q: Quantization | None  # of the int8 input; None in the float variants
    output_q: Quantization | None
    ops: tuple[str, ...]  # built-in operator names (`CONV_2D`, ...) in order, those that run once in front
    sha256: str
    input_range: InputRange | None = InputRange()  # None where the file does not tell and nobody has said
    name: str = field(default="The model", compare=False)  # the file's path, for messages
    other_ends: str = ""  # what the file also converts from and to, such as `float`; left out of `flatbuffer`
    output_shape: tuple[int, ...] = ()  # of its one output, the batch of one left out
    has_batch: bool = True  # the file's input begins with a batch of one
    labels: tuple[str, ...] = ()  # what the file's own metadata call the outputs
    state_bytes: int = 0  # of what it keeps from run to run; runtimes and boards begin each run without it

    @property
    def outputs(self) -> int:
        """How many values it gives."""
        return math.prod(self.output_shape)

    @property
    def remark_on_state(self) -> str:
        """What is said to the user of a model that keeps a state; empty of others."""
        kept = f"{self.state_bytes:,} bytes of state from run to run"
        return f"keeps {kept}: each input is run from a fresh state" if self.state_bytes else ""

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """The input's as the file has it."""
        return (1, *self.input_shape) if self.has_batch else self.input_shape

    @property
    def image_size(self) -> tuple[int, int, int] | None:
        """Height, width and channels where the input has the shape of a picture, grey or RGB; None elsewhere."""
        if not self.has_batch or len(self.input_shape) != 3:
            return None
        height, width, channels = self.input_shape
        return (height, width, channels) if channels in (1, 3) else None
