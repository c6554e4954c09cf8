""".tflite bytes -> a validated `Graph`. Whatever is not understood to the last byte is refused, and named.

Wherever TFLM would refuse the model, or where its arithmetic would leave int32, an `EdgekitError` says so: a program
that this package emits is one whose outputs TFLM defines.
"""

import hashlib
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgekit.artifacts import Quantization
from edgekit.compile import lowering
from edgekit.compile.decode import RawModel, RawOp, RawTensor, decode
from edgekit.compile.graph import Graph, Op, Tensor
from edgekit.errors import EdgekitError

MAX_ELEMENTS = 1 << 24  # of one tensor, and of all constants together: 16 MB, four times an ESP32's flash

_LOWERINGS: dict[str, Callable[["Source", RawOp, str], Op]] = {
    "ADD": lowering.add,
    "AVERAGE_POOL_2D": lowering.average_pool,
    "CONV_2D": lowering.conv,
    "DEPTHWISE_CONV_2D": lowering.depthwise,
    "FULLY_CONNECTED": lowering.fully_connected,
    "MAX_POOL_2D": lowering.max_pool,
    "MEAN": lowering.mean,
    "PAD": lowering.pad,
    "RESHAPE": lowering.reshape,
    "SOFTMAX": lowering.softmax,
}


def supported_ops() -> tuple[str, ...]:
    """Built-in operator names that the compiler knows, sorted."""
    return tuple(sorted(_LOWERINGS))


def read_graph(content: bytes) -> Graph:
    """Reads an int8 .tflite.

    Raises:
        EdgekitError: the file is damaged, not int8, not static, or has an operator that is not supported; the message
            names the operator or the tensor.
    """
    source = Source(decode(content))
    raw = source.raw
    if len(raw.inputs) != 1 or len(raw.outputs) != 1:
        raise EdgekitError(
            f"The model has {len(raw.inputs)} inputs and {len(raw.outputs)} outputs; edgekit compiles one of each.",
            "Export a model with a single image in and a single vector of logits out.",
        )
    unknown = sorted({op.code for op in raw.ops} - set(_LOWERINGS))
    if unknown:
        raise EdgekitError(
            f"The model uses {', '.join(unknown)}, which edgekit.compile does not support.",
            f"Supported: {', '.join(supported_ops())}. Remove the operator, or run the model with TFLM.",
        )
    entry = source.activation(raw.inputs[0], "the model's input")
    if source.raw.tensors[entry.index].data.size:
        raise EdgekitError("The model's input is a constant.", "Export the model again.")
    source.known.add(entry.index)
    ops = []
    for position, op in enumerate(raw.ops):
        label = f"{op.code} (operator {position})"
        if len(op.outputs) != 1:
            raise EdgekitError(f"{label} has {len(op.outputs)} outputs instead of one.", "Export the model again.")
        lowered = _LOWERINGS[op.code](source, op, label)
        if lowered.output.index in source.known:
            raise EdgekitError(f"{label} writes a tensor that is already there.", "Export the model again.")
        source.known.add(lowered.output.index)
        ops.append(lowered)
    exit_ = source.activation(raw.outputs[0], "the model's output")
    if exit_.index not in source.known:
        raise EdgekitError("No operator computes the model's output.", "Export the model again.")
    return Graph(entry, exit_, tuple(ops), hashlib.sha256(content).digest())


