"""A model as a board's firmware can hold it: described, and no larger than the protocol carries.

In: a model, its task, its threshold. Out: its `Description`.
"""

from edgekit.compile.description import Description, describe
from edgekit.device.protocol.message import MAX_RANK
from edgekit.device.protocol.messages import (
    CHUNK_BYTES,
    MAX_CHUNKS,
    MAX_LABEL_BYTES,
    MAX_OUTPUT_BYTES,
)
from edgekit.device.protocol.tensors import MAX_TENSORS
from edgekit.errors import EdgekitError
from edgekit.values.buffer import buffer_bytes
from edgekit.values.evaluation import Threshold
from edgekit.values.model import TfliteModel
from edgekit.values.task import Task


def carried(model: TfliteModel, task: Task | None = None, threshold: Threshold | None = None) -> Description:
    """The description of a model that a board can be asked to run. Raises EdgekitError: as `describe`, and where the
    protocol cannot carry the model's input, outputs or labels."""
    described = describe(model, model.outputs, task, threshold)
    specs, most, labels = (*model.input_specs, *model.output_specs), MAX_CHUNKS * CHUNK_BYTES, len(described.label_text)
    if len(specs) > MAX_TENSORS:
        raise EdgekitError(
            f"{model.name} has {len(model.input_specs)} inputs and {len(model.output_specs)} outputs, more than the "
            f"protocol's {MAX_TENSORS}.",
            "Export a model that joins or splits some of them itself, or use it as a C library: edgekit compile.",
        )
    if deep := next((spec for spec in specs if len(spec.shape) > MAX_RANK), None):
        what, where = ("input", "start") if deep in model.input_specs else ("output", "end")
        raise EdgekitError(
            f"An {what} of {len(deep.shape)} dimensions is more than the protocol's {MAX_RANK} (the batch left out).",
            f"Join dimensions of the model's {what} with a RESHAPE at its {where}.",
        )
    if (input_bytes := buffer_bytes([spec.size_bytes for spec in model.input_specs])) > most:
        raise EdgekitError(
            f"An input of {' and '.join(map(str, model.input_specs))} ({input_bytes:,} bytes) is more than the "
            f"protocol's {most:,} bytes.",
            "Build the model for a smaller image." if model.image_size else "Build the model for a smaller input.",
        )
    if (output_bytes := buffer_bytes([spec.size_bytes for spec in model.output_specs])) > MAX_OUTPUT_BYTES:
        raise EdgekitError(
            f"{model.outputs:,} outputs ({output_bytes:,} bytes) are more than the protocol's {MAX_OUTPUT_BYTES:,} "
            "bytes.",
            "Build a model with fewer outputs.",
        )
    if labels > MAX_LABEL_BYTES:
        raise EdgekitError(
            f"The {model.outputs} labels take {labels:,} bytes; the protocol carries {MAX_LABEL_BYTES:,}.",
            "Give shorter labels.",
        )
    return described
