"""The operators of an int8 model and of its float model, side by side.

In: two files. Out: which operator and which tensor of one is which of the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from edgekit.errors import EdgekitError
from edgekit.tflite.records import FileOperator, TfliteFile

_CONVERTS = ("QUANTIZE", "DEQUANTIZE")
_STATE = {"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"}


@dataclass(frozen=True, slots=True)
class Pairing:
    """Of each operator of the int8 file, by its row, the row in the float file; None of one that only rescales int8
    values. `tensors`: the float file's tensor for each computed one of the int8 file, and for the input."""

    rows: tuple[int | None, ...]
    tensors: Mapping[int, int]


def paired(int8: TfliteFile, floats: TfliteFile) -> Pairing:
    """Joins the two by the order of their operators.

    Raises:
        EdgekitError: they are not the same network, or keep a state from run to run.
    """
    if kept := sorted({op.code for op in int8.operators} & _STATE):
        raise EdgekitError(
            f"{int8.name} keeps a state from run to run ({', '.join(kept)}): its layers cannot be run one by one.",
            "Take a model without variables.",
        )
    theirs = [row for row, op in enumerate(floats.operators) if op.code not in _CONVERTS]
    ours = [row for row, op in enumerate(int8.operators) if op.code not in _CONVERTS]
    for place in range(max(len(ours), len(theirs))):
        one, other = (_at(file, rows, place) for file, rows in ((int8, ours), (floats, theirs)))
        if one is None or other is None or _what(int8, one) != _what(floats, other):
            named = [_in_words(file, op) for file, op in ((int8, one), (floats, other))]
            raise EdgekitError(
                f"{floats.name} is not the float model of {int8.name}: layer {place} is {named[1]} in it, and "
                f"{named[0]} in the int8 model.",
                "Name the float32 .tflite that the int8 one was made with: --float FILE.",
            )
    row_of = dict(zip(ours, theirs, strict=True))
    rows = tuple(row_of.get(row) for row in range(len(int8.operators)))
    tensors = dict(zip(int8.inputs, floats.inputs, strict=True))
    for op, row in zip(int8.operators, rows, strict=True):
        if row is not None:
            tensors.update(zip(op.outputs, floats.operators[row].outputs, strict=True))
        elif op.inputs[0] in tensors:
            tensors[op.outputs[0]] = tensors[op.inputs[0]]
    return Pairing(rows, tensors)


def _at(file: TfliteFile, rows: list[int], place: int) -> FileOperator | None:
    return file.operators[rows[place]] if place < len(rows) else None


def _what(file: TfliteFile, op: FileOperator) -> tuple[str, list[tuple[int, ...]]]:
    return op.code, [file.tensors[index].shape for index in op.outputs]


def _in_words(file: TfliteFile, op: FileOperator | None) -> str:
    return "missing" if op is None else f"{op.name} of {' x '.join(map(str, file.tensors[op.outputs[0]].shape))}"
