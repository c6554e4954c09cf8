"""A run of a .tflite's operators as a .tflite of its own, with other constants where they are given.

In: the file's records. Out: bytes, and the tensors that go in and come out, in their order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.tflite.records import TfliteFile
from edgekit.tflite.schema import schema
from edgekit.tflite.strip import finished


@dataclass(frozen=True, slots=True)
class Part:
    """Some operators of a file. `inputs` and `outputs` are indices of the whole file's tensors."""

    content: bytes
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def part(
    file: TfliteFile, first: int, last: int, outputs: tuple[int, ...],
    constants: Mapping[int, NDArray[Any]] | None = None, *, linear: bool = False,
) -> Part:  # fmt: skip
    """The operators from `first` to `last`, both included, by their rows in `file.operators`.

    Args:
        outputs: tensors that they write.
        constants: in place of the file's, by the tensor's index.
        linear: without the operators' fused activations.
    """
    classes = schema(writes=True)
    model = classes.ModelT.InitFromObj(classes.Model.GetRootAs(file.content, 0))
    graph = model.subgraphs[0]
    chosen = file.operators[first : last + 1]
    written = {index for op in chosen for index in op.outputs}
    read = dict.fromkeys(index for op in chosen for index in op.inputs if index >= 0)
    inputs = tuple(index for index in read if index not in written and not file.tensors[index].data.size)
    graph.operators = graph.operators[first : last + 1]
    graph.inputs, graph.outputs = list(inputs), list(outputs)
    model.signatureDefs = model.metadata = model.metadataBuffer = None
    for op in graph.operators if linear else ():
        if getattr(op.builtinOptions, "fusedActivationFunction", 0):
            op.builtinOptions.fusedActivationFunction = 0
    for index, values in (constants or {}).items():
        buffer = classes.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        graph.tensors[index].buffer = len(model.buffers)
        model.buffers.append(buffer)
    return Part(finished(model, len(file.content)), inputs, tuple(outputs))
