"""The values of all inputs of a model, or of all its outputs, as one array and as one buffer of bytes.

In: `TensorSpec`s, values. Out: bytes as a board takes them, and back.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.values.buffer import buffer_bytes, offsets
from edgekit.values.model import TensorSpec


def joined_dtype(specs: Sequence[TensorSpec]) -> np.dtype[Any]:
    """Of an array that holds the values of all of them."""
    return np.result_type(*(spec.dtype for spec in specs))


def parts(specs: Sequence[TensorSpec], values: NDArray[Any]) -> Iterator[tuple[TensorSpec, NDArray[Any]]]:
    """Each tensor with its values [..., size], of values [..., sum of the sizes]: one tensor's after the
    other's."""
    ends = np.cumsum([spec.size for spec in specs])
    return zip(specs, np.split(values, ends[:-1], -1), strict=True)


def packed(specs: Sequence[TensorSpec], values: NDArray[Any]) -> bytes:
    """The values of one input, or of one answer, as one buffer: little-endian, in the order of the tensors."""
    content = bytearray(buffer_bytes([spec.size_bytes for spec in specs]))
    places = offsets([spec.size_bytes for spec in specs])
    for at, (spec, part) in zip(places, parts(specs, values.reshape(-1)), strict=True):
        content[at : at + spec.size_bytes] = part.astype(spec.dtype).tobytes()
    return bytes(content)


def unpacked(specs: Sequence[TensorSpec], content: bytes) -> NDArray[Any]:
    """The values in a buffer as `packed` makes it, one tensor's after the other's."""
    places = offsets([spec.size_bytes for spec in specs])
    found = [np.frombuffer(content, spec.dtype, spec.size, at) for at, spec in zip(places, specs, strict=True)]
    return np.concatenate(found, dtype=joined_dtype(specs))
