"""How bytes that both ends share are written and read: a frozen dataclass whose fields are the bytes, in their order.
Standard library only.

In: values, or bytes. Out: the bytes, or the values.
"""

import itertools
import struct
from dataclasses import Field, dataclass, fields
from typing import Annotated, Any, ClassVar, Self, dataclass_transform

from edgekit.device.protocol.frames import MAX_PAYLOAD_BYTES, WireError

MAX_RANK = 5  # dimensions of an input, its batch of one left out

U8 = Annotated[int, "B"]
U16 = Annotated[int, "H"]
I16 = Annotated[int, "h"]
U32 = Annotated[int, "I"]
Shape = Annotated[tuple[int, ...], f"{MAX_RANK}I"]
Hash = Annotated[bytes, "32s"]
Magic = Annotated[bytes, "8s"]
Text = Annotated[str, "16s"]  # UTF-8, zero-padded
Tail = Annotated[bytes, "tail"]  # the rest of the payload; last field only


BY_TYPE: "dict[int, type[Message]]" = {}


@dataclass_transform(frozen_default=True)
class Record:
    """Fixed bytes, and any number of them behind where the last field is a tail. Subclasses are frozen dataclasses that
    list their fields in the order of the bytes."""

    FIXED: ClassVar[struct.Struct]  # all fields but a tail
    HAS_TAIL: ClassVar[bool]  # bytes of any number follow the fixed ones
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True)(cls)
        kinds: list[Any] = [f.type for f in fields(cls)]
        codes = "".join(kind.__metadata__[0] for kind in kinds)
        cls.HAS_TAIL = codes.endswith("tail")
        cls.FIXED = struct.Struct("<" + codes.removesuffix("tail"))

    def pack(self) -> bytes:
        """The bytes."""
        values: list[Any] = [getattr(self, f.name) for f in fields(self)]
        tail: bytes = values.pop() if self.HAS_TAIL else b""
        flat = [each for value in values for each in (value if isinstance(value, tuple) else (value,))]
        return self.FIXED.pack(*(v.encode() if isinstance(v, str) else v for v in flat)) + tail

    @classmethod
    def unpack(cls, content: bytes) -> Self:
        """The values of bytes. Raises WireError: they are not as many as this record has."""
        size = cls.FIXED.size
        if len(content) < size or (not cls.HAS_TAIL and len(content) > size):
            raise WireError(f"{cls.__name__} has {len(content)} bytes where {size} belong")
        flat, values = iter([*cls.FIXED.unpack_from(content), *([content[size:]] if cls.HAS_TAIL else [])]), list[Any]()
        for field in fields(cls):
            if field.type == Shape:
                values.append(tuple(itertools.islice(flat, MAX_RANK)))
            elif field.type == Text:
                values.append(next(flat).rstrip(b"\0").decode(errors="replace"))
            else:
                values.append(next(flat))
        return cls(*values)


class Message(Record):
    """A typed payload of a frame."""

    TYPE: ClassVar[int]  # its number in a frame

    def __init_subclass__(cls, number: int) -> None:
        super().__init_subclass__()
        cls.TYPE = number
        BY_TYPE[number] = cls

    def pack(self) -> bytes:
        """The payload. Raises WireError: it is longer than a frame can hold."""
        payload = super().pack()
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise WireError(f"{type(self).__name__} of {len(payload)} bytes does not fit a frame")
        return payload
