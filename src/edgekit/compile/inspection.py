"""A .tflite -> an `Inspection`: what it holds, what compiling makes of it, what it needs beside TFLM."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from edgekit.boards.toolchains import sizes_of
from edgekit.compile import Compiled, CompileOptions, compile_model
from edgekit.compile.program import estimate_json
from edgekit.compile.reader import surveyed
from edgekit.errors import EdgekitError
from edgekit.files import sha256_of
from edgekit.runtimes.tflm import arena_bytes_apart
from edgekit.tflite.model import ModelCounts, counts_of
from edgekit.tflite.reader import CORRUPT, read_file
from edgekit.tflite.records import FileOperator, TfliteFile
from edgekit.values.codec import to_json
from edgekit.values.inspection import InspectedOperator, InspectedTensor, Inspection

_DROPPED = {
    "QUANTIZE": "the float entry", "DEQUANTIZE": "the float entry", "VAR_HANDLE": "the state", "CALL_ONCE": "the state",
}  # fmt: skip
"""What becomes of operators that leave no code, but for those whose results are known."""


def inspected(model: bytes | Path, options: CompileOptions | None = None) -> Inspection:
    """What can be said of a .tflite, whether it compiles or not.

    Args:
        model: its bytes or its path.
        options: what its memory is worked out for.

    Raises:
        EdgekitError: not a .tflite, or a damaged one.
    """
    file = read_file(model, whole=True)
    survey = surveyed(file)
    blocked = {position: error for position, error in reversed(survey.obstacles.found) if position is not None}
    left = {op.position for op in survey.file.operators}
    compiled = None if survey.obstacles.found else compile_model(file.content, options)
    sizes = sizes_of(compiled.files) if compiled else None
    spent = _figures(compiled) if compiled else {}
    counts = _counts(file)
    return Inspection(
        sha256_of(file.content),
        len(file.content),
        tuple(_tensor(file, index) for index in file.inputs),
        tuple(_tensor(file, index) for index in file.outputs),
        tuple(
            replace(_operator(file, op, op.position in left, blocked.get(op.position)), **spent.get(op.position, {}))
            for op in file.operators
        ),
        tuple(f"{message} {hint}" for message, hint in survey.obstacles.lines()),
        counts.parameters if counts else None,
        counts.macs if counts else None,
        counts.weight_bytes if counts else None,
        compiled.caller_ram_bytes if compiled else None,
        sum(one.size_bytes for each in compiled.constants for one in each) if compiled else None,
        sizes.code_bytes if sizes else None,
        sizes.code_bytes + sizes.constant_bytes if sizes else None,
        compiled.program.ram_bytes if compiled else None,
        arena_bytes_apart(file.content),
        compiled.estimate if compiled else None,
    )


def inspection_json(found: Inspection, options: CompileOptions) -> dict[str, Any]:
    """What `edgekit inspect --json` prints of what was found for these options."""
    values: dict[str, Any] = {"options": to_json(options), **to_json(found)}
    del values["estimate"]
    if found.estimate is None:
        return values
    about, _, total = estimate_json(found.estimate)
    return {**about, "total": total, **values}


def _figures(compiled: Compiled) -> dict[int, dict[str, Any]]:
    """What each operator of the file takes, by its position: the first of those that became one takes all."""
    _, layers, _ = estimate_json(compiled.estimate)
    found: dict[int, dict[str, Any]] = {}
    for op, figures in zip(compiled.graph.ops, layers, strict=True):
        before = found.get(op.origins[0].position, {})
        found[op.origins[0].position] = {name: value + before.get(name, 0) for name, value in figures.items()}
    return found


def _operator(file: TfliteFile, op: FileOperator, is_left: bool, error: EdgekitError | None) -> InspectedOperator:
    becomes = "code" if is_left else _DROPPED.get(op.code, "a constant")
    return InspectedOperator(
        op.position,
        op.name,
        tuple(_tensor(file, index) for index in op.outputs),
        "" if error else becomes,
        f"{error.message} {error.hint}" if error else "",
    )


def _tensor(file: TfliteFile, index: int) -> InspectedTensor:
    if not 0 <= index < len(file.tensors):
        return InspectedTensor("", (), "not there", None, None)
    tensor = file.tensors[index]
    single = len(tensor.scales) == len(tensor.zero_points) == 1
    scale, zero_point = (float(tensor.scales[0]), int(tensor.zero_points[0])) if single else (None, None)
    return InspectedTensor(tensor.name, tensor.shape, tensor.type, scale, zero_point)


def _counts(file: TfliteFile) -> ModelCounts | None:
    try:
        return counts_of(file)
    except CORRUPT:  # shapes that no layer has
        return None
