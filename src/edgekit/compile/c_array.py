"""An int8 .tflite as a C++ array with all that a program must know to run it and to read its answer.

In: a model, its task, its threshold, TFLM's arena as measured. Out: `model_data.h` and `model_data.cc` as text, for
whoever builds a program of their own around TFLM, and for edgekit's firmware. The same model gives the same bytes.
"""

import struct

from edgekit.compile.codegen import c_string, float_literal, rendered
from edgekit.compile.ops import OPERATORS
from edgekit.errors import EdgekitError
from edgekit.values.evaluation import Threshold
from edgekit.values.model import TfliteModel
from edgekit.values.task import Task

ARGMAX, THRESHOLD, VALUES = 1, 2, 0  # kDecision

_ALONE = (
    "ABS", "ADD_N", "ASSIGN_VARIABLE", "BATCH_TO_SPACE_ND", "BROADCAST_ARGS", "CALL_ONCE", "CAST", "CEIL", "COS",
    "DEQUANTIZE", "DIV", "EMBEDDING_LOOKUP", "EQUAL", "EXP", "FILL", "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "GATHER_ND",
    "GREATER", "GREATER_EQUAL", "IF", "LESS", "LESS_EQUAL", "LOG", "LOG_SOFTMAX", "LOGICAL_AND", "LOGICAL_NOT",
    "LOGICAL_OR", "NEG", "NOT_EQUAL", "READ_VARIABLE", "ROUND", "RSQRT", "SELECT_V2", "SHAPE", "SIN",
    "SPACE_TO_BATCH_ND", "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "VAR_HANDLE", "WHILE", "ZEROS_LIKE",
)  # fmt: skip
_TFLM_ALONE = {
    **{code: "Add" + code.title().replace("_", "") for code in _ALONE if code not in OPERATORS},
    "CUMSUM": "AddCumSum",
    "L2_POOL_2D": "AddL2Pool2D",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}
"""Operators that the compiler lacks: by what method TFLM's resolver takes them."""

UNMEASURED_ARENA_BYTES = 16_384  # where the firmware begins to try a model that nobody has run on TFLM


def c_array(
    model: TfliteModel, outputs: int, arena_bytes: int, *,
    task: Task | None = None, threshold: Threshold | None = None, folder: str = "",
) -> dict[str, str]:  # fmt: skip
    """The model as C++17 that needs neither edgekit's firmware nor TFLM's headers.

    Args:
        outputs: how many values the model gives.
        arena_bytes: as `runtimes.tflm.arena_bytes` measured it; 0 where nobody did.
        task: what the model is asked; None leaves out the labels.
        threshold: where the positive one of two answers begins; None lets the greater output decide.
        folder: how the source includes its header, e.g. `model/` for `#include "model/model_data.h"`.

    Returns:
        File name -> text: `model_data.h`, `model_data.cc`.

    Raises:
        EdgekitError: not an int8 model, a threshold without its int8 margin, an operator that the firmware lacks,
            labels of another number than the outputs, another number of channels than the task's.
    """
    if model.input_q is None or model.output_q is None:
        raise EdgekitError(f"A {model.variant} model cannot run on a board.", "Give the int8 .tflite.")
    if threshold is not None and threshold.margin_q is None:
        raise EdgekitError(
            "The model has no int8 threshold (margin_q).",
            "Choose it on validation with the int8 model; `edgekit build-model` does.",
        )
    if task is not None:
        _check_task(model, task, outputs)
    methods = _resolver_methods(model)
    binary = outputs == 2 and threshold is not None and (task is None or bool(task.positive))
    values = {
        "model": model,
        "sha256": bytes.fromhex(model.sha256),
        "outputs": outputs,
        "labels": [c_string(label) for label in task.labels] if task else [],
        # a literal ends before the next begins: a digit after an octal escape would be taken for a part of it
        "label_text": " ".join(c_string(label + "\0") for label in task.labels) if task else "",
        "label_bytes": label_bytes(task),
        "decision": THRESHOLD if binary else ARGMAX if task else VALUES,
        "range": model.input_range if len(model.input_shape) == 3 else None,
        "positive": (task.positive_index if task else 1) if binary else -1,
        "probability": threshold.probability if threshold else 0.5,
        "margin_q": threshold.margin_q if threshold and binary else 0,
        "arena_bytes": arena_bytes or UNMEASURED_ARENA_BYTES,
        "methods": methods,
        "op_macro": " ".join(f"X({method.removeprefix('Add')})" for method in methods),
        "folder": folder,
        "c_float": float_literal,
        "float_bits": lambda value: struct.pack(">f", value).hex(),
        "byte_rows": _rows,
    }
    return {name: rendered(f"{name}.jinja", **values) for name in ("model_data.h", "model_data.cc")}


def label_bytes(task: Task | None) -> int:
    """Of all labels in UTF-8, a zero behind each."""
    return sum(len(label.encode()) + 1 for label in task.labels) if task else 0


def _check_task(model: TfliteModel, task: Task, outputs: int) -> None:
    if len(task.labels) != outputs:
        names = ", ".join(task.labels[:8]) + (", ..." if len(task.labels) > 8 else "")
        raise EdgekitError(
            f"{model.name} gives {outputs} outputs, and there are {len(task.labels)} labels: {names}.",
            "Give one label for each output, in the order of the outputs.",
        )
    if task.channels and len(model.input_shape) == 3 and model.input_shape[2] != task.channels:
        raise EdgekitError(
            f"{model.name} takes {model.input_shape[2]} channels a pixel, and its task has {task.channels}.",
            "Build the model and its card anew, or give the model that the card belongs to.",
        )
    if (broken := next((label for label in task.labels if "\0" in label), None)) is not None:
        raise EdgekitError(f"The label {broken!r} has a zero in it, where C ends a text.", "Give it another name.")


def _resolver_methods(model: TfliteModel) -> tuple[str, ...]:
    ops = tuple(dict.fromkeys(model.ops))
    methods = {code: entry.resolver_method for code, entry in OPERATORS.items()} | _TFLM_ALONE
    unknown = [op for op in ops if op not in methods]
    if unknown or not ops:
        raise EdgekitError(
            f"The model uses {', '.join(unknown) or 'no operator'}, which TFLM does not have.",
            f"Build a network whose operators are among: {', '.join(sorted(methods))}.",
        )
    return tuple(methods[op] for op in ops)


def _rows(content: bytes) -> str:
    rows = (content[start : start + 16] for start in range(0, len(content), 16))
    return "".join("    " + " ".join(f"0x{byte:02x}," for byte in row) + "\n" for row in rows)
