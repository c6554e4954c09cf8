"""The quantities that can be compared, by the names that `--fail-if` takes."""

from dataclasses import dataclass

from edgekit.values.comparison import Unit

BY_CLASS = ("recall", "precision", "f1", "auc")  # also of one class, as `recall:LABEL`


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a quantity is. `estimated`: not counted and not measured."""

    title: str
    unit: Unit
    estimated: bool = False


FIGURES = {
    "accuracy": Quantity("accuracy", "share"),
    "balanced_accuracy": Quantity("balanced accuracy", "share"),
    "precision": Quantity("precision", "share"),
    "recall": Quantity("recall", "share"),
    "specificity": Quantity("specificity", "share"),
    "f1": Quantity("F1", "share"),
    "auc": Quantity("AUC", "share"),
}
ERRORS = {
    "mse": Quantity("mean square error", "value"),
    "mae": Quantity("mean absolute error", "value"),
    "max_error": Quantity("greatest error", "value"),
}
COSTS = {
    "bytes": Quantity("model file, bytes", "bytes"),
    "parameters": Quantity("parameters", "count"),
    "macs": Quantity("MACs", "count"),
    "flash": Quantity("flash, bytes", "bytes"),
    "code": Quantity("code in flash, bytes", "bytes"),
    "constants": Quantity("constants in flash, bytes", "bytes"),
    "ram": Quantity("RAM, bytes", "bytes"),
    "tflm_arena": Quantity("TFLM's arena, bytes", "bytes"),
    "ms": Quantity("estimated ms", "ms", estimated=True),
    "cycles": Quantity("estimated cycles", "count", estimated=True),
    "instructions": Quantity("instructions, emulated", "count"),
    "board_ms": Quantity("ms on a board", "ms"),
}
QUANTITIES = {**FIGURES, **ERRORS, **COSTS}
