"""How a layer's weights lie in flash. In: int8 [O, n], every output channel's weights in the order in which its kernel
reads them. Out: bytes, and the C that widens one channel after the other into int16 in RAM.

A channel's weights serve a whole row of results, so that widening costs little. Two savings, alone or together:
- masked: a bit a weight says which are not zero, and only those follow. Pays from 1/8 of zeros on.
- book: 4 bits name one of at most 16 values (clustered weights).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BOOK = 16


@dataclass(frozen=True, slots=True)
class Coding:
    """Which savings a layer uses; neither is plain bytes."""

    masked: bool = False
    book: bool = False

    @property
    def title(self) -> str:
        """For people."""
        return " + ".join(name for name, on in (("mask", self.masked), ("book of 16", self.book)) if on) or "bytes"


PLAIN = Coding()
CODINGS = tuple(Coding(masked, book) for masked in (False, True) for book in (False, True))


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A layer's weights in a coding.

    Attributes:
        content: all channels, one behind the other.
        starts: where each channel begins in it.
        book: the values that a code of 4 bits stands for; empty without a book.
        instructions: about how many widening all of it once takes on Xtensa (measured on the emulated lx106).
    """

    coding: Coding
    content: bytes
    starts: tuple[int, ...]
    book: tuple[int, ...]
    instructions: float

    @property
    def size(self) -> int:
        """Bytes of flash."""
        return len(self.content) + len(self.book)


def encode(weights: NDArray[np.int8], coding: Coding) -> Coded | None:
    """The weights in a coding; None where no book holds their values.

    Args:
        weights: int8 [O, n].
    """
    kept = weights[weights != 0] if coding.masked else weights
    book = np.flatnonzero(np.bincount(kept.ravel().astype(np.int16) + 128, minlength=1)) - 128
    if coding.book and not 1 <= len(book) <= BOOK:
        return None
    parts, starts, at = [], [], 0
    for row in weights:
        values = row[row != 0] if coding.masked else row
        body = _nibbles(np.searchsorted(book, values)) if coding.book else (values.astype(np.int16) + 128).astype("u1")
        mask = np.packbits(row != 0, bitorder="little").tobytes() if coding.masked else b""
        parts.append(mask + body.tobytes())
        starts.append(at)
        at += len(parts[-1])
    a_weight = 4.2 + 2.4 * (weights != 0).mean() if coding.masked else 3.5
    a_value = 5.0 * kept.size if coding.book else 0.0
    values_ = tuple(int(value) for value in book) if coding.book else ()
    return Coded(coding, b"".join(parts), tuple(starts), values_, a_weight * weights.size + a_value)


def _nibbles(codes: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Two codes a byte, the first in the low half."""
    even = np.append(codes, [0] * (len(codes) % 2)).astype(np.uint8)
    return (even[::2] | (even[1::2] << 4)).astype(np.uint8)


def widener(name: str, coded: Coded, count: int) -> str:
    """C of `int32_t name(int16_t *to, const uint8_t *from)`, which widens one channel and answers its bytes.

    Args:
        count: weights of a channel. The next multiple of 8 is written where the coding is masked.
    """
    book, eights = f"{name}_book", -(-count // 8)
    end = "values - from"
    if coded.coding.masked:
        value = f"{book}[next_code(&values, &half)]" if coded.coding.book else "*values++ - 128"
        lines = "\n".join(
            f"    if (bits & {1 << bit}) to[{bit}] = (int16_t)({value});\n    else to[{bit}] = 0;" for bit in range(8)
        )
        loop = f"""  const uint8_t *values = from + {eights};
  for (int32_t i = 0; i < {eights}; ++i, to += 8) {{
    const uint32_t bits = from[i];
{lines}
  }}"""
        if coded.coding.book:
            loop, end = f"  int32_t half = 0;\n{loop}", "values - from + half"
    elif coded.coding.book:
        loop = f"""  const uint8_t *values = from;
  for (int32_t i = 0; i < {-(-count // 2)}; ++i, ++values) {{
    *to++ = {book}[*values & 15];
    *to++ = {book}[*values >> 4];
  }}"""
    else:
        at_once = max(n for n in range(1, 9) if count % n == 0)
        lines = "\n".join(f"    to[{i}] = (int16_t)(values[{i}] - 128);" for i in range(at_once))
        loop = f"""  const uint8_t *values = from;
  for (int32_t i = 0; i < {count // at_once}; ++i, values += {at_once}, to += {at_once}) {{
{lines}
  }}"""
    return f"""static EDGEKIT_APART int32_t {name}(int16_t *to, const uint8_t *from) {{
{loop}
  return (int32_t)({end});
}}
"""


NEXT_CODE = """
/* The next 4 bits, the low half of a byte first. */
static inline uint32_t next_code(const uint8_t **values, int32_t *half) {
  const uint32_t code = *half ? *(*values)++ >> 4 : **values & 15u;
  *half ^= 1;
  return code;
}
"""
