"""An int8 model behind ends of another format: what reads its input converts to int8, and what writes its output takes
that back.

Converters write float ends unless they are told otherwise, and unsigned ones where they are asked for uint8. On a board
the two operators cost room and say nothing more, so they are left out. In: the records of a file. Out: the file's bytes
without them.
"""

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgekit.tflite.records import FileOperator, FileTensor, TfliteFile

_INPUTS, _OUTPUTS, _OPERATORS = 6, 8, 10  # fields of SubGraph, as offsets in its vtable (schema.fbs)
_SIGN = 128  # by which uint8 and int8 of the same number differ


def left_out(ends: str) -> str:
    """What is said to the user. `ends`: as `without_other_ends` names them."""
    return f"{ends} ends around its int8 layers, which edgekit leaves out: int8 goes in and comes out"


def without_other_ends(file: "TfliteFile", graph: Any) -> tuple[bytes, str] | None:
    """The file's bytes with an int8 input and output, and what its ends were, such as `uint8` or `uint8 and float`;
    None where it has no such ends. `graph`: its SubGraph."""
    content, operators = bytearray(file.content), file.operators
    if len(operators) < 2 or len(file.inputs) != 1 or len(file.outputs) != 1:
        return None
    first = next((op for op in operators if op.inputs == file.inputs), None)
    last = next((op for op in reversed(operators) if op.outputs == file.outputs), None)
    entry = _converts(first, file.tensors, to_int8=True) if first else ""
    exit_ = _converts(last, file.tensors, to_int8=False) if last else ""
    ends = [op for op, is_end in ((first, entry), (last, exit_)) if is_end]
    left = [op for op in operators if op not in ends]
    outside = {*(file.inputs if entry else ()), *(file.outputs if exit_ else ())}
    if not ends or not left or outside & {index for op in left for index in (*op.inputs, *op.outputs)}:
        return None
    position = graph._tab.Pos

    def vector(field: int) -> int:
        """Where a vector's length stands; its values follow."""
        at = position + graph._tab.Offset(field)
        return int(at + struct.unpack_from("<I", content, at)[0])

    if first and entry:
        struct.pack_into("<i", content, vector(_INPUTS) + 4, first.outputs[0])
    if last and exit_:
        struct.pack_into("<i", content, vector(_OUTPUTS) + 4, last.inputs[0])
    begin = vector(_OPERATORS)
    skipped = 4 * left[0].position  # what goes in front leaves the others where they are
    at = position + graph._tab.Offset(_OPERATORS)
    struct.pack_into("<I", content, at, struct.unpack_from("<I", content, at)[0] + skipped)
    struct.pack_into("<I", content, begin + skipped, len(left))
    for row, op in enumerate(left):  # an offset counts from where it stands
        old, new = begin + 4 + 4 * op.position, begin + 4 + skipped + 4 * row
        struct.pack_into("<I", content, new, struct.unpack_from("<I", file.content, old)[0] + old - new)
    return bytes(content), " and ".join(dict.fromkeys(end for end in (entry, exit_) if end))


def _converts(op: "FileOperator", tensors: "tuple[FileTensor, ...]", *, to_int8: bool) -> str:
    """What the operator converts to int8, or int8 to, where it does nothing else: `float`, or `uint8`, which is the
    same number with the sign's bit turned. Empty where it does more."""
    if len(op.inputs) != 1 or len(op.outputs) != 1:
        return ""
    outer, inner = (tensors[index] for index in ((*op.inputs, *op.outputs) if to_int8 else (*op.outputs, *op.inputs)))
    if inner.type != "INT8" or not len(inner.scales) == len(inner.zero_points) == 1:
        return ""
    if outer.type == "FLOAT32":
        return "float" if op.code == ("QUANTIZE" if to_int8 else "DEQUANTIZE") else ""
    same = len(outer.scales) == len(outer.zero_points) == 1 and (
        outer.scales[0] == inner.scales[0] and outer.zero_points[0] == inner.zero_points[0] + _SIGN
    )
    return "uint8" if op.code == "QUANTIZE" and outer.type == "UINT8" and same else ""
