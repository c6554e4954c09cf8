"""A .tflite in memory, its inputs and outputs, and what its input takes a pixel for."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

VARIANTS = ("float32", "float16", "dynamic", "int8")  # that a build makes of a student
_NUMBERS = {"INT8": "<i1", "INT16": "<i2", "INT32": "<i4", "FLOAT32": "<f4"}
TYPES = tuple(_NUMBERS)  # of the schema's element types those that runtimes and firmware carry


@dataclass(frozen=True, slots=True)
class Quantization:
    """real = scale * (q - zero_point)."""

    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """An input or an output of a model.

    Attributes:
        name: as the file has it.
        type: of its elements, one of TYPES.
        shape: the batch of one left out; of an image (height, width, channels).
        q: None of floats. Whole numbers without a scale stand for themselves: scale 1, zero point 0.
        has_batch: it begins with a batch of one.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    q: Quantization | None
    has_batch: bool = True

    @property
    def size(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its elements, little-endian."""
        return np.dtype(_NUMBERS[self.type])

    @property
    def size_bytes(self) -> int:
        """Bytes of all values."""
        return self.size * self.dtype.itemsize

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """As the file has it."""
        return (1, *self.shape) if self.has_batch else self.shape

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the greatest value of whole numbers."""
        about = np.iinfo(self.dtype)
        return int(about.min), int(about.max)

    def __str__(self) -> str:
        return f"{' x '.join(map(str, self.shape))} {self.type.lower()}"


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
    """A .tflite in memory. Where it has several inputs their values stand one after the other, as one vector; so do
    those of several outputs.

    Attributes:
        flatbuffer: the file, without float or uint8 ends.
        variant: `float32`, `float16`, `dynamic`, `16x8` (float ends), `int8`, or `integer`: whole numbers go in and
            come out, and not all of them are int8.
        input_specs, output_specs: in the file's order.
        ops: built-in operator names in the order of execution (`CONV_2D`, ...), those that run once in front.
        input_range: None where the file does not tell and nobody has said.
        name: the file's path, for messages.
        other_ends: what the file also converts from and to, such as `float`; left out of `flatbuffer`.
        labels: what the file's own metadata call the outputs.
        state_bytes: of what it keeps from run to run; runtimes and boards begin each run without it.
    """

    flatbuffer: bytes
    variant: str
    input_specs: tuple[TensorSpec, ...]
    output_specs: tuple[TensorSpec, ...]
    ops: tuple[str, ...]
    sha256: str
    input_range: InputRange | None = InputRange()
    name: str = field(default="The model", compare=False)
    other_ends: str = ""
    labels: tuple[str, ...] = ()
    state_bytes: int = 0

    @property
    def is_float(self) -> bool:
        """Whether floats go in and come out."""
        return self.variant not in ("int8", "integer")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of its input, the batch of one left out; of an image (height, width, channels)."""
        return _joined(self.input_specs)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Of its output, the batch of one left out."""
        return _joined(self.output_specs)

    @property
    def input_q(self) -> Quantization | None:
        """Of its one input; None of floats, and of several inputs."""
        return self.input_specs[0].q if len(self.input_specs) == 1 else None

    @property
    def output_q(self) -> Quantization | None:
        """Of its one output, likewise."""
        return self.output_specs[0].q if len(self.output_specs) == 1 else None

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
        return self.input_specs[0].tensor_shape if len(self.input_specs) == 1 else self.input_shape

    @property
    def image_size(self) -> tuple[int, int, int] | None:
        """Height, width and channels where the input has the shape of a picture, grey or RGB; None elsewhere."""
        if not self.input_specs[0].has_batch or len(self.input_shape) != 3:
            return None
        height, width, channels = self.input_shape
        return (height, width, channels) if channels in (1, 3) else None


def _joined(specs: tuple[TensorSpec, ...]) -> tuple[int, ...]:
    return specs[0].shape if len(specs) == 1 else (sum(spec.size for spec in specs),)
