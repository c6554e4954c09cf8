"""The tensors of a file as the compiler takes them: dense, static and quantised alike, or refused by name."""

import math
from dataclasses import dataclass, field

import numpy as np

from edgekit.compile.ir import State, Tensor
from edgekit.compile.obstacles import FIXED_BATCH, FULL_INT8, NOT_16_BIT, Obstacle
from edgekit.errors import EdgekitError
from edgekit.tflite.records import FileTensor, TfliteFile
from edgekit.tflite.variables import Variables
from edgekit.values.model import Quantization

AGAIN = "Export and convert the model again."
MAX_ELEMENTS = 1 << 24  # of one tensor: 16 MB, far beyond an ESP32's memory


@dataclass(slots=True)
class Source:
    """The tensors of a file.

    Attributes:
        known: the activations computed so far.
        states: what outlives a run, by the index of its tensor.
    """

    file: TfliteFile
    known: set[int] = field(default_factory=set)
    constant_elements: int = 0
    states: dict[int, State] = field(default_factory=dict)
    variables: Variables = field(default_factory=Variables)

    def tensor(self, index: int, where: str, *, variables: bool = False) -> FileTensor:
        """A tensor that is there, dense, and stored in this file; `variables`: it may be one, too."""
        if not 0 <= index < len(self.file.tensors):
            raise EdgekitError(f"{capital(where)} names tensor {index}, which is not there.", "The file is damaged.")
        raw = self.file.tensors[index]
        if raw.special and not (variables and raw.special == "a variable"):
            raise EdgekitError(f"{called(raw, where)} is {raw.special}.", "Export the model with dense tensors.")
        return raw

    def activation(self, index: int, where: str, types: tuple[str, ...] = ("INT8",)) -> Tensor:
        """A tensor of one of these types with one scale and one zero point."""
        raw = self.tensor(index, where)
        if raw.type not in types:
            hint = NOT_16_BIT if raw.type == "INT16" else FULL_INT8
            raise Obstacle(f"{called(raw, where)} is {raw.type}, not {types[0]}.", hint, f"type {raw.type}")
        return Tensor(index, raw.name, static_shape(raw, where), quantization_of(raw, where), raw.type)


def variable(source: Source, name: str) -> Tensor:
    """A variable by its name, among the states from here on."""
    variables = (state.tensor for index, state in source.states.items() if index < 0)  # no tensor of the file has such
    known = next((tensor for tensor in variables if tensor.name == name), None)
    if known is not None:
        return known
    raw, where = source.variables.first[name], f"variable {name!r}"
    shape = static_shape(raw, where)
    size = math.prod(shape)
    if raw.type != "INT8" or raw.data.size not in (0, size):
        raise EdgekitError(f"{called(raw, where)} is not INT8, or does not hold all its bytes.", AGAIN)
    quantization = quantization_of(raw, where)
    values = raw.data.view(np.int8).astype(np.int64) if raw.data.size else np.full(size, quantization.zero_point)
    tensor = Tensor(-2 - len(source.states), name, shape, quantization)
    source.states[tensor.index] = State(tensor, values)
    return tensor


def quantization_of(raw: FileTensor, where: str) -> Quantization:
    """The tensor's only scale (a float32 value) and its zero point."""
    if raw.type == "INT32" and not len(raw.scales):
        return Quantization(1.0, 0)  # whole numbers that stand for themselves, such as indices
    if len(raw.scales) != 1 or len(raw.zero_points) != 1:
        raise EdgekitError(
            f"{called(raw, where)} has {len(raw.scales)} scales and {len(raw.zero_points)} zero points, not one each.",
            "Convert the model to full int8.",
        )
    scale, zero_point = float(raw.scales[0]), int(raw.zero_points[0])
    limits = np.iinfo(raw.type.lower())
    positive = math.isfinite(scale) and scale >= float(np.finfo(np.float32).tiny)
    if not positive or not limits.min <= zero_point <= limits.max:
        raise EdgekitError(
            f"{called(raw, where)} has scale {scale:g} and zero point {zero_point}; {raw.type.lower()} needs a "
            f"positive scale and a zero point from {limits.min} to {limits.max}.",
            AGAIN,
        )
    return Quantization(scale, zero_point)


def static_shape(raw: FileTensor, where: str) -> tuple[int, ...]:
    """The tensor's shape, of which nothing is open but the batch."""
    # A batch left open (-1 in the signature) is common and harmless: the batch of `shape` is what runs.
    open_dimensions = [i for i, size in enumerate(raw.signature) if size < 0 and not (i == 0 and raw.shape[:1] == (1,))]
    if open_dimensions or any(size < 1 for size in raw.shape):
        shape = raw.signature if open_dimensions else raw.shape
        raise Obstacle(f"{called(raw, where)} has the dynamic shape {list(shape)}.", FIXED_BATCH, "dynamic shape")
    if math.prod(raw.shape) > MAX_ELEMENTS:
        raise EdgekitError(f"{called(raw, where)} is larger than 16 MB.", "No ESP32 holds it: choose a smaller model.")
    return raw.shape


def called(raw: FileTensor, where: str) -> str:
    """What messages call a tensor."""
    return f"{capital(where)} (tensor {raw.index}, {raw.name!r})"


def capital(text: str) -> str:
    """With a capital at the front."""
    return text[:1].upper() + text[1:]
