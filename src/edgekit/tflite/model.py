"""A .tflite as those need it who run it: checked where an interpreter would trust it, and counted.

In: the file's bytes or path. Out: a `TfliteModel`, or `ModelCounts`.
"""

import math
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import EdgekitError
from edgekit.files import sha256_of
from edgekit.tflite.metadata import labels_within
from edgekit.tflite.quantize import input_range_of
from edgekit.tflite.reader import CORRUPT, damaged, read_file
from edgekit.tflite.records import FileOperator, FileTensor, TfliteFile
from edgekit.tflite.variables import variables_of
from edgekit.values.model import TYPES, InputRange, Quantization, TensorSpec, TfliteModel

_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_ITEM_BYTES = dict.fromkeys(("INT8", "UINT8", "BOOL"), 1) | dict.fromkeys(("FLOAT16", "INT16"), 2)
_ITEM_BYTES |= dict.fromkeys(("FLOAT32", "INT32", "UINT32", "RESOURCE"), 4) | dict.fromkeys(("INT64", "UINT64"), 8)
_SILENT = ("ASSIGN_VARIABLE", "CALL_ONCE")  # operators without an output
_MOST_VALUES = 1 << 26  # of an input or output; what a damaged file claims may not fit the memory
_AT_LEAST_ONE = ("StrideW", "StrideH", "FilterWidth", "FilterHeight", "DilationWFactor", "DilationHFactor")


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


def read_tflite(content: bytes | Path) -> TfliteModel:
    """Reads a model of any inputs and outputs, in any number format.

    Args:
        content: the file's bytes, or its path.

    Raises:
        EdgekitError: no such file, not a .tflite, truncated or altered, subgraphs that do more than give variables
            their first values, a shape or number format that edgekit does not make.
    """
    return _model(sound_file(content))


def read_int8_model(content: bytes | Path) -> TfliteModel:
    """Reads a model of whole numbers, such as `compile_model` accepts.

    What interpreters trust is not checked here: compile the model first, or let `read_tflite` read it.

    Raises:
        EdgekitError: as `read_tflite`, or a model of floats.
    """
    model = _model(read_file(content))
    if model.is_float:
        raise EdgekitError(f"This is a {model.variant} model, not int8.", "Convert the model to int8 first.")
    return model


def count(content: bytes | Path) -> ModelCounts:
    """Counts parameters and multiply-accumulates. Raises as `sound_file` does."""
    return counts_of(sound_file(content))


def counts_of(file: TfliteFile) -> ModelCounts:
    """The same of a file that need not be sound. Raises one of CORRUPT where it does not tell."""
    macs = parameters = weight_bytes = 0
    for op in file.operators:
        if op.code not in (*_WEIGHTED, "DEQUANTIZE"):  # float16 weights reach their operator through DEQUANTIZE
            continue
        for tensor in (file.tensors[i] for i in op.inputs if i >= 0 and file.tensors[i].data.size):
            parameters += math.prod(tensor.shape)
            weight_bytes += tensor.data.size
        if op.code in _WEIGHTED:
            weights = file.tensors[op.inputs[1]].shape
            per_output = math.prod(weights[1:3] if op.code == "DEPTHWISE_CONV_2D" else weights[1:])
            macs += math.prod(file.tensors[op.outputs[0]].shape) * per_output
    computed = [tensor for tensor in file.tensors if not tensor.data.size]
    activation_bytes = sum(map(_bytes_of, computed))
    return ModelCounts(parameters, macs, weight_bytes, activation_bytes)


def sound_file(content: bytes | Path) -> TfliteFile:
    """The records of a .tflite with every index, size and stride checked: TFLM itself trusts the file.

    Raises:
        EdgekitError: as `read_file`, or what an interpreter would read or write astray.
    """
    file = read_file(content)
    try:
        for what, indices in (("input", file.inputs), ("output", file.outputs)):
            if not indices:
                raise ValueError(f"it has no {what}")
            if not all(0 <= index < len(file.tensors) for index in indices):
                raise ValueError(f"it names an {what} that is not there")
        if len(set(file.inputs)) != len(file.inputs):
            raise ValueError("it names an input twice")
        known = _check_graph(file, {*file.inputs, *file.outputs}, {*file.inputs})
        if not known.issuperset(file.outputs):
            raise ValueError("nothing writes the output")
        for other in file.others:
            _check_graph(other)
        _check_variables(file)
    except CORRUPT as error:
        raise damaged(file.name, error) from error
    return file


