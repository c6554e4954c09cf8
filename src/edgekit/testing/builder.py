"""int8 .tflite files changed: other weights, other ends.

In: a file's bytes. Out: those of the changed one.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.tflite.builder import packed


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
