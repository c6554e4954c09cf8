"""Several tensors in one buffer: each begins at a multiple of 4 bytes, so that a 32-bit core reads it in place.

Standard library only: the protocol and the compiler lay buffers out by it.
"""

from collections.abc import Sequence

BUFFER_ALIGN = 4


def offsets(sizes: Sequence[int]) -> list[int]:
    """Where each tensor begins, of so many bytes each."""
    found, end = list[int](), 0
    for size in sizes:
        found.append(-(-end // BUFFER_ALIGN) * BUFFER_ALIGN)
        end = found[-1] + size
    return found


def buffer_bytes(sizes: Sequence[int]) -> int:
    """Of all of them."""
    return offsets(sizes)[-1] + sizes[-1]