def _check_graph(graph: TfliteFile, ends: Set[int] = frozenset(), known: Set[int] = frozenset()) -> set[int]:
    """The tensors that hold something when all operators have run. `known`: those that do before, of its ends."""
    used = {index for op in graph.operators for index in (*op.inputs, *op.outputs)} | ends
    for tensor in graph.tensors:
        if tensor.index in used or 0 not in tensor.shape:  # converters leave empty ones that nobody reads
            _check_tensor(tensor)
    kept = {tensor.index for tensor in graph.tensors if tensor.data.size or tensor.special == "a variable"}
    written = kept | known
    for row, op in enumerate(graph.operators):
        _check_operator(op, graph.tensors, written, f"operator {row} ({op.code})")
        written.update(op.outputs)
    return written


def _check_variables(file: TfliteFile) -> None:
    """Whether all that is read of a variable, or assigned to it, has its bytes: TFLM copies them unseen."""
    variables = variables_of(file)
    for op in file.operators:
        if op.code in ("READ_VARIABLE", "ASSIGN_VARIABLE"):
            index = op.outputs[0] if op.code == "READ_VARIABLE" else op.inputs[1]
            if index < 0:
                raise ValueError(f"operator {op.position} ({op.code}) assigns nothing")
            value = file.tensors[index]
            first = variables.first[variables.handles[op.inputs[0]]]
            if _bytes_of(value) != _bytes_of(first):
                raise ValueError(
                    f"operator {op.position} ({op.code}) takes {_bytes_of(value)} bytes for a variable of "
                    f"{_bytes_of(first)}"
                )


def _state_bytes(file: TfliteFile) -> int:
    """Of all that outlives a run."""
    read = {index for op in file.operators for index in op.inputs}
    kept = [tensor for tensor in file.tensors if tensor.special == "a variable" and tensor.index in read]
    return sum(map(_bytes_of, [*kept, *variables_of(file).first.values()]))


def _bytes_of(tensor: FileTensor) -> int:
    return math.prod(tensor.shape) * _ITEM_BYTES.get(tensor.type, 8)


def _check_tensor(tensor: FileTensor) -> None:
    shape, dtype, where = tensor.shape, tensor.type, f"tensor {tensor.index}"
    if any(side < 1 for side in shape) or math.prod(shape) > 2**31:
        raise ValueError(f"{where} has the shape {list(shape)}")
    if dtype not in _ITEM_BYTES:
        raise ValueError(f"{where} has the type {dtype}, which edgekit does not know")
    if tensor.data.size not in (0, math.prod(shape) * _ITEM_BYTES[dtype]):
        raise ValueError(f"{where} of shape {list(shape)} and type {dtype} holds {tensor.data.size} bytes")
    scales = len(tensor.scales)
    # Of a single scale the axis means nothing, nor of a vector: old converters write a bias's as its filter's.
    axis = tensor.axis if len(shape) > 1 else 0
    along = shape[axis] if 0 <= axis < len(shape) else 1
    if scales and (scales not in (1, along) or len(tensor.zero_points) not in (1, scales)):
        raise ValueError(f"{where} of shape {list(shape)} has {scales} scales")
    if not all(math.isfinite(scale) and scale > 0 for scale in tensor.scales):
        raise ValueError(f"{where} has a scale that is not positive")


def _check_operator(op: FileOperator, tensors: tuple[FileTensor, ...], known: set[int], where: str) -> None:
    if any(i != -1 and i not in known for i in op.inputs) or not (op.outputs or op.code in _SILENT):
        raise ValueError(f"{where} reads a tensor that nothing has written")
    if any(not 0 <= i < len(tensors) or i in known for i in op.outputs):
        raise ValueError(f"{where} writes a tensor that is not free")
    for field in _AT_LEAST_ONE:
        if op.options.get(field, 1) < 1:
            raise ValueError(f"{where} has {field} {op.options[field]}")
    if op.code in _WEIGHTED:
        _check_weights(op, tensors, where)


