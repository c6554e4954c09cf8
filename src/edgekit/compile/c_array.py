"""An int8 .tflite as a C++ array with all that a program must know to run it and to read its answer.

In: a model, its task, its threshold, TFLM's arena as measured. Out: `model_data.h` and `model_data.cc` as text, for
whoever builds a program of their own around TFLM, and for edgekit's firmware. The same model gives the same bytes.
"""

import struct

from edgekit.compile.codegen import float_literal, rendered
from edgekit.compile.ops import OPERATORS
from edgekit.errors import EdgekitError
from edgekit.values.evaluation import Threshold
from edgekit.values.model import TfliteModel
from edgekit.values.task import Task

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


def c_array(
    model: TfliteModel, outputs: int, arena_bytes: int, *,
    task: Task | None = None, threshold: Threshold | None = None, folder: str = "",
) -> dict[str, str]:  # fmt: skip
    """The model as C++17 that needs neither edgekit's firmware nor TFLM's headers.

    Args:
        outputs: how many values the model gives.
        arena_bytes: as `runtimes.tflm.arena_bytes` measured it.
        task: what the model is asked; None leaves out the labels.
        threshold: where the positive one of two answers begins; None lets the greater output decide.
        folder: how the source includes its header, e.g. `model/` for `#include "model/model_data.h"`.

    Returns:
        File name -> text: `model_data.h`, `model_data.cc`.

    Raises:
        EdgekitError: not an int8 model, a threshold without its int8 margin, an operator that the firmware lacks.
    """
    if model.input_q is None or model.output_q is None:
        raise EdgekitError(f"A {model.variant} model cannot run on a board.", "Give the int8 .tflite.")
    if threshold is not None and threshold.margin_q is None:
        raise EdgekitError(
            "The model has no int8 threshold (margin_q).",
            "Choose it on validation with the int8 model; `edgekit build-model` does.",
        )
    methods = _resolver_methods(model)
    binary = outputs == 2 and threshold is not None
    values = {
        "model": model,
        "sha256": bytes.fromhex(model.sha256),
        "outputs": outputs,
        "labels": [_c_string(label) for label in task.labels] if task else [],
        "positive": (task.positive_index if task and task.positive else 1) if binary else -1,
        "probability": threshold.probability if threshold else 0.5,
        "margin_q": threshold.margin_q if threshold else 0,
        "arena_bytes": arena_bytes,
        "methods": methods,
        "op_macro": " ".join(f"X({method.removeprefix('Add')})" for method in methods),
        "folder": folder,
        "c_float": float_literal,
        "float_bits": lambda value: struct.pack(">f", value).hex(),
        "byte_rows": _rows,
    }
    return {name: rendered(f"{name}.jinja", **values) for name in ("model_data.h", "model_data.cc")}


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


def _c_string(text: str) -> str:
    """Every byte that is not plain ASCII as an octal escape, the question mark of trigraphs among them."""
    escaped = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}" for byte in text.encode()
    )
    return f'"{escaped}"'


def _rows(content: bytes) -> str:
    rows = (content[start : start + 16] for start in range(0, len(content), 16))
    return "".join("    " + " ".join(f"0x{byte:02x}," for byte in row) + "\n" for row in rows)
