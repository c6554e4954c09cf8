"""An int8 model behind float ends: its first operator quantises, its last one takes that back.

Converters write it so unless they are told otherwise. On a board it costs room for float images and says nothing more,
so the two operators are left out. In: the records of a file. Out: the file's bytes without them.
"""

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgekit.tflite.records import FileOperator, FileTensor, TfliteFile

LEFT_OUT = "float ends around its int8 layers, which edgekit leaves out: int8 goes in and comes out"
_INPUTS, _OUTPUTS, _OPERATORS = 6, 8, 10  # fields of SubGraph, as offsets in its vtable (schema.fbs)


def without_float_ends(file: "TfliteFile", graph: Any) -> bytes | None:
    """The file's bytes with an int8 input and output; None where it has no such ends. `graph`: its SubGraph."""
    content, operators = bytearray(file.content), file.operators
    if len(operators) < 3 or len(file.inputs) != 1 or len(file.outputs) != 1:
        return None
    first, last = operators[0], operators[-1]
    cut_first = first.inputs == file.inputs and _only_converts(first, file.tensors, to_int8=True)
    cut_last = last.outputs == file.outputs and _only_converts(last, file.tensors, to_int8=False)
    left = operators[int(cut_first) : len(operators) - int(cut_last)]
    read = {index for op in left for index in op.inputs}
    if not (cut_first or cut_last) or (cut_first and first.inputs[0] in read) or (cut_last and last.outputs[0] in read):
        return None
    position = graph._tab.Pos

    def vector(field: int) -> int:
        """Where a vector's length stands; its values follow."""
        at = position + graph._tab.Offset(field)
        return int(at + struct.unpack_from("<I", content, at)[0])

    if cut_first:
        struct.pack_into("<i", content, vector(_INPUTS) + 4, first.outputs[0])
        at = position + graph._tab.Offset(_OPERATORS)
        struct.pack_into("<I", content, at, struct.unpack_from("<I", content, at)[0] + 4)
    if cut_last:
        struct.pack_into("<i", content, vector(_OUTPUTS) + 4, last.inputs[0])
    struct.pack_into("<I", content, vector(_OPERATORS), len(left))
    return bytes(content)


def _only_converts(op: "FileOperator", tensors: "tuple[FileTensor, ...]", *, to_int8: bool) -> bool:
    """Whether the operator changes nothing but the number format, from or to int8 with one scale."""
    if op.code != ("QUANTIZE" if to_int8 else "DEQUANTIZE") or len(op.inputs) != 1 or len(op.outputs) != 1:
        return False
    outer, inner = (tensors[index] for index in ((*op.inputs, *op.outputs) if to_int8 else (*op.outputs, *op.inputs)))
    return (outer.type, inner.type) == ("FLOAT32", "INT8") and len(inner.scales) == len(inner.zero_points) == 1
