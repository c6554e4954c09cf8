"""int8 .tflite files written directly with the schema, far faster than a converter and into every corner.

In: shapes, values and quantization, tensor by tensor, operator by operator. Out: the file's bytes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from numpy.typing import ArrayLike, NDArray
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema


@dataclass(slots=True)
class Builder:
    """Collects tensors and operators of one subgraph."""

    tensors: list[Any] = field(default_factory=list)
    buffers: list[Any] = field(default_factory=lambda: [schema.BufferT()])
    ops: list[Any] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    first: dict[str, tuple[Any, NDArray[np.int8]]] = field(default_factory=dict)  # of variables, by name
    versions: dict[str, int] = field(default_factory=dict)  # of operators, by name; 1 if not given

    def tensor(
        self,
        shape: Sequence[int],
        kind: str = "INT8",
        data: ArrayLike | None = None,
        scales: Sequence[float | np.floating[Any]] | NDArray[np.float32] = (),
        zero_points: Sequence[int] = (),
        axis: int = 0,
        variable: bool = False,
    ) -> int:
        """Adds a tensor, a constant where `data` is given, or one that outlives a run; returns its index."""
        index, buffer, quantization = len(self.tensors), 0, schema.QuantizationParametersT()
        if len(scales):
            quantization.scale = [float(np.float32(s)) for s in scales]
            quantization.zeroPoint = [int(z) for z in zero_points]
            quantization.quantizedDimension = axis
        if data is not None:
            buffer = len(self.buffers)
            self.buffers.append(schema.BufferT(np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)))
        element = getattr(schema.TensorType, kind)
        self.tensors.append(schema.TensorT(list(shape), element, buffer, f"tensor_{index}", quantization, variable))
        return index

    def op(self, code: str, inputs: Sequence[int], output: int | Sequence[int], options: Any = None) -> None:
        """Adds any operator of the schema.

        Args:
            code: its name, such as `LEAKY_RELU`.
            output: the tensor that it writes, or all of them.
            options: its options as the schema's object, such as `schema.LeakyReluOptionsT(alpha=0.1)`.
        """
        number = getattr(schema.BuiltinOperator, code)
        if number not in self.codes:
            self.codes.append(number)
        kind = 0 if options is None else getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        outputs = [output] if isinstance(output, int) else list(output)
        self.ops.append(schema.OperatorT(self.codes.index(number), list(inputs), outputs, kind, options))

    def variable(self, name: str) -> int:
        """A tensor that stands for a variable, by a VAR_HANDLE of its own."""
        handle = self.tensor([], "RESOURCE")
        self.op("VAR_HANDLE", [], handle, schema.VarHandleOptionsT("", name))
        return handle

    def first_values(self, name: str, like: int, data: ArrayLike) -> None:
        """What a variable begins with: the subgraph of a CALL_ONCE assigns it. `like`: a tensor as it holds."""
        self.first[name] = (self.tensors[like], np.asarray(data, np.int8))

    def _called_once(self) -> list[Any]:
        """The subgraph that assigns first values, which a CALL_ONCE at the model's begin runs."""
        if not self.first:
            return []
        inner = Builder(buffers=self.buffers, codes=self.codes)  # which the whole file shares
        for name, (like, data) in self.first.items():
            handle, q = inner.variable(name), like.quantization
            constant = inner.tensor(like.shape, data=data, scales=q.scale, zero_points=q.zeroPoint)
            inner.op("ASSIGN_VARIABLE", [handle, constant], [])
        self.op("CALL_ONCE", [], [], schema.CallOnceOptionsT(1))
        self.ops.insert(0, self.ops.pop())
        return [schema.SubGraphT(inner.tensors, [], [], inner.ops)]

    def shape(self, index: int) -> tuple[int, ...]:
        """A tensor's dimensions."""
        return tuple(self.tensors[index].shape)

    def quantization(self, index: int) -> tuple[float, int]:
        """A tensor's first scale and zero point."""
        q = self.tensors[index].quantization
        return q.scale[0], q.zeroPoint[0]

    def finish(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The file, with these tensors as the model's ends."""
        others = self._called_once()
        graph = schema.SubGraphT(self.tensors, list(inputs), list(outputs), self.ops)
        versions = {getattr(schema.BuiltinOperator, name): version for name, version in self.versions.items()}
        codes = [
            schema.OperatorCodeT(min(number, 127), builtinCode=number, version=versions.get(number, 1))
            for number in self.codes
        ]
        return packed(schema.ModelT(3, codes, [graph, *others], buffers=self.buffers))


def reweighted(content: bytes, change: Callable[[NDArray[np.int8]], NDArray[Any]]) -> bytes:
    """A model with the int8 weights [O, ...] of its dense convolutions and fully connected layers changed."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    graph, kinds = model.subgraphs[0], schema.BuiltinOperator
    for op in graph.operators:
        if model.operatorCodes[op.opcodeIndex].builtinCode in (kinds.CONV_2D, kinds.FULLY_CONNECTED):
            tensor = graph.tensors[op.inputs[1]]
            buffer = model.buffers[tensor.buffer]
            weights = np.asarray(buffer.data, np.uint8).view(np.int8).reshape(tensor.shape)
            buffer.data = np.ascontiguousarray(change(weights.copy()), np.int8).view(np.uint8).ravel()
    return packed(model)


def requantized_input(content: bytes, scale: float, zero_point: int) -> bytes:
    """A model whose int8 input has another quantization; what the layers make of its steps stays as it is."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    graph = model.subgraphs[0]
    quantization = graph.tensors[graph.inputs[0]].quantization
    quantization.scale, quantization.zeroPoint = [float(np.float32(scale))], [zero_point]
    return packed(model)


def float_ended(content: bytes) -> bytes:
    """An int8 model as converters write it by default: a QUANTIZE before it, a DEQUANTIZE behind."""
    return _ended(content, "FLOAT32", "QUANTIZE", "DEQUANTIZE")


def uint8_ended(content: bytes) -> bytes:
    """An int8 model as converters write it for inference_input_type=tf.uint8: a QUANTIZE before it and one behind."""
    return _ended(content, "UINT8", "QUANTIZE", "QUANTIZE")


def _ended(content: bytes, kind: str, *converters: str) -> bytes:
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    graph, ends = model.subgraphs[0], []
    for code, inner in zip(converters, (graph.inputs[0], graph.outputs[0]), strict=True):
        tensor, quantization = graph.tensors[inner], schema.QuantizationParametersT()
        if kind == "UINT8":
            quantization.scale = tensor.quantization.scale
            quantization.zeroPoint = [zero_point + 128 for zero_point in tensor.quantization.zeroPoint]
        element = getattr(schema.TensorType, kind)
        graph.tensors.append(schema.TensorT(list(tensor.shape), element, 0, code, quantization))
        number = getattr(schema.BuiltinOperator, code)
        model.operatorCodes.append(schema.OperatorCodeT(number, builtinCode=number))
        ends.append((len(model.operatorCodes) - 1, len(graph.tensors) - 1, inner))
    (first_code, image, first), (last_code, logits, last) = ends
    graph.operators = [
        schema.OperatorT(first_code, [image], [first]),
        *graph.operators,
        schema.OperatorT(last_code, [last], [logits]),
    ]
    graph.inputs, graph.outputs = [image], [logits]
    return packed(model)


def packed(model: Any) -> bytes:
    """The file of a `schema.ModelT`."""
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
