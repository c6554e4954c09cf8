"""A model as a board's firmware can hold it: described, and no larger than the protocol carries.

In: a model, its task, its threshold. Out: its `Description`.
"""

import math

from edgekit.compile.description import Description, describe
from edgekit.device.protocol.message import MAX_RANK
from edgekit.device.protocol.messages import (
    CHUNK_BYTES,
    MAX_CHUNKS,
    MAX_LABEL_BYTES,
    MAX_OUTPUT_BYTES,
    shape_in_words,
)
from edgekit.errors import EdgekitError
from edgekit.values.evaluation import Threshold
from edgekit.values.model import TfliteModel
from edgekit.values.task import Task


def carried(model: TfliteModel, task: Task | None = None, threshold: Threshold | None = None) -> Description:
    """The description of a model that a board can be asked to run. Raises EdgekitError: as `describe`, and where the
    protocol cannot carry the model's input, outputs or labels."""
    described = describe(model, model.outputs, task, threshold)
    shape, most, labels = model.input_shape, MAX_CHUNKS * CHUNK_BYTES, len(described.label_text)
    if not 0 < len(shape) <= MAX_RANK:
        raise EdgekitError(
            f"An input of {len(shape)} dimensions is more than the protocol's {MAX_RANK} (the batch left out).",
            "Join dimensions of the model's input with a RESHAPE at its start.",
        )
    if math.prod(shape) > most:
        raise EdgekitError(
            f"An input of {shape_in_words(shape)} is more than the protocol's {most} bytes.",
            "Build the model for a smaller image." if len(shape) == 3 else "Build the model for a smaller input.",
        )
    if model.outputs > MAX_OUTPUT_BYTES:
        raise EdgekitError(
            f"{model.outputs:,} outputs are more than the protocol's {MAX_OUTPUT_BYTES} bytes.",
            "Build a model with fewer outputs.",
        )
    if labels > MAX_LABEL_BYTES:
        raise EdgekitError(
            f"The {model.outputs} labels take {labels:,} bytes; the protocol carries {MAX_LABEL_BYTES:,}.",
            "Give shorter labels.",
        )
    return described
