"""How a layer's weights lie in flash. In: int8 [O, n], every output channel's weights in the order in which its kernel
reads them. Out: bytes, and the C that widens one channel after the other into int16 in RAM.

A channel's weights serve a whole row of results, so that widening costs little. Two savings, alone or together:
- masked: a bit a weight says which are not zero, and only those follow. Pays from 1/8 of zeros on.
- codebook: 4 bits name one of at most 16 values (clustered weights).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Constant, Kernel, rendered
from edgekit.compile.convolutions.mac16_weights import packed

DECODER_BYTES = 96  # of flash, roughly
CODEBOOK = 16


@dataclass(frozen=True, slots=True)
class Coding:
    """Which savings a layer uses; neither is uncompressed."""

    masked: bool = False
    codebook: bool = False

    @property
    def title(self) -> str:
        """For people."""
        savings = (("mask", self.masked), ("codebook of 16", self.codebook))
        return " + ".join(name for name, on in savings if on) or "bytes"


UNCOMPRESSED = Coding()
CODINGS = tuple(Coding(masked, codebook) for masked in (False, True) for codebook in (False, True))


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A layer's weights in a coding.

    Attributes:
        count: weights of a channel.
        content: all channels, one behind the other.
        starts: where each channel begins in it.
        codebook: the values that a code of 4 bits stands for; empty without a codebook.
        instructions: about how many widening all of it once takes on Xtensa (measured on the emulated lx106).
    """

    coding: Coding
    count: int
    content: bytes
    starts: tuple[int, ...]
    codebook: tuple[int, ...]
    instructions: float

    @property
    def size_bytes(self) -> int:
        """Bytes of flash."""
        return len(self.content) + len(self.codebook)

    def emit(self, name: str) -> Kernel:
        """The array `{name}_weights`, and C of `int32_t {name}_widen(int16_t *to, const uint8_t *from)`.

        That widens one channel and answers its bytes; where the coding is masked, it writes the next multiple of 8.
        Uncompressed weights are words, four to each.
        """
        if self.coding == UNCOMPRESSED:
            pairs = np.frombuffer(self.content, "u1").reshape(len(self.starts), -1, 2).astype(np.int64) - 128
            words, widen = packed(pairs, f"{name}_weights")
            function = rendered("packed_weights.c.jinja", name=name, widen=widen.name, quads=self.count // 4)
            return Kernel((widen,), (words,), function)
        constants = [Constant("uint8_t", f"{name}_weights", self.content)]
        if self.codebook:
            constants.append(Constant("int8_t", f"{name}_widen_book", self.codebook))
        function = rendered("weight_coding.c.jinja", name=name, coding=self.coding, count=self.count)
        helpers = ("next_code",) if self.coding.masked and self.coding.codebook else ()
        return Kernel(helpers, tuple(constants), function)


def encode(weights: NDArray[np.int8], coding: Coding) -> Coded | None:
    """The weights in a coding; None where no codebook holds their values.

    Args:
        weights: int8 [O, n].
    """
    if coding == UNCOMPRESSED:
        weights = np.pad(weights, ((0, 0), (0, -weights.shape[1] % 4)))
    kept = weights[weights != 0] if coding.masked else weights
    codebook = np.flatnonzero(np.bincount(kept.ravel().astype(np.int16) + 128, minlength=1)) - 128
    if coding.codebook and not 1 <= len(codebook) <= CODEBOOK:
        return None
    parts, starts, at = [], [], 0
    for row in weights:
        values = row[row != 0] if coding.masked else row
        if coding.codebook:
            body = _nibbles(np.searchsorted(codebook, values))
        else:
            body = (values.astype(np.int16) + 128).astype("u1")
        mask = np.packbits(row != 0, bitorder="little").tobytes() if coding.masked else b""
        parts.append(mask + body.tobytes())
        starts.append(at)
        at += len(parts[-1])
    a_weight = 4.2 + 2.4 * (weights != 0).mean() if coding.masked else 1.6
    a_value = 5.0 * kept.size if coding.codebook else 0.0
    values_ = tuple(int(value) for value in codebook) if coding.codebook else ()
    instructions = a_weight * weights.size + a_value
    return Coded(coding, weights.shape[1], b"".join(parts), tuple(starts), values_, instructions)


def _nibbles(codes: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Two codes a byte, the first in the low half."""
    even = np.append(codes, [0] * (len(codes) % 2)).astype(np.uint8)
    return (even[::2] | (even[1::2] << 4)).astype(np.uint8)
