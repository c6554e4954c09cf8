"""All that is in the way of compiling a model, said at once, with what to change in Keras or PyTorch."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from edgekit.errors import EdgekitError
from edgekit.tflite.records import FileOperator

FIXED_BATCH = (
    "Fix every dimension, and a batch of 1: in Keras keras.Input(shape, batch_size=1), in PyTorch "
    "torch.onnx.export(model, one_example) without dynamic_axes."
)
FULL_INT8 = (
    "Convert all of it to int8: TFLITE_BUILTINS_INT8 with a representative_dataset and inference_input_type=tf.int8, "
    "from PyTorch by onnx2tf -oiqt."
)
NOT_16_BIT = "Convert with activations of 8 bits: TFLITE_BUILTINS_INT8."
ANOTHER_LAYER = "Use another layer, or run the model with TFLM."
_INSTEAD = {
    "BIDIRECTIONAL_SEQUENCE_LSTM BIDIRECTIONAL_SEQUENCE_RNN LSTM RNN UNIDIRECTIONAL_SEQUENCE_LSTM "
    "UNIDIRECTIONAL_SEQUENCE_RNN": "Use convolutions over a window of the past, or run the model with TFLM.",
    "CALL IF WHILE": "Export without control flow: in Keras unroll=True for recurrent layers.",
    "BROADCAST_ARGS FILL RANGE RANK REDUCE_PROD SHAPE ZEROS_LIKE": FIXED_BATCH,
    "CAST DEQUANTIZE": f"A part of the model is not int8. {FULL_INT8}",
    "DIV": "Multiply by the inverse instead, or run the model with TFLM.",
}
_CUSTOM = {
    r"TFLite_Detection_PostProcess": "Export the model without post-processing, and choose the boxes in your own code.",
    r"Flex.*": "Convert without SELECT_TF_OPS, from layers that TensorFlow Lite has itself.",
    r".*": "A custom operator is code of its own: end the model before it, or run it with TFLM and that code.",
}


class Obstacle(EdgekitError):
    """One that may stand in many places. `kind`: the same for all of them."""

    def __init__(self, message: str, hint: str, kind: str) -> None:
        super().__init__(message, hint)
        self.kind = kind


@dataclass(slots=True)
class Obstacles:
    """Those found so far, with the position of the operator that they belong to."""

    found: list[tuple[int | None, EdgekitError]] = field(default_factory=list)

    @contextmanager
    def noted(self, position: int | None = None) -> Iterator[None]:
        """Keeps the error that ends the block, and goes on behind it."""
        try:
            yield
        except EdgekitError as error:
            self.found.append((position, error))

    def lines(self) -> list[tuple[str, str]]:
        """A message and a hint for each kind of obstacle."""
        kinds: dict[str, list[EdgekitError]] = {}
        for _, error in self.found:
            kinds.setdefault(_kind(error), []).append(error)
        return [(_with_others(errors), errors[0].hint) for errors in kinds.values()]

    def raise_any(self, name: str) -> None:
        """Raises an EdgekitError of all that was found, one line for each kind."""
        said = self.lines()
        if len(said) == 1:
            raise EdgekitError(*said[0])
        if said:
            lines = "\n".join(f"- {message} {hint}" for message, hint in said)
            raise EdgekitError(
                f"{name} cannot be compiled: {len(said)} things are in the way.\n{lines}",
                "Change these in the model and convert it again, or run it with TFLM.",
            )


def unknown(op: FileOperator, label: str) -> Obstacle:
    """The error about an operator that the compiler does not have."""
    return Obstacle(f"{label} is not supported.", _instead(op.code, op.custom), f"operator {op.name}")


def _kind(error: EdgekitError) -> str:
    """Of errors that differ in numbers and names alone it is the same."""
    return error.kind if isinstance(error, Obstacle) else re.sub(r"\d+|'[^']*'", "#", error.message)


def _with_others(errors: list[EdgekitError]) -> str:
    others = len(errors) - 1
    return errors[0].message + (
        f" The same is so in {others} other place{'s' if others > 1 else ''}." if others else ""
    )


def _instead(code: str, custom: str) -> str:
    if code == "CUSTOM":
        return next(hint for pattern, hint in _CUSTOM.items() if re.fullmatch(pattern, custom))
    return next((hint for codes, hint in _INSTEAD.items() if code in codes.split()), ANOTHER_LAYER)
