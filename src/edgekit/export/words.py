"""What the templates of an export say of a model: its ends, its answers, where it comes from.

In: a compiled model and its example. Out: values by the name that templates give them.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgekit.compile.codegen import Constant
from edgekit.compile.interface import End, ends_of
from edgekit.errors import EdgekitError
from edgekit.export.example import Example, pixel_values
from edgekit.metrics.decisions import decide
from edgekit.pipeline.compile_named import Asked, CompiledModel
from edgekit.pipeline.loading import card_beside, task_of
from edgekit.report.card import Card
from edgekit.tflite.model import read_tflite
from edgekit.tflite.quantize import with_input_range
from edgekit.values.evaluation import Threshold
from edgekit.values.model import TfliteModel
from edgekit.values.task import Task


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of a model beside its C: None where nobody has said it, or where it has several inputs or
    outputs."""

    model: TfliteModel | None
    task: Task | None
    card: Card | None

    @property
    def threshold(self) -> Threshold | None:
        """Where its decision lies; None for the greatest output."""
        return self.card.cut() if self.card else None


def origin_of(made: CompiledModel, asked: Asked) -> Origin:
    """Reads the model as a runtime does, and the card beside it."""
    try:
        model = read_tflite(made.content)
    except EdgekitError:  # the compiler takes more
        return Origin(None, None, None)
    if len(model.input_specs) > 1 or len(model.output_specs) > 1:
        return Origin(None, None, None)
    model = with_input_range(model, asked.input_range)
    if card := None if made.converted else card_beside(made.path, model):
        return Origin(model, card.data.task, card)
    return Origin(model, task_of(model, asked.labels), None)


def words_of(made: CompiledModel, origin: Origin, example: Example) -> dict[str, Any]:
    """The values by name."""
    compiled, name = made.compiled, made.compiled.options.name
    ends = ends_of(compiled.graph)
    inputs, outputs = ([end for end in ends if end.is_input is wanted] for wanted in (True, False))
    answers = _answers(origin, outputs)
    values = pixel_values(origin.model)
    return {
        "name": name,
        "upper": name.upper(),
        "sha256": compiled.graph.sha256.hex(),
        "file": _in_markdown(made.path.name),
        "inputs": inputs,
        "outputs": outputs,
        "integers": [end for end in ends if end.tensor.type in ("INT8", "INT16")],
        "described": _described,
        "has_state": bool(compiled.graph.states),
        "has_floats": any(end.is_float for end in ends),
        "program": compiled.program,
        "arena_bytes": compiled.plan.arena_bytes,
        "options": compiled.options,
        "flash_bytes": made.sizes.code_bytes + made.sizes.constant_bytes if made.sizes else None,
        "labels": [_in_markdown(label) for label in compiled.options.labels],
        "pixels": None if values is None else values.astype(np.int64).tolist(),
        "pixel_shift": None if values is None else _shift(values.astype(np.int64)),
        "model": origin.model,
        "task": origin.task,
        "card": origin.card,
        "threshold": origin.threshold,
        "answers": answers,
        "example": example,
        "example_arrays": _arrays(name, inputs, outputs, example),
        "said": _said(origin, example, answers),
    }


def _answers(origin: Origin, outputs: list[End]) -> int:
    """Of how many classes one is the answer; 0 where the outputs are none as far as anyone has said."""
    return outputs[0].tensor.size if origin.task is not None and len(outputs) == 1 else 0


def _said(origin: Origin, example: Example, answers: int) -> str:
    """What the example answers; empty where that is no class or nobody knows."""
    if not answers or example.outputs is None or origin.task is None:
        return ""
    return origin.task.labels[int(decide(example.outputs[None], origin.task, origin.threshold)[0])]


def _shift(values: np.ndarray[Any, Any]) -> int | None:
    """What is added to a pixel, where that is all."""
    shift = int(values[0])
    return shift if np.array_equal(values, np.arange(256) + shift) else None


def _arrays(name: str, inputs: list[End], outputs: list[End], example: Example) -> list[str]:
    """C of the example's values."""
    arrays = []
    if example.pixels is not None:
        arrays.append(Constant("uint8_t", f"{name}_example_pixels", example.pixels.reshape(-1).tolist()))
    else:
        arrays += [
            Constant(end.element, f"{name}_example_{end.name}", values.tolist())
            for end, values in zip(inputs, example.inputs, strict=True)
        ]
    if example.outputs is not None:
        (end,) = outputs
        arrays.append(Constant(end.element, f"{name}_example_{end.name}", example.outputs.tolist()))
    return [array.definition() for array in arrays]


def _described(end: End) -> str:
    tensor, quantization = end.tensor, end.tensor.quantization
    shape = " x ".join(map(str, tensor.shape[1:] or tensor.shape))
    values = math.prod(tensor.shape)
    said = f"{shape} {tensor.type.lower()}" + (f" ({values:,} values)" if values > 1 and "x" in shape else "")
    return f"{said}, real value = {quantization.scale:.9g} * (q - ({quantization.zero_point}))"


def _in_markdown(text: str) -> str:
    """A name from outside as code of one line."""
    return re.sub(r"[`\s\x00-\x1f]+", " ", text).strip()
