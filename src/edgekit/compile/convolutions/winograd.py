"""3x3 convolutions by Winograd's minimal filtering, exactly, in integers modulo 2^32. Stride 1, dense.

    Y = A^T [(G g G^T) * (B^T d B)] A          (Lavin and Gray, 2015, arXiv 1509.09308)

F(4x4): 36 multiplications make 16 results of 9 taps, a quarter of the direct kernel's; F(2x2): 16 make 4. B and A are
integers. G has fractions, so that 24 G (2 G) is used, and the results are 576 Y (4 Y); times the inverse of 9 modulo
2^32 that is 64 Y. Wherever |Y| < 2^25, which is checked for the weights at hand, a shift then gives Y, and until then
sums may wrap. The last row of 24 G is halved, and doubled in A, so that the weights fit 16 bits:
144 * 128 = 18,432. The inputs are bytes, 0 to 255, and reach at most 50 * 255 = 12,750 after the transform.

A tile's channels lie in the order 0, 2, 1, 3 of each four, as two words of two come out of one load.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Constant, Helper, Kernel, Site, rendered, round_up
from edgekit.compile.convolutions.fast_requant import of_byte_sums
from edgekit.compile.convolutions.protocol import CHANNEL_BYTES, Convolution, window_of
from edgekit.compile.convolutions.window import Window
from edgekit.compile.cost import Cost
from edgekit.compile.options import CompileOptions

BLOCKS = {2: 4, 3: 2}  # tiles side by side -> output channels with which they fill the registers
FILTERS = {
    2: np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]]),
    4: np.array([[6, 0, 0], [4, 4, 4], [-4, 4, -4], [1, 2, 4], [-1, 2, -4], [0, 0, -12]]),
}
CHANNEL_ORDER = (0, 2, 1, 3)  # of each four, in transformed tiles
_INPUT, _OUTPUT = {2: 100, 4: 260}, {2: 90, 4: 230}  # instructions of the transforms, for a tile and channel
_SHIFTS = {2: 2, 4: 6}
_CODE_BYTES = {2: 1600, 4: 2800}
_FILTER = 132  # instructions of a filter's transform, for an input and an output channel
_MOST_BUFFER = 4096  # bytes for transformed tiles and their sums; more would only save reads of the weights
_MOST_BUFFER_IN_RUN = 12288  # more saves transforms of the filters


@dataclass(frozen=True, slots=True)
class Winograd:
    """A row of tiles: `tile` rows of sums, `tile` wide each, and what a pool leaves of them.

    Attributes:
        in_run: the filters lie in flash as they are, an eighth of what they become, and are transformed for each row of
            tiles; of F(4x4) alone.
    """

    c_prefix: ClassVar[str] = "winograd"
    tile: int
    in_run: bool = False

    def fits(self, op: Convolution) -> bool:
        """3x3, with no pool or one of 2x2, and weights whose sums stay exact."""
        shape = op.weights.shape[1:3] == (3, 3) and op.stride == op.dilation == (1, 1) and op.groups == 1
        flat = op.weights.reshape(len(op.weights), -1).astype(np.int64)
        most = 255 * max(int(np.clip(flat, 0, None).sum(axis=1).max()), int(np.clip(-flat, 0, None).sum(axis=1).max()))
        return shape and op.pool in ((1, 1), (2, 2)) and most << _SHIFTS[self.tile] < 2**31

    @classmethod
    def candidates(cls, op: Convolution, options: CompileOptions) -> Sequence[Self]:
        """Every size of tile that gives exact results; it never pays in bytes of flash."""
        kernels = [*map(cls, FILTERS), cls(4, in_run=True)]
        return [kernel for kernel in kernels if kernel.fits(op)] if options.optimize == "speed" else []

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """Fitted to measurements on the emulated lx106."""
        tiles = self._lanes(op) * self._groups(op) * self.geometry(op).steps
        depth, out, elements = round_up(op.image[2], 4), op.result[2], (self.tile + 2) ** 2
        of_a_tile = depth * _INPUT[self.tile] + out * (elements * (3.05 * depth + 3) + _OUTPUT[self.tile])
        filters = depth * round_up(out, BLOCKS[self._lanes(op)])
        weight_bytes = (9 if self.in_run else 2 * elements) * filters
        passes = self.geometry(op).steps * self._groups(op) // self._groups_at_once(op)
        transforms = passes * _FILTER * filters if self.in_run else 0
        cycles = 1.6 * (tiles * of_a_tile + transforms + 12.5 * op.output.size)
        return Cost(cycles, weight_bytes + CHANNEL_BYTES * op.result[2], passes, _CODE_BYTES[self.tile])

    def describe(self, op: Convolution) -> str:
        filters = ", filters in the run" if self.in_run else ""
        tiles = self._lanes(op) * self._groups_at_once(op)
        return f"Winograd F({self.tile}x{self.tile}), {tiles} tiles at once{filters}"

    def geometry(self, op: Convolution) -> Window:
        """The window of a row of tiles; besides, transformed tiles, sums, and filters of a block of output channels."""
        columns = self._groups(op) * self._lanes(op) * self.tile
        filters = 2 * (self.tile + 2) ** 2 * round_up(op.image[2], 4) * BLOCKS[self._lanes(op)]
        buffer = self._groups_at_once(op) * self._group_bytes(op) + (filters if self.in_run else 0)
        return window_of(op, self.tile // op.pool[0], self.tile, columns, buffer, overreads=op.image[2] % 4 != 0)

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """Transforms as many tiles as the buffer holds, then multiplies them with a block of output channels a time."""
        window, requant = self.geometry(op), of_byte_sums(op)
        lanes, groups_at_once = self._lanes(op), self._groups_at_once(op)
        tile, depth, block = self.tile, round_up(op.image[2], 4), BLOCKS[lanes]
        input_, dot, output = input_helper(op, tile, lanes), _dot_helper(op, tile, lanes), output_helper(op, tile)
        function = rendered(
            "winograd.c.jinja",
            op=op,
            site=site,
            name=site.name,
            requant=requant,
            row=window.row,
            made=window.made,
            out=op.result[2],
            tile=tile,
            size=tile + 2,
            wide=tile // op.pool[1],
            shift=_SHIFTS[tile],
            depth=depth,
            block=block,  # output channels
            lanes=lanes,
            group=depth * lanes // 2,  # words of a group's channels
            groups=self._groups(op),
            groups_at_once=groups_at_once,
            at_once=groups_at_once * lanes,
            in_run=self.in_run,
            load=input_.name,
            dot=dot.name,
            store=output,
        )
        kind, values = ("uint32_t", self._taps(op, block)) if self.in_run else ("int16_t", self._weights(op, block))
        weights = Constant(kind, f"{site.name}_weights", values.ravel().tolist())
        helpers: list[Helper | str] = ["finish", input_, dot, output, *["winograd4_filters"] * self.in_run]
        return Kernel(tuple(helpers), (weights, requant.table(f"{site.name}_channels")), function)

    def _weights(self, op: Convolution, block: int) -> NDArray[np.int64]:
        """[block of output channels, element, input channel, output channel of the block]."""
        g = FILTERS[self.tile]
        transformed = np.einsum("ai,oijc,bj->abco", g, op.weights.astype(np.int64), g)  # [size, size, I, O]
        size, _, depth, out = transformed.shape
        padded = np.zeros((size * size, round_up(depth, 4), round_up(out, block)), np.int64)
        padded[:, :depth, :out] = transformed.reshape(size * size, depth, out)
        order = [four + i for four in range(0, round_up(depth, 4), 4) for i in CHANNEL_ORDER]
        blocks = padded[:, order].reshape(size * size, round_up(depth, 4), -1, block)
        return np.ascontiguousarray(blocks.transpose(2, 0, 1, 3))

    def _taps(self, op: Convolution, block: int) -> NDArray[np.int64]:
        """[block of output channels, two pairs of them, tap]: words as winograd4_filters.h takes them."""
        out, _, _, depth = op.weights.shape
        padded = np.zeros((round_up(out, block), 9, round_up(depth, 4)), np.int64)
        padded[:out, :, :depth] = op.weights.reshape(out, 9, depth)
        order = [four + i for four in range(0, round_up(depth, 4), 4) for i in CHANNEL_ORDER]
        blocks = padded[:, :, order].reshape(-1, block // 2, 2, 9, len(order)).transpose(0, 4, 1, 3, 2) + 128
        pairs = blocks.reshape(len(blocks), -1, 2, 9, 2)  # [block, two pairs, pair, tap, of the pair]
        return np.asarray((pairs * [[[1, 1 << 16]], [[1 << 8, 1 << 24]]]).sum(axis=(2, 4)))

    def _tiles(self, op: Convolution) -> int:
        """Tiles in a row of them, as many as have results of use."""
        return -(-op.used_columns // self.tile)

    def _lanes(self, op: Convolution) -> int:
        """Tiles side by side in the inner loop: those that leave the fewest over."""
        return min(BLOCKS, key=lambda lanes: (round_up(self._tiles(op), lanes), lanes))

    def _groups(self, op: Convolution) -> int:
        """As many times as many tiles make a row."""
        return -(-self._tiles(op) // self._lanes(op))

    def _groups_at_once(self, op: Convolution) -> int:
        """Groups of tiles between one reading of the weights and the next."""
        groups = self._groups(op)
        most = _MOST_BUFFER_IN_RUN if self.in_run else _MOST_BUFFER
        fitting = (n for n in range(1, groups + 1) if groups % n == 0 and n * self._group_bytes(op) <= most)
        return max(fitting, default=1)

    def _group_bytes(self, op: Convolution) -> int:
        return (self.tile + 2) ** 2 * self._lanes(op) * (2 * round_up(op.image[2], 4) + 4 * BLOCKS[self._lanes(op)])


def input_helper(op: Convolution, tile: int, lanes: int) -> Helper:
    """The transform of one tile's channels, which lies among `lanes` tiles."""
    load, suffix = ("LOAD_WORD", "") if op.image[2] % 4 == 0 else ("LOAD_BYTES", "_bytes")
    macros = (
        ("NAME", f"winograd{tile}x{lanes}_input{suffix}"),
        ("LANES", str(lanes)),
        ("LOAD", load),
        ("WORDS", str(int(not suffix))),
    )
    return Helper(f"winograd{tile}_input", macros)


def output_helper(op: Convolution, tile: int) -> str:
    """The transform of one tile's sums, whose results a pool may look at."""
    return f"winograd{tile}_output" + ("" if op.pool == (1, 1) else "_pooled")


def _dot_helper(op: Convolution, tile: int, lanes: int) -> Helper:
    """Sums over the channels."""
    channels = 8 if round_up(op.image[2], 4) % 8 == 0 else 4
    values = {
        "NAME": f"winograd{tile}x{lanes}_dot{channels}",
        "ELEMENTS": str((tile + 2) ** 2),
        "CHANNELS": str(channels),
        "TAPS": f"TAPS{channels}",
    }
    return Helper(f"winograd_dot{lanes}", tuple(values.items()))
