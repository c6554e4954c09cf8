"""How a board describes the inputs and outputs of its model. Standard library only.

In: bytes of INFO or of a stored model. Out: `Tensor`s, and how the bytes of several lie in one buffer.
"""

import math
import struct
from collections.abc import Sequence

from edgekit.device.protocol.codes import ElementType
from edgekit.device.protocol.message import I16, MAX_RANK, U8, U32, Record, Shape
from edgekit.values.buffer import buffer_bytes

MAX_TENSORS = 4  # inputs and outputs of a model together
_BYTES = {ElementType.INT8: 1, ElementType.INT16: 2, ElementType.INT32: 4}


class Tensor(Record):
    """An input or an output. The scale travels as the bits of an IEEE-754 single."""

    type: U8  # ElementType
    rank: U8  # dimensions, the batch of one left out; of an image 3: height, width, channels
    zero_point: I16
    scale_bits: U32
    dimensions: Shape  # `rank` of them count

    @property
    def shape(self) -> tuple[int, ...]:
        """The batch left out."""
        return self.dimensions[: self.rank]

    @property
    def size(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Bytes of them all; 0 of a type that is none."""
        return self.size * _BYTES[ElementType(self.type)] if self.type in _BYTES else 0

    @property
    def scale(self) -> float:
        """Real values of one step."""
        return float(struct.unpack("<f", struct.pack("<I", self.scale_bits))[0])

    def faults(self, what: str) -> list[str]:
        """The values that make no sense, in words; `what`: an input or an output."""
        faults = {
            f"{what} of {self.rank} dimensions": not 0 < self.rank <= MAX_RANK,
            f"{what} of element type {self.type}": self.type not in _BYTES,
            f"a scale of {self.scale}": not 0 < self.scale < math.inf,
        }
        return [fault for fault, there in faults.items() if there]

    @property
    def type_name(self) -> str:
        """Such as `int8`."""
        return ElementType(self.type).name.lower() if self.type in _BYTES else f"type {self.type}"

    def __str__(self) -> str:
        return f"{' x '.join(map(str, self.shape))} {self.type_name}"


def bytes_of(tensors: Sequence[Tensor]) -> int:
    """Of the buffer that holds them all; 0 where there are none."""
    return buffer_bytes([tensor.size_bytes for tensor in tensors]) if tensors else 0
