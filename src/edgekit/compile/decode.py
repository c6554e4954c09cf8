"""Flatbuffer bytes -> plain records, safe for hostile files. What the numbers mean is not judged here.

The accessors of the schema believe every offset of the file. Here each table is checked against the file's end before
it is used, and every list has a limit, so that a damaged file costs an error message and neither time nor memory.
"""

import struct
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError

MAX_TENSORS = 4096
MAX_OPS = 1024
MAX_FEW = 64  # inputs, outputs and dimensions of one thing

# Field readers of each operator's options table: name -> method of the schema's class.
_OPTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "CONV_2D": (
        "Conv2DOptions",
        ("Padding", "StrideH", "StrideW", "DilationHFactor", "DilationWFactor", "FusedActivationFunction"),
    ),
    "DEPTHWISE_CONV_2D": (
        "DepthwiseConv2DOptions",
        (
            "Padding",
            "StrideH",
            "StrideW",
            "DilationHFactor",
            "DilationWFactor",
            "FusedActivationFunction",
            "DepthMultiplier",
        ),
    ),
    "AVERAGE_POOL_2D": (
        "Pool2DOptions",
        ("Padding", "StrideH", "StrideW", "FilterHeight", "FilterWidth", "FusedActivationFunction"),
    ),
    "FULLY_CONNECTED": ("FullyConnectedOptions", ("FusedActivationFunction", "WeightsFormat")),
    "SOFTMAX": ("SoftmaxOptions", ("Beta",)),
    "ADD": ("AddOptions", ("FusedActivationFunction",)),
}
_OPTIONS["MAX_POOL_2D"] = _OPTIONS["AVERAGE_POOL_2D"]


