"""A .tflite file: read with every index checked, stripped to what interpreters need, counted.

In: the file's bytes or path. Out: a `TfliteModel`, smaller bytes, or counts. The schema is the one in tflite-micro's
wheel; neither torch nor tensorflow is touched. edgekit's files have one image input [1, H, W, C] and two logits.
"""

import math
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from edgekit.errors import EdgekitError
from edgekit.files import sha256_of
from edgekit.values.model import Quantization, TfliteModel

_IDENTIFIER = b"TFL3"
_ALIGNMENT = 16  # schema.fbs: Buffer.data is force_align:16; kernels read int32 biases in place
_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_ITEM_BYTES = {"FLOAT32": 4, "FLOAT16": 2, "INT32": 4, "UINT8": 1, "INT64": 8, "INT16": 2, "INT8": 1, "BOOL": 1}
# What the flatbuffers library raises on bytes that are not what they should be.
_CORRUPT = (struct.error, IndexError, KeyError, ValueError, TypeError, OverflowError, AttributeError, MemoryError)


@dataclass(frozen=True, slots=True)
class ModelCounts:
    """What a network costs, whatever its number format.

    Attributes:
        parameters: values of all weights and biases.
        macs: multiplications with accumulation in one inference (convolutions and linear layers).
        weight_bytes: bytes of all weights and biases as stored.
        activation_bytes: bytes of all computed tensors, as if none shared its place; more than any arena needs.
    """

    parameters: int
    macs: int
    weight_bytes: int
    activation_bytes: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    shape: tuple[int, ...]
    dtype: str
    constant_bytes: int  # 0 for a tensor that is computed
    quantization: Quantization | None


@dataclass(frozen=True, slots=True)
class _Op:
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Graph:
    tensors: tuple[_Tensor, ...]
    ops: tuple[_Op, ...]
    input: int
    output: int


def read_tflite(content: bytes | Path) -> TfliteModel:
    """Reads a model of one image input [1, H, W, C] and two logits.

    Args:
        content: the file's bytes, or its path.

    Raises:
        EdgekitError: no such file, not a .tflite, truncated or altered, several subgraphs, inputs or outputs, a
            shape or number format that edgekit does not make.
    """
    data, name = _bytes_of(content)
    graph = _graph(data, name)
    image, logits = graph.tensors[graph.input], graph.tensors[graph.output]
    if len(image.shape) != 4 or image.shape[0] != 1:
        raise EdgekitError(
            f"{name} takes an input of shape {list(image.shape)}, not one image [1, height, width, channels].",
            "Convert it with batch size 1 and channels last; `edgekit build-model` does.",
        )
    if math.prod(logits.shape) != 2:
        raise EdgekitError(
            f"{name} gives an output of shape {list(logits.shape)}, not two logits [1, 2].",
            "Give a model with the outputs normal and pneumonia.",
        )
    height, width, channels = image.shape[1:]
    variant = _variant(graph, name)
    return TfliteModel(
        flatbuffer=data,
        variant=variant,
        input_shape=(height, width, channels),
        input_q=image.quantization if variant == "int8" else None,
        output_q=logits.quantization if variant == "int8" else None,
        ops=tuple(op.name for op in graph.ops),
        sha256=sha256_of(data),
    )


def count(content: bytes | Path) -> ModelCounts:
    """Counts parameters and multiply-accumulates. Raises as `read_tflite` does."""
    graph = _graph(*_bytes_of(content))
    macs = parameters = weight_bytes = 0
    for op in graph.ops:
        if op.name not in (*_WEIGHTED, "DEQUANTIZE"):  # float16 weights reach their operator through DEQUANTIZE
            continue
        for tensor in (graph.tensors[i] for i in op.inputs if i >= 0 and graph.tensors[i].constant_bytes):
            parameters += math.prod(tensor.shape)
            weight_bytes += tensor.constant_bytes
        if op.name in _WEIGHTED:
            weights = graph.tensors[op.inputs[1]].shape
            per_output = math.prod(weights[1:3] if op.name == "DEPTHWISE_CONV_2D" else weights[1:])
            macs += math.prod(graph.tensors[op.outputs[0]].shape) * per_output
    computed = [tensor for tensor in graph.tensors if not tensor.constant_bytes]
    activation_bytes = sum(math.prod(tensor.shape) * _ITEM_BYTES[tensor.dtype] for tensor in computed)
    return ModelCounts(parameters, macs, weight_bytes, activation_bytes)