class Source:
    """What a lowering may ask of the file: its tensors, checked."""

    def __init__(self, raw: RawModel) -> None:
        self.raw = raw
        self.known: set[int] = set()  # activations computed so far
        self._constant_elements = 0

    def operand(self, op: RawOp, position: int, label: str) -> Tensor:
        """The activation at an input's position; it must be computed already."""
        tensor = self.activation(self._index(op, position, label), f"input {position} of {label}")
        if tensor.index not in self.known:
            raise EdgekitError(
                f"Input {position} of {label} ({tensor.name!r}) is not computed by any operator before it.",
                "Weights and other constants are not supported there: export the model again.",
            )
        return tensor

    def result(self, op: RawOp, label: str) -> Tensor:
        """The activation that the operator writes."""
        tensor = self.activation(op.outputs[0], f"the output of {label}")
        if self.raw.tensors[tensor.index].data.size:
            raise EdgekitError(f"The output of {label} is a constant.", "Export the model again.")
        return tensor

    def is_constant(self, op: RawOp, position: int) -> bool:
        """True where the input is there and carries data."""
        if position >= len(op.inputs) or not 0 <= op.inputs[position] < len(self.raw.tensors):
            return False
        return self.raw.tensors[op.inputs[position]].data.size > 0

    def activation(self, index: int, where: str) -> Tensor:
        """An int8 tensor with one scale and one zero point."""
        raw = self._tensor(index, where)
        if raw.type != "INT8":
            hint = (
                "The model is not quantised: convert it to int8 first (edgekit quantize)."
                if raw.type.startswith("FLOAT")
                else "Convert the model with int8 inputs, outputs and activations."
            )
            raise EdgekitError(f"{_called(raw, where)} is {raw.type}, not INT8.", hint)
        return Tensor(index, raw.name, _static_shape(raw, where), one_quantization(raw, where))

    def constant(
        self, op: RawOp, position: int, label: str, kind: str, dtype: type[np.generic]
    ) -> tuple[RawTensor, NDArray[np.generic]]:
        """A constant of the given TensorType name, with its record, in its shape."""
        where = f"input {position} of {label}"
        raw = self._tensor(self._index(op, position, label), where)
        if raw.type != kind:
            raise EdgekitError(f"{_called(raw, where)} is {raw.type}, not {kind}.", "Convert the model to full int8.")
        shape = _static_shape(raw, where)
        wanted = math.prod(shape) * np.dtype(dtype).itemsize
        if raw.data.size != wanted:
            raise EdgekitError(
                f"{_called(raw, where)} must be a constant of {wanted} bytes and holds {raw.data.size}.",
                "The file is damaged or the operand is not constant: convert the model again.",
            )
        self._constant_elements += math.prod(shape)
        if self._constant_elements > MAX_ELEMENTS:
            raise EdgekitError("The model's constants exceed 16 MB.", "No ESP32 holds them: choose a smaller model.")
        return raw, np.frombuffer(raw.data.tobytes(), np.dtype(dtype).newbyteorder("<")).reshape(shape).astype(dtype)

    def _index(self, op: RawOp, position: int, label: str) -> int:
        if position >= len(op.inputs):
            raise EdgekitError(f"{label} lacks input {position}.", "Export the model again.")
        return op.inputs[position]

    def _tensor(self, index: int, where: str) -> RawTensor:
        if not 0 <= index < len(self.raw.tensors):
            raise EdgekitError(f"{_capital(where)} names tensor {index}, which is not there.", "The file is damaged.")
        raw = self.raw.tensors[index]
        if raw.special:
            raise EdgekitError(f"{_called(raw, where)} is {raw.special}.", "Export the model with plain dense tensors.")
        return raw


def one_quantization(raw: RawTensor, where: str) -> Quantization:
    """The tensor's only scale (a float32 value) and its zero point, checked."""
    if len(raw.scales) != 1 or len(raw.zero_points) != 1:
        raise EdgekitError(
            f"{_called(raw, where)} has {len(raw.scales)} scales and {len(raw.zero_points)} zero points, not one each.",
            "Convert the model to full int8.",
        )
    scale, zero_point = float(raw.scales[0]), int(raw.zero_points[0])
    if not (math.isfinite(scale) and scale >= float(np.finfo(np.float32).tiny)) or not -128 <= zero_point <= 127:
        raise EdgekitError(
            f"{_called(raw, where)} has scale {scale:g} and zero point {zero_point}; int8 needs a positive scale and "
            "a zero point from -128 to 127.",
            "Convert the model again.",
        )
    return Quantization(scale, zero_point)


def _static_shape(raw: RawTensor, where: str) -> tuple[int, ...]:
    # A batch left open (-1 in the signature) is common and harmless: the batch of `shape` is what runs.
    open_dimensions = [i for i, size in enumerate(raw.signature) if size < 0 and not (i == 0 and raw.shape[:1] == (1,))]
    if open_dimensions or any(size < 1 for size in raw.shape):
        shape = raw.signature if open_dimensions else raw.shape
        raise EdgekitError(
            f"{_called(raw, where)} has the dynamic shape {list(shape)}.",
            "Export the model with every dimension fixed and a batch of 1.",
        )
    if math.prod(raw.shape) > MAX_ELEMENTS:
        raise EdgekitError(f"{_called(raw, where)} is larger than 16 MB.", "No ESP32 holds it: choose a smaller model.")
    return raw.shape


def _called(raw: RawTensor, where: str) -> str:
    return f"{_capital(where)} (tensor {raw.index}, {raw.name!r})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
