"""3x3 convolutions on MAC16 by Winograd's filtering F(4x4), one output channel at a time, for both cores of an ESP32.

The arithmetic is winograd.py's. Its transformed weights would take eight times the flash; here a channel's weights are
widened from flash (weight_coding.py) and transformed when their turn comes, once for a whole row of tiles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Kernel, Site, indent, round_up
from edgekit.compile.convolutions.by_part import helpers_for, part_function, parts_for, run_parts
from edgekit.compile.convolutions.fast_requant import of_byte_sums
from edgekit.compile.convolutions.protocol import CODE_BYTES, Cost
from edgekit.compile.convolutions.weight_coding import (
    CODINGS,
    DECODER_BYTES,
    UNCOMPRESSED,
    Coded,
    Coding,
    encode,
)
from edgekit.compile.convolutions.window import Window, window_of
from edgekit.compile.convolutions.winograd import CHANNEL_ORDER, Winograd, input_helper, output_helper, transform_tiles
from edgekit.compile.ir import Convolution
from edgekit.compile.options import CompileOptions

_TILE, _ELEMENTS = 4, 36
_MOST_AT_ONCE, _MOST_BUFFER = 8, 12288  # tiles, and bytes of them, between one transform of the weights and the next


@dataclass(frozen=True, slots=True)
class ByTile:
    """A row of tiles: four rows of sums, and what a pool leaves of them.

    Attributes:
        coding: of the weights in flash.
        parts: shares of the output channels that may be worked out side by side, 1 or 2.
    """

    c_prefix: ClassVar[str] = "bytile"
    coding: Coding = UNCOMPRESSED
    parts: int = 1

    def fits(self, op: Convolution) -> bool:
        """Where F(4x4) is exact and the coding holds the weights."""
        return Winograd(_TILE).fits(op) and encode(_pairs(op), self.coding) is not None

    @classmethod
    def candidates(cls, op: Convolution, options: CompileOptions) -> Sequence[Self]:
        """With every coding that can hold the weights; without MAC16 it never pays."""
        codings = CODINGS if options.compress == "auto" else (UNCOMPRESSED,)
        kernels = [cls(coding, parts_for(op, options)) for coding in codings]
        return [kernel for kernel in kernels if kernel.fits(op)] if options.target == "esp32" else []

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """Fitted to measurements on QEMU's dc233c."""
        depth, at_once, coded = _depth(op), self._at_once(op), self._coded(op)
        of_a_channel = at_once * (_ELEMENTS * (depth + 11) + 240) + 100 * depth + 150
        of_tiles = at_once * 150 * depth + op.result[2] * of_a_channel + coded.instructions
        instructions = self.geometry(op).steps * _tiles(op) // at_once * of_tiles + 20 * op.output.size
        return Cost(instructions, coded.size_bytes + CODE_BYTES + DECODER_BYTES)

    def describe(self, op: Convolution) -> str:
        """The kernel, in words."""
        parts = ", two parts" if self.parts > 1 else ""
        return f"Winograd F(4x4) by channel, weights as {self.coding.title}{parts}"

    def geometry(self, op: Convolution) -> Window:
        """The window of a row of tiles; besides, the transformed tiles, and each part's weights and sums."""
        extra = self._tiles_bytes(op) + self.parts * self._part_bytes(op)
        overreads = op.image[2] % 4 != 0
        return window_of(op, _TILE // op.pool[0], _TILE, _tiles(op) * _TILE, extra, overreads)

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """Transforms as many tiles as the buffer holds, then has the channels worked out."""
        weights, name = self._coded(op).emit(site.name), site.name
        depth, at_once, row = _depth(op), self._at_once(op), self.geometry(op).row
        ahead = _TILE // op.pool[1] * op.result[2]
        input_, output = input_helper(op, _TILE, lanes=1), output_helper(op, _TILE)
        rows = f"""{site.signature(", uint32_t *room, int32_t made")} {{
  edgekit_word *const tiles = (edgekit_word *)room;
  for (int32_t first = 0; first < {_tiles(op)}; first += {at_once}) {{
{indent(transform_tiles(input_, op, _TILE, row, at_once, lanes=1), 4)}
    const work job = {{(const int16_t *)(void *)room, output + first * {ahead},
        (uint8_t *)room + {self._tiles_bytes(op)}, made, first}};
    {run_parts(site, self.parts)}
  }}
}}
"""
        requant = of_byte_sums(op)
        filter_bytes = 2 * _ELEMENTS * depth
        memory = [
            "edgekit_word *const filter = (edgekit_word *)(void *)room;",
            f"uint32_t *const sums = (uint32_t *)(void *)(room + {filter_bytes});",
            f"int16_t *const taps = (int16_t *)(void *)(room + {filter_bytes + 4 * _ELEMENTS * at_once});",
        ]
        wide, width = _TILE // op.pool[1], op.pooled[1]
        inside = f"column < {wide}" + (f" && (job->first + n) * {wide} + column < {width}" if width % wide else "")
        sum_ = f"(uint32_t)((int32_t)sum[row * {wide} + column] >> 6)"
        work = [
            f"from += {name}_widen(taps, from);",
            f"winograd4_filter((const edgekit_word *)(const void *)taps, filter, {depth // 2});",
            f"dots(job->rows, {depth}, (const int16_t *)(const void *)filter, {depth // 4}, (int32_t *)(void *)sums,",
            f"     {at_once}, {_ELEMENTS}, {_ELEMENTS});",
            f"{output}(sums, {at_once});",
            "const uint32_t *sum = sums;",
            f"for (int32_t n = 0; n < {at_once}; ++n, sum += {_ELEMENTS}) {{",
            "  for (int32_t row = 0; row < job->made; ++row) {",
            f"    uint8_t *const out = to_channel + row * {site.output_row} + n * {wide * op.result[2]};",
            f"    for (int32_t column = 0; {inside}; ++column) {{",
            indent(site.write(f"out[column * {op.result[2]}]", requant.finish(sum_, "to")), 6),
            "    }",
            "  }",
            "}",
        ]
        starts = self._coded(op).starts
        part = part_function(op, site, self.parts, self._part_bytes(op), ("uint8_t", starts), memory, work)
        return Kernel(
            (*helpers_for(self.parts), "dots", input_, "winograd4_filter", output, *weights.helpers),
            (requant.table(f"{name}_channels"), *weights.constants),
            f"{weights.function}\n{part}\n{rows}",
        )

    def _coded(self, op: Convolution) -> Coded:
        coded = encode(_pairs(op), self.coding)
        assert coded is not None, "chosen for weights that it cannot hold"
        return coded

    def _at_once(self, op: Convolution) -> int:
        """Tiles between one transform of a channel's weights and the next."""
        tiles = _tiles(op)
        a_tile = 2 * _ELEMENTS * _depth(op) + 4 * _ELEMENTS * self.parts
        fitting = [n for n in range(1, _MOST_AT_ONCE + 1) if tiles % n == 0 and n * a_tile <= _MOST_BUFFER]
        return max(fitting, default=1)

    def _tiles_bytes(self, op: Convolution) -> int:
        return 2 * _ELEMENTS * self._at_once(op) * _depth(op)

    def _part_bytes(self, op: Convolution) -> int:
        """A channel's transformed weights, its sums, its taps; masks widen eight at once."""
        return 2 * _ELEMENTS * _depth(op) + 4 * _ELEMENTS * self._at_once(op) + 2 * round_up(9 * _depth(op), 8)


def _pairs(op: Convolution) -> NDArray[np.int8]:
    """[O, n]: for every two channels of the transformed input, their taps in turn."""
    out, channels = len(op.weights), op.image[2]
    taps = np.zeros((out, _depth(op), 9), np.int8)
    taps[:, :channels] = op.weights.transpose(0, 3, 1, 2).reshape(out, channels, 9)
    order = [four + i for four in range(0, _depth(op), 4) for i in CHANNEL_ORDER]
    return taps[:, order].reshape(out, -1, 2, 9).transpose(0, 1, 3, 2).reshape(out, -1)


def _depth(op: Convolution) -> int:
    return round_up(op.image[2], 4)


def _tiles(op: Convolution) -> int:
    """Tiles in a row of them."""
    return -(-op.used_columns // _TILE)