def strip(content: bytes) -> bytes:
    """Drops what no interpreter reads: names, signatures, metadata, the converter's remarks and empty buffers.

    Raises:
        EdgekitError: as `read_tflite`.
    """
    _graph(content, "The model")
    model = _parsed(content)
    model.description = model.signatureDefs = model.metadata = model.metadataBuffer = None
    graph = model.subgraphs[0]
    graph.name = None
    kept, row_of = [model.buffers[0]], {0: 0}  # buffer 0 is the empty one by the schema
    for tensor in graph.tensors:
        tensor.name = None
        data = model.buffers[tensor.buffer].data
        if data is None or len(data) == 0:
            tensor.buffer = 0
        elif tensor.buffer not in row_of:
            row_of[tensor.buffer] = len(kept)
            kept.append(model.buffers[tensor.buffer])
        tensor.buffer = row_of[tensor.buffer]
        if tensor.quantization is not None:
            tensor.quantization.min = tensor.quantization.max = None
    model.buffers = kept
    builder = _aligned_builder(len(content))
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _aligned_builder(size: int) -> Any:
    import flatbuffers

    class AlignedBuilder(flatbuffers.Builder):  # type: ignore[misc]
        def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:
            # Byte vectors are buffers' data, which Python's generated code does not align.
            return super().StartVector(elemSize, numElems, _ALIGNMENT if elemSize == 1 else alignment)

    return AlignedBuilder(size)


def _bytes_of(content: bytes | Path) -> tuple[bytes, str]:
    if isinstance(content, bytes):
        return content, "The model"
    try:
        return content.read_bytes(), str(content)
    except FileNotFoundError as error:
        raise EdgekitError(
            f"{content} does not exist.", "Check the path, or make a model: edgekit build-model"
        ) from error
    except OSError as error:
        raise EdgekitError(f"{content} cannot be read: {error.strerror or error}.", "Name a .tflite file.") from error


def _parsed(data: bytes) -> Any:
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))


def _graph(data: bytes, name: str) -> _Graph:
    if data[4:8] != _IDENTIFIER:
        raise EdgekitError(
            f"{name} is not a .tflite file (its bytes 4 to 7 are not TFL3).",
            "Give a .tflite file: `edgekit build-model` writes student_int8.tflite.",
        )
    try:
        model = _parsed(data)
        single = {
            "subgraph": model.subgraphs,
            "input": model.subgraphs[0].inputs,
            "output": model.subgraphs[0].outputs,
        }
        lengths = {what: len(rows) for what, rows in single.items()}
        graph = _checked_graph(model) if set(lengths.values()) == {1} else None
    except _CORRUPT as error:
        raise EdgekitError(
            f"{name} is damaged: {error or type(error).__name__}.",
            "Copy or build it again; its SHA-256 stands in the card beside it.",
        ) from error
    if graph is None:
        what = next(what for what, length in lengths.items() if length != 1)
        raise EdgekitError(
            f"{name} has {lengths[what]} {what}s, not one.",
            "edgekit runs networks of one graph with one image in and one row of logits out.",
        )
    return graph


def _checked_graph(model: Any) -> _Graph:
    """The one subgraph with every index, size and stride checked: TFLM itself trusts the file. ValueError says what
    is wrong."""
    if model.version != 3:
        raise ValueError(f"schema version {model.version} is not 3")
    graph = model.subgraphs[0]
    tensors = tuple(_tensor(tensor, model.buffers, row) for row, tensor in enumerate(graph.tensors))
    known = {i for i, tensor in enumerate(tensors) if tensor.constant_bytes} | {int(graph.inputs[0])}
    ops = []
    for row, operator in enumerate(graph.operators):
        code = model.operatorCodes[_index(operator.opcodeIndex)]
        # Codes below 127 stand in the old field, too, and in old files only there.
        name = _names("BuiltinOperator")[max(int(code.builtinCode), int(code.deprecatedBuiltinCode))]
        op = _Op(name, tuple(map(int, operator.inputs)), tuple(map(int, operator.outputs)))
        if any(i != -1 and i not in known for i in op.inputs) or not op.outputs:
            raise ValueError(f"operator {row} ({name}) reads a tensor that nothing has written")
        if any(not 0 <= i < len(tensors) or i in known for i in op.outputs):
            raise ValueError(f"operator {row} ({name}) writes a tensor that is not free")
        known.update(op.outputs)
        _check_options(operator.builtinOptions, f"operator {row} ({name})")
        if name in _WEIGHTED:
            _check_weights(op, tensors, f"operator {row} ({name})")
        ops.append(op)
    if int(graph.outputs[0]) not in known:
        raise ValueError("nothing writes the output")
    return _Graph(tensors, tuple(ops), int(graph.inputs[0]), int(graph.outputs[0]))


