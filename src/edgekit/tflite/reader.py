"""A .tflite file -> frozen records, safe for hostile files. What the numbers mean is not judged here.

The accessors of the schema's classes believe every offset of the file. Here each table is
checked against the file's end before it is used, and every list has a limit, so that a damaged file costs an error
message and neither time nor memory.
"""

import inspect
import struct
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.files import read_regular
from edgekit.tflite.foreign import not_tflite, saved_model
from edgekit.tflite.other_ends import without_other_ends
from edgekit.tflite.records import FileOperator, FileTensor, TfliteFile
from edgekit.tflite.schema import schema
from edgekit.tflite.variables import variables_of

MAX_TENSORS = 4096
MAX_OPERATORS = 1024
MAX_FEW = 64  # inputs, outputs and dimensions of one thing
# What the flatbuffers library raises on bytes that are not what they should be.
CORRUPT = (struct.error, IndexError, KeyError, ValueError, TypeError, OverflowError, AttributeError, MemoryError)
_ENUMERATIONS = {"Padding": "Padding", "FusedActivationFunction": "ActivationFunctionType"}


def read_file(content: bytes | Path, *, whole: bool = False) -> TfliteFile:
    """The records of a .tflite.

    Args:
        content: the file's bytes, or its path.
        whole: with float or uint8 ends as the file has them, where they are left out otherwise; with any subgraphs,
            where only those that give variables their first values are taken otherwise.

    Raises:
        EdgekitError: no such file, not a .tflite, damaged, too large, or as `variables_of`.
    """
    data, name = _bytes_of(content)
    if data[4:8] != b"TFL3":
        raise not_tflite(name, data)
    try:
        file = _file(data, name)
        if whole:
            return file
        variables_of(file)  # what else other subgraphs may be for, no one here follows
        inner = without_other_ends(file, schema().Model.GetRootAsModel(data, 0).Subgraphs(0))
        return file if inner is None else replace(_file(inner[0], name), other_ends=inner[1])
    except CORRUPT as error:
        raise damaged(name, error) from error


def damaged(name: str, detail: object) -> EdgekitError:
    """The error that says of what is damaged in a file."""
    return EdgekitError(
        f"{name} is damaged: {detail or type(detail).__name__}.",
        "It may be truncated: copy, download or convert it again. A card beside it names its SHA-256.",
    )


def _bytes_of(content: bytes | Path) -> tuple[bytes, str]:
    if isinstance(content, bytes):
        return content, "The model"
    try:
        return read_regular(content), str(content)
    except FileNotFoundError as error:
        raise EdgekitError(
            f"{content} does not exist.", "Check the path, or make a model: edgekit build-model"
        ) from error
    except OSError as error:
        if found := saved_model(content):
            raise found from error
        raise EdgekitError(f"{content} cannot be read: {error.strerror or error}.", "Name a .tflite file.") from error


def _file(content: bytes, name: str) -> TfliteFile:
    model = _sound(schema().Model.GetRootAsModel(content, 0))
    if model.Version() != 3:
        raise ValueError(f"its schema version is {model.Version()}, not 3")
    entries = [
        _sound(model.OperatorCodes(i))
        for i in range(_limited("operator code", model.OperatorCodesLength(), MAX_OPERATORS))
    ]
    # Codes below 127 stand in the old field, too, and in old files only there: the greater one counts (schema.fbs).
    codes = [
        (
            _named("BuiltinOperator", max(e.BuiltinCode(), e.DeprecatedBuiltinCode()), "operator"),
            (e.CustomCode() or b"").decode("utf-8", "replace")[:60],
        )
        for e in entries
    ]
    count = _limited("subgraph", model.SubgraphsLength(), MAX_FEW)
    if not count:
        raise ValueError("it has no subgraph")
    first, *others = (_subgraph(model, i, content, name, codes) for i in range(count))
    return replace(first, others=tuple(others))


def _subgraph(model: Any, number: int, content: bytes, name: str, codes: list[tuple[str, str]]) -> TfliteFile:
    graph = _sound(model.Subgraphs(number))
    return TfliteFile(
        name,
        content,
        tuple(_tensor(model, graph, i) for i in range(_limited("tensor", graph.TensorsLength(), MAX_TENSORS))),
        tuple(
            _operator(_sound(graph.Operators(i)), codes, i)
            for i in range(_limited("operator", graph.OperatorsLength(), MAX_OPERATORS))
        ),
        _few(graph.InputsAsNumpy()),
        _few(graph.OutputsAsNumpy()),
    )


