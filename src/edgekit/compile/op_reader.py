"""What an operator's `lower` may ask of the file: its inputs, output and options, each of them checked.

Every message names the operator or the tensor.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.compile import fixed_point
from edgekit.compile.ir import RANGES, Origin, State, Tensor
from edgekit.compile.obstacles import FIXED_BATCH, Obstacle
from edgekit.compile.source import AGAIN, Source, called, quantization_of, static_shape, variable
from edgekit.errors import EdgekitError
from edgekit.tflite.records import FileOperator, FileTensor
from edgekit.values.model import Quantization

Values = NDArray[np.int8] | NDArray[np.int16]
"""Of an activation that does not change."""

MAX_CONSTANTS = 1 << 22  # of all together, each use counted: 4 MB, an ESP32's flash
_LIMIT = 2**31 - 2**8  # what a sum may reach, so that adding a zero point stays within int32


@dataclass(frozen=True, slots=True)
class OpReader:
    """One operator of the file.

    Attributes:
        options_kind: the schema's name of the options that it must carry.
        takes_16x8: its activations may be INT16.
    """

    source: Source
    op: FileOperator
    options_kind: str = ""
    takes_16x8: bool = False

    @property
    def origins(self) -> tuple[Origin, ...]:
        """What the operator's node says where it comes from."""
        return (Origin(self.op.code, self.op.position),)

    @property
    def label(self) -> str:
        """Its name in messages: `CONV_2D (operator 3)`."""
        return f"{self.op.name} (operator {self.op.position})"

    @property
    def wide(self) -> bool:
        """True where its activations are INT16: any of its inputs is."""
        tensors = self.source.file.tensors
        return self.takes_16x8 and any(
            tensors[index].type == "INT16" for index in self.op.inputs if 0 <= index < len(tensors)
        )

    @property
    def types(self) -> tuple[str, ...]:
        """What its activations are, where nothing else is said."""
        return ("INT16",) if self.wide else ("INT8",)

    def error(self, what: str, hint: str = AGAIN) -> EdgekitError:
        """An error about this operator."""
        return EdgekitError(f"{self.label}: {what}.", hint)

    def operand(self, position: int, types: tuple[str, ...] = ()) -> Tensor:
        """The activation at an input's position, of one of these types or its own; it must be computed already."""
        where = f"input {position} of {self.label}"
        tensor = self.source.activation(self._index(position), where, types or self.types)
        if tensor.index not in self.source.known:
            raise EdgekitError(
                f"Input {position} of {self.label} ({tensor.name!r}) is not computed by any operator before it.",
                "Weights and other constants are not supported there: export the model again.",
            )
        return tensor

    def constant_operand(self, position: int) -> tuple[Tensor, Values]:
        """An activation that does not change: its shape and quantisation as those of a tensor, and its values."""
        tensor = self.source.activation(self._index(position), f"input {position} of {self.label}", self.types)
        kind = np.int16 if self.wide else np.int8
        return tensor, self.constant(position, tensor.type, kind)[1]

    def symmetric(self, *quantizations: Quantization) -> None:
        """Refuses INT16 with a zero point, which TFLM does not know."""
        if self.wide and any(quantization.zero_point for quantization in quantizations):
            raise self.error("its INT16 input or output has a zero point other than 0")

    def result(self, types: tuple[str, ...] = ()) -> Tensor:
        """The activation that the operator writes."""
        if len(self.op.outputs) != 1:
            raise EdgekitError(f"{self.label} has {len(self.op.outputs)} outputs instead of one.", AGAIN)
        return self.results(types)[0]

    def results(self, types: tuple[str, ...] = ()) -> tuple[Tensor, ...]:
        """The activations that an operator of several outputs writes."""
        tensors = []
        for index in self.op.outputs:
            tensor = self.source.activation(index, f"the output of {self.label}", types or self.types)
            if index in self.source.known or self.source.file.tensors[index].data.size or tensor in tensors:
                raise EdgekitError(f"{self.label} writes a tensor that is already there.", AGAIN)
            tensors.append(tensor)
        return tuple(tensors)

    def index_result(self) -> Tensor:
        """An output of INT32 that counts, and has no quantisation."""
        if len(self.op.outputs) != 1:
            raise EdgekitError(f"{self.label} has {len(self.op.outputs)} outputs instead of one.", AGAIN)
        raw = self.source.tensor(self.op.outputs[0], where := f"the output of {self.label}")
        if raw.type != "INT32" or raw.index in self.source.known or raw.data.size:
            raise self.error(f"its output is {raw.type}, not INT32, or there already")
        return Tensor(raw.index, raw.name, static_shape(raw, where), Quantization(1.0, 0), raw.type)

    def state(self, position: int, types: tuple[str, ...], size: int) -> Tensor:
        """A variable that belongs to this operator alone; it begins as TFLM resets it."""
        where = f"input {position} of {self.label}"
        raw = self.source.file.tensors[self.source.tensor(self._index(position), where, variables=True).index]
        if raw.special != "a variable" or raw.type not in types or raw.data.size:
            raise self.error(f"input {position} is no variable of {' or '.join(types)}")
        shape, quantization = static_shape(raw, where), quantization_of(raw, where)
        if raw.index in self.source.states or math.prod(shape) != size:
            raise self.error(f"input {position} is a variable of {list(shape)} that is another's, or not one of {size}")
        tensor = Tensor(raw.index, raw.name, shape, quantization, raw.type)
        first = np.full(size, quantization.zero_point if raw.type == "INT8" else 0, np.int64)
        self.source.states[raw.index] = State(tensor, first)
        return tensor

    def variable(self, position: int) -> Tensor:
        """The variable that an input stands for."""
        name = self.source.variables.handles.get(self._index(position))
        if name is None:
            raise self.error(f"input {position} names no variable")
        return variable(self.source, name)

    def numbers(self, position: int) -> list[int]:
        """A constant of one dimension, of INT32."""
        _, values = self.constant(position, "INT32", np.int32)
        if values.ndim > 1 or values.size > 64:
            raise self.error(f"input {position} has shape {list(values.shape)} instead of one dimension")
        return [int(value) for value in values.ravel()]

    def single_axis(self, position: int, rank: int) -> int:
        """The axis that a constant of one number names."""
        numbers = self.numbers(position)
        if len(numbers) != 1:
            raise self.error(f"input {position} names {len(numbers)} axes instead of one")
        return self.axis(numbers[0], rank)

    def paddings(self, position: int, x: Tensor) -> list[tuple[int, int]]:
        """A constant of as many elements before and behind each dimension; up to four of them."""
        _, amounts = self.constant(position, "INT32", np.int32)
        rank = len(x.shape)
        if amounts.shape != (rank, 2) or not 1 <= rank <= 4 or (amounts < 0).any() or (amounts > 1 << 24).any():
            raise self.error(f"paddings {amounts.ravel().tolist()[:8]} do not fit {list(x.shape)}")
        return [(int(before), int(after)) for before, after in amounts]

    def new_size(self, position: int) -> tuple[int, int]:
        """A constant of the height and width that an image is resized to."""
        size = self.numbers(position)
        if len(size) != 2 or not all(1 <= number <= 4096 for number in size):
            raise self.error(f"it resizes to {size}, not to a height and a width from 1 to 4096")
        return size[0], size[1]

    def axis(self, axis: int, rank: int) -> int:
        """An axis counted from the front, whatever the file counts from."""
        if not -rank <= axis < rank:
            raise self.error(f"axis {axis} is not one of the {rank} that there are")
        return axis % rank

    def kind(self, position: int) -> str:
        """The type of an input, by its name in the schema."""
        return self.source.tensor(self._index(position), f"input {position} of {self.label}", variables=True).type

    def symmetric_scale(self, raw: FileTensor) -> float:
        """The one scale of a constant whose zero point is 0."""
        quantization = quantization_of(raw, f"a constant of {self.label}")
        if quantization.zero_point:
            raise self.error(f"a constant of it ({raw.name!r}) has zero point {quantization.zero_point} instead of 0")
        return quantization.scale

    def given(self, position: int) -> bool:
        """True where an optional input is not left out."""
        return position < len(self.op.inputs) and self.op.inputs[position] != -1

    def is_constant(self, position: int) -> bool:
        """True where the input is there and carries data."""
        if position >= len(self.op.inputs) or not 0 <= self.op.inputs[position] < len(self.source.file.tensors):
            return False
        return self.source.file.tensors[self.op.inputs[position]].data.size > 0

    def constant(self, position: int, kind: str, dtype: type[np.generic]) -> tuple[FileTensor, NDArray[Any]]:
        """A constant of the given TensorType name, with its record, in its shape."""
        where = f"input {position} of {self.label}"
        raw = self.source.tensor(self._index(position), where)
        if raw.type != kind:
            raise EdgekitError(f"{called(raw, where)} is {raw.type}, not {kind}.", "Convert the model to full int8.")
        shape = static_shape(raw, where)
        wanted = math.prod(shape) * np.dtype(dtype).itemsize
        if raw.data.size != wanted:
            raise EdgekitError(
                f"{called(raw, where)} must be a constant of {wanted} bytes and holds {raw.data.size}.",
                "The file is damaged or the operand is not constant: convert the model again.",
            )
        self.source.constant_elements += math.prod(shape)
        if self.source.constant_elements > MAX_CONSTANTS:
            raise EdgekitError(
                f"The model's constants exceed 4 MB at {self.label}.", "No ESP32 holds them: choose a smaller model."
            )
        return raw, np.frombuffer(raw.data.tobytes(), np.dtype(dtype).newbyteorder("<")).reshape(shape).astype(dtype)

    def option(self, name: str) -> Any:
        """A field of the operator's options."""
        if not self.op.options_kind:
            raise EdgekitError(f"{self.label} has no options.", AGAIN)
        if self.op.options_kind != self.options_kind:
            raise self.error("it carries the options of another operator")
        return self.op.options[name]

    def sizes(self, *names: str) -> tuple[int, int]:
        """Two options along height and width, each from 1 to 4096."""
        first, second = (int(self.option(name)) for name in names)
        if not (1 <= first <= 4096 and 1 <= second <= 4096):
            raise self.error(f"{names[0]} and {names[1]} are {first} and {second}")
        return first, second

    def image(self, x: Tensor) -> tuple[int, int, int]:
        """Height, width and channels of a single image."""
        if len(x.shape) == 4 and x.shape[0] > 1:
            what = f"{self.label}: it needs a batch of 1 and has {list(x.shape)}."
            raise Obstacle(what, FIXED_BATCH, "batch")
        if len(x.shape) != 4:
            raise self.error(f"it needs an image [1, height, width, channels], not {list(x.shape)}")
        return x.shape[1], x.shape[2], x.shape[3]

    def expect(self, y: Tensor, *shapes: tuple[int, ...]) -> None:
        """Refuses an output of another shape."""
        if y.shape not in shapes:
            raise self.error(f"the output has shape {list(y.shape)} instead of {list(shapes[0])}")

    def window(self, size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
        """Output size and padding before, along one axis (TFLite's padding.h)."""
        reach = (kernel - 1) * dilation + 1
        padding = self.option("Padding")
        if padding == "SAME":
            result = -(-size // stride)
        elif padding == "VALID" and size >= reach:
            result = (size - reach) // stride + 1
        else:
            raise self.error(f"a window of {reach} does not fit into {size} with {padding}")
        return result, max(0, (result - 1) * stride + reach - size) // 2

    def activation_range(self, y: Tensor) -> tuple[int, int]:
        """The least and the greatest value that the fused activation lets through."""
        activation = self.option("FusedActivationFunction")
        if activation not in ("NONE", "RELU", "RELU_N1_TO_1", "RELU6"):
            raise self.error(f"the fused activation {activation} is not supported", "Use RELU, RELU6 or none.")
        try:
            scale, zero_point = y.quantization.scale, y.quantization.zero_point
            return fixed_point.activation_range(activation, scale, zero_point, RANGES[y.type])
        except OverflowError as error:
            raise self.error(f"output scale {y.quantization.scale:g} is too small") from error

    def check_sum(self, bound: int, shift: int) -> None:
        """Refuses what could leave int32 in TFLM's kernel, whose result would then be undefined."""
        if shift > 30 or bound << max(0, shift) > _LIMIT:
            raise self.error(
                f"its sums can reach {bound} with a scaling of 2^{shift}, which does not fit into 32 bits",
                "The quantisation is broken, or the bias is: convert the model again with representative data.",
            )

    def _index(self, position: int) -> int:
        if position >= len(self.op.inputs):
            raise EdgekitError(f"{self.label} lacks input {position}.", AGAIN)
        return self.op.inputs[position]
