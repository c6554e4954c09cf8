"""What a program must know of a quantised model to run it and to read its answer, wherever it is written down.

In: a model, its task, its threshold. Out: a `Description`: of a C header (`c_array`), of a board's model partition.
"""

from dataclasses import dataclass

from edgekit.compile.ops import OPERATORS
from edgekit.errors import EdgekitError
from edgekit.tflite.reader import operator_code
from edgekit.values.evaluation import Threshold
from edgekit.values.model import InputRange, TfliteModel
from edgekit.values.task import Task

ARGMAX, THRESHOLD, VALUES = 1, 2, 0  # `Description.decision`

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


@dataclass(frozen=True, slots=True)
class Description:
    """A model that TFLM runs, and what its outputs mean."""

    model: TfliteModel
    outputs: int  # how many values it gives
    labels: tuple[str, ...]  # none where nobody has named them
    decision: int
    positive: int  # the output that is looked for; -1 where no threshold decides
    probability: float
    margin_q: int
    methods: tuple[str, ...]  # by which TFLM's resolver takes its operators

    @property
    def label_text(self) -> bytes:
        """The labels in UTF-8, a zero behind each."""
        return b"".join(label.encode() + b"\0" for label in self.labels)

    @property
    def input_range(self) -> InputRange | None:
        """What a black and a white pixel enter as; None where that is not known, or the input is no image."""
        return self.model.input_range if len(self.model.input_shape) == 3 else None

    @property
    def operator_map(self) -> bytes:
        """32 bytes: bit `code % 8` of byte `code // 8` stands for the operator of that number."""
        codes = {operator_code(name) for name in self.model.ops}
        return bytes(sum(1 << bit for bit in range(8) if 8 * byte + bit in codes) for byte in range(32))


def describe(
    model: TfliteModel, outputs: int, task: Task | None = None, threshold: Threshold | None = None
) -> Description:
    """The description of a model.

    Args:
        outputs: how many values the model gives.
        task: what the model is asked; None leaves out the labels.
        threshold: where the positive one of two answers begins; None lets the greater output decide.

    Raises:
        EdgekitError: a model of floats, a threshold without its int8 margin, an operator that the firmware lacks,
            labels of another number than the outputs, another number of channels than the task's.
    """
    if model.is_float:
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
    return Description(
        model=model,
        outputs=outputs,
        labels=task.labels if task else (),
        decision=THRESHOLD if binary else ARGMAX if task else VALUES,
        positive=(task.positive_index if task else 1) if binary else -1,
        probability=threshold.probability if threshold else 0.5,
        margin_q=threshold.margin_q or 0 if threshold and binary else 0,
        methods=methods,
    )


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
