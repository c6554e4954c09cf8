"""The weights that are not zero, as a list that leads from one to the next: the others cost neither flash nor time.

In: a convolution, and how its window lies in memory as planes [c][y][x] of int16. Out: the list, and the C that walks
over it at several neighbouring positions at once.
"""

from dataclasses import dataclass

import numpy as np

from edgekit.compile.codegen import Constant, Kernel, rendered
from edgekit.compile.convolutions.protocol import Convolution

_MOST_ABREAST = 8  # positions at once: 8 sums and 5 other values fill the registers
_MOST_ADVANCE = 255  # of an entry, in 8 bits
_MOST_ENTRY = 2**15 - 1  # int16: only a channel's count of entries can be more


@dataclass(frozen=True, slots=True)
class WeightList:
    """All channels' entries, weight * 256 + advance, behind each channel's count of them.

    The advance leads from the tap before (or the window's first element) to this one; long ways take entries of weight
    0 in between.

    Attributes:
        starts: where each channel begins.
    """

    entries: tuple[int, ...]
    starts: tuple[int, ...]

    @property
    def fits(self) -> bool:
        """Whether int16 holds every entry."""
        return max(self.entries) <= _MOST_ENTRY

    @property
    def size_bytes(self) -> int:
        """Bytes of flash."""
        return 2 * len(self.entries)

    def emit(self, name: str, op: Convolution, step: int, positions: int) -> Kernel:
        """The array `{name}_weights`, and C of `{name}_walk`, which sums a channel's weights at a row's positions.

        Args:
            step: elements from one position to the next.
            positions: of a row, a multiple of `positions_abreast`.
        """
        abreast = positions_abreast(op)
        tiles = positions // abreast
        function = rendered("weight_list.c.jinja", name=name, step=step, abreast=abreast, tiles=tiles)
        return Kernel((), (Constant("int16_t", f"{name}_weights", self.entries),), function)


def positions_abreast(op: Convolution) -> int:
    """Positions that a list walks over at once: as many as cost least, given what is wasted at a row's end."""
    return min(range(1, _MOST_ABREAST + 1), key=lambda n: -(-op.used_columns // n) * (4 + 3 * n))


def list_weights(op: Convolution, plane: int, row: int) -> WeightList:
    """The list.

    Args:
        plane, row: elements from one channel, and from one row of it, to the next.
    """
    weights = op.weights.transpose(0, 3, 1, 2)  # [O, c, ky, kx]: ascending in memory
    out, c, ky, kx = np.nonzero(weights)
    taps = c * plane + ky * op.dilation[0] * row + kx * op.dilation[1]
    first = np.diff(out, prepend=-1) != 0
    ways = taps - np.where(first, 0, np.roll(taps, 1))
    far = np.maximum(ways - 1, 0) // _MOST_ADVANCE  # entries of weight 0 in front of each
    own = np.cumsum(far + 1) - 1
    entries = np.full(int((far + 1).sum()), _MOST_ADVANCE)
    entries[own] = weights[out, c, ky, kx].astype(np.int64) * 256 + ways - far * _MOST_ADVANCE
    counts = np.bincount(out, far + 1, len(weights)).astype(np.int64)
    ends = np.cumsum(counts)
    starts = ends - counts
    with_counts = np.insert(entries, starts, counts)
    return WeightList(tuple(with_counts.tolist()), tuple((starts + np.arange(len(weights))).tolist()))
