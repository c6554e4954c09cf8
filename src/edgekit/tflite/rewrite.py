"""A .tflite with other scales, zero points and constants in some of its tensors. In and out: the file's bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.tflite.schema import schema
from edgekit.tflite.strip import finished


@dataclass(frozen=True, slots=True, eq=False)
class NewTensor:
    """What a tensor is to have.

    Attributes:
        scales: float32, one or one a channel.
        zero_points: as many; None where they stay.
        data: its values in its own type; None where they stay.
    """

    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64] | None = None
    data: NDArray[Any] | None = None


def rewritten(content: bytes, tensors: Mapping[int, NewTensor]) -> bytes:
    """The file with these, by the indices of the first subgraph's tensors, all of which are quantized already."""
    classes = schema(writes=True)
    model = classes.ModelT.InitFromObj(classes.Model.GetRootAs(content, 0))
    for index, new in tensors.items():
        tensor = model.subgraphs[0].tensors[index]
        tensor.quantization.scale = [float(one) for one in new.scales]
        tensor.quantization.min = tensor.quantization.max = None  # what the converter says of the old ones
        if new.zero_points is not None:
            tensor.quantization.zeroPoint = [int(one) for one in new.zero_points]
        if new.data is not None:  # in a buffer of its own: converters let equal constants share one
            buffer = classes.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(new.data).tobytes(), np.uint8)
            tensor.buffer = len(model.buffers)
            model.buffers.append(buffer)
    return finished(model, len(content))