def _tensor(model: Any, graph: Any, index: int) -> FileTensor:
    tensor = _sound(graph.Tensors(index))
    quantization = tensor.Quantization()
    scales, zero_points, axis, special = np.zeros(0, np.float32), np.zeros(0, np.int64), 0, ""
    if quantization is not None:
        _sound(quantization)
        scales, zero_points = _vector(quantization.ScaleAsNumpy()), _vector(quantization.ZeroPointAsNumpy())
        axis = quantization.QuantizedDimension()
        special = "blockwise quantised" if quantization.DetailsType() else ""
    special = "sparse" if tensor.Sparsity() is not None else "a variable" if tensor.IsVariable() else special
    if tensor.Buffer() >= model.BuffersLength():
        raise ValueError(f"tensor {index} names buffer {tensor.Buffer()}, which is not there")
    buffer = _sound(model.Buffers(tensor.Buffer()))
    if buffer.Offset() > 1:
        special = "stored outside of the flatbuffer"
    name = (tensor.Name() or b"").decode("utf-8", "replace")
    return FileTensor(
        index,
        name if len(name) <= 60 else name[:57] + "...",
        _named("TensorType", tensor.Type(), "type"),
        _few(tensor.ShapeAsNumpy()),
        _few(tensor.ShapeSignatureAsNumpy()),
        scales,
        zero_points,
        axis,
        special,
        _vector(buffer.DataAsNumpy()),
    )


def _operator(operator: Any, codes: list[tuple[str, str]], position: int) -> FileOperator:
    kind, options = "", {}
    found = operator.BuiltinOptions()
    if found is not None:
        kind = _named("BuiltinOptions", operator.BuiltinOptionsType(), "options")
        options = _options(kind, found)
    inputs, outputs = _few(operator.InputsAsNumpy()), _few(operator.OutputsAsNumpy())
    code, custom = codes[operator.OpcodeIndex()]
    return FileOperator(code, inputs, outputs, kind, options, position, custom if code == "CUSTOM" else "")


def _options(kind: str, found: Any) -> dict[str, Any]:
    """The numbers and texts among an options table's fields, read through the schema's class of that name."""
    if not hasattr(schema(), kind):
        return {}
    table = getattr(schema(), kind)()
    table.Init(found.Bytes, found.Pos)
    _sound(table)
    options = {field: getattr(table, field)() for field in _fields(kind)}
    for field, enumeration in _ENUMERATIONS.items():
        if field in options:
            options[field] = _named(enumeration, options[field], "value")
    plain = {k: value.decode("utf-8", "replace") if isinstance(value, bytes) else value for k, value in options.items()}
    return {field: value for field, value in plain.items() if isinstance(value, int | float | str)}


@cache
def _fields(kind: str) -> tuple[str, ...]:
    """The accessors of a schema class that take no argument, without those of vectors."""
    methods = inspect.getmembers(getattr(schema(), kind), inspect.isfunction)
    takes = {name: len(inspect.signature(method).parameters) for name, method in methods}
    vectors = ("AsNumpy", "Length", "IsNone")
    return tuple(name for name, count in takes.items() if count == 1 and not name.endswith(vectors))


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
        raise ValueError(f"it counts {count} {what}s, more than {limit}")
    return count


def _vector(found: Any) -> NDArray[Any]:
    """A vector of scalars; the accessors return 0 for one that is absent."""
    return found if isinstance(found, np.ndarray) else np.zeros(0, np.int64)


def _few(found: Any) -> tuple[int, ...]:
    vector = _vector(found)
    if len(vector) > MAX_FEW:
        raise ValueError(f"a list of {len(vector)} entries, where at most {MAX_FEW} are known")
    return tuple(int(value) for value in vector)


def operator_name(code: int) -> str:
    """The name of a built-in operator, or its number where the schema has none."""
    return _names("BuiltinOperator").get(code, str(code))


def operator_code(name: str) -> int:
    """The number of a built-in operator."""
    return int(getattr(schema().BuiltinOperator, name))


def type_code(name: str) -> int:
    """The number of an element type."""
    return int(getattr(schema().TensorType, name))


def _named(enumeration: str, value: int, what: str) -> str:
    """A value's name in the schema, or `what` and its number."""
    return _names(enumeration).get(value, f"{what} {value}")


@cache
def _names(enumeration: str) -> dict[int, str]:
    return {value: name for name, value in vars(getattr(schema(), enumeration)).items() if not name.startswith("_")}
