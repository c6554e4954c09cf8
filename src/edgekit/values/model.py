"""A .tflite in memory, and the quantization of its tensors."""

from dataclasses import dataclass
from pathlib import Path

DEFAULT_MODEL = Path("models/chest_xray/student_int8.tflite")  # of a checkout: what commands take where none is named


@dataclass(frozen=True, slots=True)
class Quantization:
    """real = scale * (q - zero_point)."""

    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class TfliteModel:
    """A .tflite in memory."""

    flatbuffer: bytes  # the file
    variant: str  # `float32`, `float16`, `dynamic` or `int8`
    input_shape: tuple[int, int, int]  # (height, width, channels) of its one image input (batch 1, NHWC)
    input_q: Quantization | None  # of the int8 input; None in the float variants
    output_q: Quantization | None
    ops: tuple[str, ...]  # built-in operator names in the order of execution (`CONV_2D`, ...)
    sha256: str
