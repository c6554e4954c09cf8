"""Records of a .tflite -> the same without the QUANTIZE behind a float input and the DEQUANTIZE before a float output.

What is left is the int8 model that the header offers; beside it stands the entry for floats (interface.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgekit.tflite.records import FileOperator, TfliteFile

_INNER = ("INT8", "INT16")


@dataclass(frozen=True, slots=True)
class Ends:
    """A file, and which of its inputs and outputs it had as floats."""

    file: TfliteFile
    float_inputs: tuple[bool, ...]
    float_outputs: tuple[bool, ...]


def without_float_ends(file: TfliteFile) -> Ends:
    """The file between its float ends. A float that anything else reads or writes stays, for others to name."""
    readers: dict[int, list[FileOperator]] = {}
    writers: dict[int, list[FileOperator]] = {}
    for op in file.operators:
        for index in op.inputs:
            readers.setdefault(index, []).append(op)
        for index in op.outputs:
            writers.setdefault(index, []).append(op)
    first = [_converter(file, index, readers.get(index, ()), "QUANTIZE") for index in file.inputs]
    first = [None if op and op.inputs[0] in file.outputs else op for op in first]
    last = [
        None if readers.get(index) else _converter(file, index, writers.get(index, ()), "DEQUANTIZE")
        for index in file.outputs
    ]
    dropped = {op.position for op in (*first, *last) if op}
    inner = replace(
        file,
        inputs=tuple(op.outputs[0] if op else index for op, index in zip(first, file.inputs, strict=True)),
        outputs=tuple(op.inputs[0] if op else index for op, index in zip(last, file.outputs, strict=True)),
        operators=tuple(op for op in file.operators if op.position not in dropped),
    )
    return Ends(inner, tuple(op is not None for op in first), tuple(op is not None for op in last))


def _converter(file: TfliteFile, index: int, ops: Sequence[FileOperator], code: str) -> FileOperator | None:
    """The only one of `ops`, where all it does is to convert the float tensor from or to a quantised one."""
    if len(ops) != 1 or ops[0].code != code or not 0 <= index < len(file.tensors):
        return None
    op, end = ops[0], file.tensors[index]
    inner_indices = op.outputs if code == "QUANTIZE" else op.inputs
    if len(op.inputs) != 1 or len(op.outputs) != 1 or not 0 <= inner_indices[0] < len(file.tensors):
        return None
    inner = file.tensors[inner_indices[0]]
    sound = end.type == "FLOAT32" and not end.special and not end.data.size and inner.type in _INNER
    return op if sound and end.shape == inner.shape else None