def _check_weights(op: FileOperator, tensors: tuple[FileTensor, ...], where: str) -> None:
    image, weights, out = tensors[op.inputs[0]].shape, tensors[op.inputs[1]].shape, tensors[op.outputs[0]].shape
    rows = weights[-1] if op.code == "DEPTHWISE_CONV_2D" else weights[0]
    fits = {
        "CONV_2D": len(weights) == len(image) == len(out) == 4
        and image[3] % weights[3] == 0  # fewer channels than the image: grouped
        and rows % (image[3] // weights[3]) == 0,
        "DEPTHWISE_CONV_2D": len(weights) == len(image) == len(out) == 4 and weights[3] % image[3] == 0,
        "FULLY_CONNECTED": len(weights) == 2 and math.prod(image) == weights[1] * math.prod(out[:-1]),
    }[op.code]
    bias = tensors[op.inputs[2]].shape if len(op.inputs) > 2 and op.inputs[2] >= 0 else (rows,)
    if not fits or out[-1] != rows or math.prod(bias) != rows:
        raise ValueError(f"{where} has weights {list(weights)} between {list(image)} and {list(out)}")


def _model(file: TfliteFile) -> TfliteModel:
    """The value. EdgekitError where the input is a batch of several, or the ends have other types."""
    entries, exits = ([file.tensors[index] for index in indices] for indices in (file.inputs, file.outputs))
    first = entries[0].shape
    if len(entries) == 1 and len(first) > 1 and first[0] != 1:
        raise EdgekitError(
            f"{file.name} takes an input of shape {list(first)}: {first[0]} at a time, not one.",
            "Convert it with batch size 1; `edgekit build-model` does.",
        )
    takes, gives = (_in_words([str(list(one.shape)) for one in ends]) for ends in (entries, exits))
    if max(sum(math.prod(one.shape) for one in ends) for ends in (entries, exits)) > _MOST_VALUES:
        raise EdgekitError(
            f"{file.name} takes {takes} and gives {gives}, more than {_MOST_VALUES:,} values.",
            "Convert it for a smaller input: an ESP32 holds some 200,000 bytes.",
        )
    variant = _variant(file, entries, exits)
    input_specs, output_specs = (tuple(map(_spec, ends)) for ends in (entries, exits))
    q = input_specs[0].q if variant == "int8" and len(entries) == 1 else None
    return TfliteModel(
        flatbuffer=file.content,
        variant=variant,
        input_specs=input_specs,
        output_specs=output_specs,
        ops=tuple(op.code for graph in (*file.others, file) for op in graph.operators),
        sha256=sha256_of(file.content),
        input_range=input_range_of(q) if q else InputRange() if entries[0].type == "FLOAT32" else None,
        name=file.name,
        other_ends=file.other_ends,
        labels=labels_within(file.content, sum(spec.size for spec in output_specs)),
        state_bytes=_state_bytes(file),
    )


def _spec(tensor: FileTensor) -> TensorSpec:
    has_batch = len(tensor.shape) > 1 and tensor.shape[0] == 1
    q = Quantization(float(tensor.scales[0]), int(tensor.zero_points[0])) if len(tensor.scales) else Quantization(1, 0)
    shape = (tensor.shape[1:] if has_batch else tensor.shape) or (1,)
    return TensorSpec(tensor.name, tensor.type, shape, None if tensor.type == "FLOAT32" else q, has_batch)


def _variant(file: TfliteFile, entries: list[FileTensor], exits: list[FileTensor]) -> str:
    ends = [*entries, *exits]
    types = {end.type for end in ends}
    constants = {tensor.type for tensor in file.tensors if tensor.data.size}
    quantized = {file.tensors[index].type for op in file.operators if op.code == "QUANTIZE" for index in op.outputs}
    if types == {"FLOAT32"} and not quantized:
        return "float16" if "FLOAT16" in constants else "dynamic" if "INT8" in constants else "float32"
    if types == {"FLOAT32"} and quantized == {"INT16"}:
        return "16x8"
    if types <= {*TYPES} - {"FLOAT32"} and all(_has_one_scale(end) for end in ends):
        return "int8" if types == {"INT8"} else "integer"
    takes, gives = (_in_words([end.type.lower() for end in some]) for some in (entries, exits))
    raise EdgekitError(
        f"{file.name} takes {takes} and gives {gives}: neither floats nor quantised int8, int16 or int32.",
        "Convert it with int8 input and output, as `edgekit build-model` does.",
    )


def _has_one_scale(tensor: FileTensor) -> bool:
    """Whether whole numbers have the quantization that kernels take for granted: of 16 and 32 bits without zero point,
    if any."""
    if tensor.type != "INT8" and not len(tensor.scales):
        return True
    return len(tensor.scales) == len(tensor.zero_points) == 1 and (tensor.type == "INT8" or not tensor.zero_points[0])


def _in_words(each: list[str]) -> str:
    return " and ".join(each) if len(each) < 3 else ", ".join(each)