@dataclass(frozen=True, slots=True, eq=False)
class RawTensor:
    """A tensor as the file has it; `data` is empty for an activation."""

    index: int
    name: str
    type: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    axis: int
    special: str
    data: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RawOp:
    """An operator as the file has it; an index of -1 stands for an input left out."""

    code: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class RawModel:
    """The one subgraph."""

    tensors: tuple[RawTensor, ...]
    ops: tuple[RawOp, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def decode(content: bytes) -> RawModel:
    """The records of a .tflite.

    Raises:
        EdgekitError: not a .tflite, damaged, too large, or with more than one subgraph.
    """
    if len(content) < 16 or content[4:8] != b"TFL3":
        raise _damaged("it does not carry the mark TFL3")
    try:
        return _model(content)
    # What the schema's accessors raise when an offset leads astray.
    except (struct.error, IndexError, ValueError, TypeError, OverflowError, AttributeError) as error:
        raise _damaged(str(error) or type(error).__name__) from error


def _damaged(detail: str) -> EdgekitError:
    return EdgekitError(
        f"This is not a readable .tflite: {detail}.", "The file may be truncated: convert or download the model again."
    )


def _model(content: bytes) -> RawModel:
    # 0.3 s: only who compiles a model pays for it
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    model = _sound(schema.Model.GetRootAsModel(content, 0))
    if model.Version() != 3:
        raise _damaged(f"its schema version is {model.Version()}, not 3")
    if model.SubgraphsLength() != 1:
        raise EdgekitError(
            f"The model has {model.SubgraphsLength()} subgraphs; edgekit compiles models with one.",
            "Export it without control flow and with a single signature.",
        )
    graph = _sound(model.Subgraphs(0))
    codes = _names(schema.BuiltinOperator)
    count = _limited("operator code", model.OperatorCodesLength(), MAX_OPS)
    entries = [_sound(model.OperatorCodes(i)) for i in range(count)]
    # Old files hold the code in the first field, new ones in the second; the greater one counts (schema.fbs).
    op_codes = [
        codes.get(code := max(entry.BuiltinCode(), entry.DeprecatedBuiltinCode()), f"operator {code}")
        for entry in entries
    ]
    tensors = tuple(
        _tensor(schema, model, graph, index) for index in range(_limited("tensor", graph.TensorsLength(), MAX_TENSORS))
    )
    ops = tuple(
        _op(schema, _sound(graph.Operators(i)), op_codes)
        for i in range(_limited("operator", graph.OperatorsLength(), MAX_OPS))
    )
    return RawModel(tensors, ops, _few(graph.InputsAsNumpy()), _few(graph.OutputsAsNumpy()))


def _tensor(schema: Any, model: Any, graph: Any, index: int) -> RawTensor:
    tensor = _sound(graph.Tensors(index))
    quantization = tensor.Quantization()
    scales, zero_points, axis, special = np.zeros(0, np.float32), np.zeros(0, np.int64), 0, ""
    if quantization is not None:
        _sound(quantization)
        scales, zero_points = _vector(quantization.ScaleAsNumpy()), _vector(quantization.ZeroPointAsNumpy())
        axis = quantization.QuantizedDimension()
        special = "blockwise quantised" if quantization.DetailsType() else ""
    special = "sparse" if tensor.Sparsity() is not None else "a variable" if tensor.IsVariable() else special
    buffer = _sound(model.Buffers(tensor.Buffer())) if tensor.Buffer() < model.BuffersLength() else None
    if buffer is None:
        raise ValueError(f"tensor {index} names buffer {tensor.Buffer()}, which is not there")
    if buffer.Offset() > 1:
        special = "stored outside of the flatbuffer"
    name = (tensor.Name() or b"").decode("utf-8", "replace")
    return RawTensor(
        index,
        name if len(name) <= 60 else name[:57] + "...",
        _names(schema.TensorType).get(tensor.Type(), f"type {tensor.Type()}"),
        _few(tensor.ShapeAsNumpy()),
        _few(tensor.ShapeSignatureAsNumpy()),
        scales,
        zero_points,
        axis,
        special,
        _vector(buffer.DataAsNumpy()),
    )


def _op(schema: Any, op: Any, codes: list[str]) -> RawOp:
    code = codes[op.OpcodeIndex()]
    options = None
    if code in _OPTIONS and op.BuiltinOptions() is not None:
        kind, fields = _OPTIONS[code]
        if op.BuiltinOptionsType() != getattr(schema.BuiltinOptions, kind):
            raise ValueError(f"{code} carries the options of another operator")
        table = getattr(schema, kind)()
        table.Init(op.BuiltinOptions().Bytes, op.BuiltinOptions().Pos)
        _sound(table)
        options = {field: getattr(table, field)() for field in fields}
        for field, enumeration in (
            ("Padding", schema.Padding),
            ("FusedActivationFunction", schema.ActivationFunctionType),
        ):
            if field in options:
                options[field] = _names(enumeration).get(options[field], f"value {options[field]}")
    return RawOp(code, _few(op.InputsAsNumpy()), _few(op.OutputsAsNumpy()), options)


def _sound(table: Any) -> Any:
    """The table itself, once its fields are known to lie inside of the file."""
    content, position = table._tab.Bytes, table._tab.Pos
    vtable = position - struct.unpack_from("<i", content, position)[0]
    if vtable < 0 or position < 0:
        raise ValueError("a table lies outside of the file")
    vtable_bytes, table_bytes = struct.unpack_from("<HH", content, vtable)
    if vtable_bytes < 4 or vtable + vtable_bytes > len(content) or position + table_bytes > len(content):
        raise ValueError("a table reaches beyond the end of the file")
    fields = struct.unpack_from(f"<{vtable_bytes // 2 - 2}H", content, vtable + 4)
    if any(field and not 4 <= field < table_bytes for field in fields):
        raise ValueError("a field reaches beyond its table")
    return table


def _limited(what: str, count: int, limit: int) -> int:
    if count > limit:
        raise _damaged(f"it counts {count} {what}s, more than {limit}")
    return count


def _vector(found: Any) -> NDArray[Any]:
    """A vector of scalars; the accessors return 0 for one that is absent."""
    return found if isinstance(found, np.ndarray) else np.zeros(0, np.int64)


def _few(found: Any) -> tuple[int, ...]:
    vector = _vector(found)
    if len(vector) > MAX_FEW:
        raise ValueError(f"a list of {len(vector)} entries, where at most {MAX_FEW} are known")
    return tuple(int(value) for value in vector)


@cache
def _names(enumeration: Any) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if not name.startswith("_")}
