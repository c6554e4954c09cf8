"""A 16x8 model (int8 weights, int16 activations) with the ends of the int8 model of the same network.

In: both files. Out: the 16x8 file, whose input an operator QUANTIZE widens and whose output one narrows: whatever takes
an int8 model takes it, and a pixel of 8 bits loses nothing.
"""

from typing import Any

import numpy as np

from edgekit.tflite.reader import read_file
from edgekit.tflite.records import FileTensor
from edgekit.tflite.schema import schema
from edgekit.tflite.strip import finished


def with_int8_ends(wide: bytes, int8: bytes) -> bytes:
    """The 16x8 file between the int8 file's input and output."""
    classes, given = schema(writes=True), read_file(int8)
    entry, end = (given.tensors[index] for index in given.ends())
    model = classes.ModelT.InitFromObj(classes.Model.GetRootAs(wide, 0))
    graph = model.subgraphs[0]
    code = classes.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = classes.BuiltinOperator.QUANTIZE
    code.version = 1
    model.operatorCodes.append(code)
    first, last = len(graph.tensors), len(graph.tensors) + 1
    graph.tensors += [_tensor(classes, entry), _tensor(classes, end)]
    widens = _quantize(classes, len(model.operatorCodes) - 1, first, graph.inputs[0])
    narrows = _quantize(classes, len(model.operatorCodes) - 1, graph.outputs[0], last)
    graph.operators = [widens, *graph.operators, narrows]
    graph.inputs, graph.outputs = [first], [last]
    model.signatureDefs = None  # they name the ends that were
    return finished(model, len(wide))


def _tensor(classes: Any, like: FileTensor) -> Any:
    """Without values, as that of the int8 file."""
    tensor = classes.TensorT()
    tensor.shape, tensor.type, tensor.buffer = np.array(like.shape, np.int32), classes.TensorType.INT8, 0
    tensor.quantization = classes.QuantizationParametersT()
    tensor.quantization.scale = [float(like.scales[0])]
    tensor.quantization.zeroPoint = [int(like.zero_points[0])]
    return tensor


def _quantize(classes: Any, code: int, taken: int, given: int) -> Any:
    op = classes.OperatorT()
    op.opcodeIndex, op.inputs, op.outputs = code, np.array([taken], np.int32), np.array([given], np.int32)
    op.builtinOptionsType, op.builtinOptions = classes.BuiltinOptions.QuantizeOptions, classes.QuantizeOptionsT()
    return op
