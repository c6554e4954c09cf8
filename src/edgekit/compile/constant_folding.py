"""Records of a .tflite -> the same without operators whose results are known: those of constants alone, and SHAPE.

Keras writes SHAPE, STRIDED_SLICE and PACK before the RESHAPE of a Flatten with an open batch; here they become the
constant that they compute. Arithmetic on quantised numbers is worked out as the operator's own file does it (`evaluate`
in ops/). What is not understood to the last field is left where it is, for others to name.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops import OPERATORS, operator_of
from edgekit.compile.source import Source
from edgekit.errors import EdgekitError
from edgekit.tflite.records import FileOperator, FileTensor, TfliteFile

Values = NDArray[np.generic]
_DTYPES = {name: np.dtype(name.lower()) for name in ("INT8", "UINT8", "INT16", "INT32", "INT64")}
_INDICES = ("INT32", "INT64")
_MOST = 1 << 20  # values of a result


def folded(file: TfliteFile) -> TfliteFile:
    """The file with such operators replaced by the constants that they compute."""
    tensors, kept = list(file.tensors), []
    for op in file.operators:
        results = _results(op, tensors, file.outputs)
        if results is None and not set(op.outputs) & set(file.outputs):
            results = _calculated(op, file, tensors)
        if results is None:
            kept.append(op)
        else:
            for index, values in zip(op.outputs, results, strict=True):
                data = np.frombuffer(values.astype(values.dtype.newbyteorder("<")).tobytes(), np.uint8)
                tensors[index] = replace(tensors[index], data=data)
    return replace(file, tensors=tuple(tensors), operators=tuple(kept))


def _results(op: FileOperator, tensors: Sequence[FileTensor], ends: tuple[int, ...]) -> list[Values] | None:
    """What each of its outputs holds; None where that is not known."""
    evaluate = _EVALUATE.get(op.code)
    known = all(0 <= index < len(tensors) for index in (*op.inputs, *op.outputs))
    if evaluate is None or not known or set(op.outputs) & set(ends) or not op.inputs:
        return None
    outputs = [tensors[index] for index in op.outputs]
    if any(out.data.size or out.special or out.type not in _DTYPES or math.prod(out.shape) > _MOST for out in outputs):
        return None
    try:
        first = tensors[op.inputs[0]]
        if op.code == "SHAPE":
            inputs: list[Values] = [np.array(_static(first))]
        else:
            inputs = [_constant(tensors[index], floats=op.code == "QUANTIZE") for index in op.inputs]
        results = [np.asarray(values) for values in evaluate(op, inputs, outputs)]
        for out, values in zip(outputs, results, strict=True):
            if values.shape != _static(out):
                return None
        return [values.astype(_DTYPES[out.type]) for out, values in zip(outputs, results, strict=True)]
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, ZeroDivisionError):
        return None


def _calculated(op: FileOperator, file: TfliteFile, tensors: Sequence[FileTensor]) -> list[Values] | None:
    """The output of an operator of quantised constants alone, read as if they were computed."""
    operator, indices = OPERATORS.get(op.code), set(op.inputs)
    if operator is None or not indices or not all(0 <= index < len(tensors) for index in indices):
        return None
    if not all(tensors[index].data.size and math.prod(tensors[index].shape) <= _MOST for index in indices):
        return None
    empty = np.zeros(0, np.uint8)
    unknown = tuple(replace(one, data=empty) if one.index in indices else one for one in tensors)
    source = Source(replace(file, tensors=unknown), known=set(indices))
    try:
        node = operator.lower(OpReader(source, op, operator.options_kind, operator.takes_16x8))
        if isinstance(node, tuple) or node.output.size > _MOST:
            return None
        evaluate = operator_of(node).evaluate
        values = [_constant(tensors[tensor.index]).astype(np.int64) for tensor in node.inputs]
    except (EdgekitError, ValueError, KeyError):
        return None
    return None if evaluate is None else [evaluate(node, values).astype(_DTYPES[node.output.type])]


def _constant(tensor: FileTensor, *, floats: bool = False) -> Values:
    if not tensor.data.size or tensor.special:
        raise ValueError("computed, or not in the file")
    dtype = np.dtype(np.float32) if floats and tensor.type == "FLOAT32" else _DTYPES[tensor.type]
    return np.frombuffer(tensor.data.tobytes(), dtype.newbyteorder("<")).astype(dtype).reshape(_static(tensor))


def _static(tensor: FileTensor) -> tuple[int, ...]:
    """Its shape; ValueError where a dimension other than the batch is open."""
    open_batch = tensor.shape[:1] == (1,)
    if any(size < 0 and not (axis == 0 and open_batch) for axis, size in enumerate(tensor.signature)):
        raise ValueError("a dynamic shape")
    if any(size < 0 for size in tensor.shape):
        raise ValueError("a negative dimension")
    return tensor.shape


_Evaluate = Callable[[FileOperator, Sequence[Values], Sequence[FileTensor]], Sequence[Values]]


def _reshaped(_: FileOperator, inputs: Sequence[Values], outputs: Sequence[FileTensor]) -> list[Values]:
    return [inputs[0].reshape(outputs[0].shape)]


def _cast(_: FileOperator, inputs: Sequence[Values], outputs: Sequence[FileTensor]) -> list[Values]:
    return [inputs[0].astype(_DTYPES[outputs[0].type])]


def _concatenated(op: FileOperator, inputs: Sequence[Values], _: Sequence[FileTensor]) -> list[Values]:
    if op.options["FusedActivationFunction"] != "NONE":
        raise ValueError("clamped")
    return [np.concatenate(inputs, op.options["Axis"])]


def _sliced(_: FileOperator, inputs: Sequence[Values], outputs: Sequence[FileTensor]) -> list[Values]:
    x, begin, _size = inputs
    return [x[tuple(slice(b, b + n) for b, n in zip(_numbers(begin), outputs[0].shape, strict=True))]]


def _strided(op: FileOperator, inputs: Sequence[Values], _: Sequence[FileTensor]) -> list[Values]:
    x, begin, end, strides = inputs
    masks = {name: op.options[name] for name in ("BeginMask", "EndMask", "ShrinkAxisMask")}
    if op.options["EllipsisMask"] or op.options["NewAxisMask"]:
        raise ValueError("masks that add dimensions")
    index: list[int | slice] = []
    bounds = zip(_numbers(begin), _numbers(end), _numbers(strides), strict=True)
    for axis, (first, behind, stride) in enumerate(bounds):
        bit = 1 << axis
        if masks["ShrinkAxisMask"] & bit:
            index.append(first)
        else:
            index.append(
                slice(None if masks["BeginMask"] & bit else first, None if masks["EndMask"] & bit else behind, stride)
            )
    return [np.asarray(x[tuple(index)])]


def _gathered(op: FileOperator, inputs: Sequence[Values], _: Sequence[FileTensor]) -> list[Values]:
    x, indices = inputs
    if op.options["BatchDims"] or (indices < 0).any():  # type: ignore[operator]
        raise ValueError("batches, or indices from the end")
    if indices.size * x.size > _MOST:
        raise ValueError("large")
    return [np.take(x, indices.astype(np.int64), op.options["Axis"])]


def _arithmetic(calculate: Callable[[Values, Values], Values]) -> _Evaluate:
    """Of two operands of whole numbers, which wrap around as those of C do."""

    def evaluate(op: FileOperator, inputs: Sequence[Values], outputs: Sequence[FileTensor]) -> list[Values]:
        a, b = inputs
        whole = all(values.dtype == _DTYPES[outputs[0].type] for values in inputs)
        if outputs[0].type not in _INDICES or not whole or op.options.get("FusedActivationFunction", "NONE") != "NONE":
            raise ValueError("not of whole numbers, or clamped")
        if np.broadcast_shapes(a.shape, b.shape) != outputs[0].shape:
            raise ValueError("of another shape")
        with np.errstate(over="ignore", divide="raise"):
            return [calculate(a, b)]

    return evaluate


def _quantized(_: FileOperator, inputs: Sequence[Values], outputs: Sequence[FileTensor]) -> list[Values]:
    """Of floats, as TFLM's AffineQuantize does it; that of whole numbers is in ops/quantize.py."""
    (x,), (y,) = inputs, outputs
    if x.dtype != np.float32 or len(y.scales) != 1 or len(y.zero_points) != 1 or y.type not in ("INT8", "INT16"):
        raise ValueError("not of floats, or not to one scale")
    with np.errstate(all="ignore"):
        steps = x / np.float32(y.scales[0])  # type: ignore[operator]
    if not (np.abs(steps) < 2**30).all():
        raise ValueError("beyond what TFLM defines")
    limits, rounded = np.iinfo(_DTYPES[y.type]), np.copysign(np.floor(np.abs(steps.astype(np.float64)) + 0.5), steps)
    return [np.clip(rounded.astype(np.int64) + int(y.zero_points[0]), limits.min, limits.max)]


def _numbers(values: Values) -> list[int]:
    return [int(value) for value in values.ravel()]


_EVALUATE: dict[str, _Evaluate] = {
    "ADD": _arithmetic(np.add),
    "CAST": _cast,
    "CONCATENATION": _concatenated,
    "EXPAND_DIMS": _reshaped,
    "GATHER": _gathered,
    "MAXIMUM": _arithmetic(np.maximum),
    "MINIMUM": _arithmetic(np.minimum),
    "MUL": _arithmetic(np.multiply),
    "PACK": lambda op, inputs, _: [np.stack(inputs, op.options["Axis"])],
    "QUANTIZE": _quantized,
    "RESHAPE": _reshaped,
    "SHAPE": lambda _op, inputs, _: inputs,
    "SLICE": _sliced,
    "SQUEEZE": _reshaped,
    "STRIDED_SLICE": _strided,
    "SUB": _arithmetic(np.subtract),
    "TRANSPOSE": lambda _op, inputs, _: [inputs[0].transpose(_numbers(inputs[1]))],
}