def _tensor(tensor: Any, buffers: Any, row: int) -> _Tensor:
    shape = tuple(map(int, tensor.shape)) if tensor.shape is not None else ()
    dtype = _names("TensorType")[tensor.type]
    if any(side < 1 for side in shape) or math.prod(shape) > 2**31:
        raise ValueError(f"tensor {row} has the shape {list(shape)}")
    if dtype not in _ITEM_BYTES:
        raise ValueError(f"tensor {row} has the type {dtype}, which edgekit does not know")
    data = buffers[_index(tensor.buffer)].data
    stored = 0 if data is None else len(data)
    if stored and stored != math.prod(shape) * _ITEM_BYTES[dtype]:
        raise ValueError(f"tensor {row} of shape {list(shape)} and type {dtype} holds {stored} bytes")
    q = tensor.quantization
    if q is None or q.scale is None or len(q.scale) == 0:
        return _Tensor(shape, dtype, stored, None)
    if len(q.scale) not in (1, shape[_index(q.quantizedDimension)]) or len(q.zeroPoint) not in (1, len(q.scale)):
        raise ValueError(f"tensor {row} of shape {list(shape)} has {len(q.scale)} scales")
    if not all(math.isfinite(scale) and scale > 0 for scale in q.scale):
        raise ValueError(f"tensor {row} has a scale that is not positive")
    return _Tensor(shape, dtype, stored, Quantization(float(q.scale[0]), int(q.zeroPoint[0])))


def _check_options(options: Any, where: str) -> None:
    for field in ("strideW", "strideH", "filterWidth", "filterHeight", "dilationWFactor", "dilationHFactor"):
        if getattr(options, field, 1) < 1:
            raise ValueError(f"{where} has {field} {getattr(options, field)}")


def _check_weights(op: _Op, tensors: tuple[_Tensor, ...], where: str) -> None:
    image, weights, out = tensors[op.inputs[0]].shape, tensors[op.inputs[1]].shape, tensors[op.outputs[0]].shape
    rows = weights[-1] if op.name == "DEPTHWISE_CONV_2D" else weights[0]
    fits = {
        "CONV_2D": len(weights) == len(image) == len(out) == 4 and weights[3] == image[3],
        "DEPTHWISE_CONV_2D": len(weights) == len(image) == len(out) == 4 and weights[3] % image[3] == 0,
        "FULLY_CONNECTED": len(weights) == 2 and math.prod(image) == weights[1] * math.prod(out[:-1]),
    }[op.name]
    bias = tensors[op.inputs[2]].shape if len(op.inputs) > 2 and op.inputs[2] >= 0 else (rows,)
    if not fits or out[-1] != rows or math.prod(bias) != rows:
        raise ValueError(f"{where} has weights {list(weights)} between {list(image)} and {list(out)}")


def _variant(graph: _Graph, name: str) -> str:
    ends = (graph.tensors[graph.input].dtype, graph.tensors[graph.output].dtype)
    constants = {tensor.dtype for tensor in graph.tensors if tensor.constant_bytes}
    quantized_ends = [t for t in (graph.tensors[graph.input], graph.tensors[graph.output]) if t.quantization]
    if ends == ("INT8", "INT8") and len(quantized_ends) == 2:
        return "int8"
    if ends == ("FLOAT32", "FLOAT32") and not any(op.name == "QUANTIZE" for op in graph.ops):
        return "float16" if "FLOAT16" in constants else "dynamic" if "INT8" in constants else "float32"
    raise EdgekitError(
        f"{name} takes {ends[0].lower()} and gives {ends[1].lower()}: neither a float nor a full int8 model.",
        "Convert it with int8 input and output, as `edgekit build-model` does.",
    )


def _index(value: int) -> int:
    """A list index that Python must not count from the end."""
    if value < 0:
        raise IndexError(f"index {value}")
    return value


def operator_name(code: int) -> str:
    """The name of a built-in operator, or its number where the schema has none."""
    return _names("BuiltinOperator").get(code, str(code))


@cache
def _names(enum: str) -> dict[int, str]:
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    return {value: name for name, value in vars(getattr(schema, enum)).items() if isinstance(value, int)}
