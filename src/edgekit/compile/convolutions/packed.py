"""Dense convolutions with three products in two multiplications, twelve at once: four positions by three channels or
two by six.

A sum of a channel lies within 21 bits, plus or minus; a product of 32 bits has room for more. So three channels share
two sums,

    S = A + 2^21 C,     T = B + 2^11 C     (modulo 2^32)

whose weights, a + 2^21 c and b + 2^11 c, are put together in RAM from bytes in flash, once for a whole step: S gives A
and the lower 11 bits of C, with which T gives B and the others. The window is worked through in sections, small enough
that |A| and |C| stay below 2^20, |B| below 2^21, and that a section's weights find room.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from edgekit.compile.codegen import Constant, Helper, Kernel, Site, largest_divisor, rendered, round_up
from edgekit.compile.convolutions.fast_requant import FINISHING_BYTES, FastRequant, of_byte_sums
from edgekit.compile.convolutions.one_channel import OneChannel
from edgekit.compile.convolutions.protocol import CHANNEL_BYTES, Convolution, window_of
from edgekit.compile.convolutions.window import Window
from edgekit.compile.cost import Cost
from edgekit.compile.options import CompileOptions

_TRIPLE = 3
_BITS = (20, 21, 20)  # of a sum of a triple's channels, without its sign
_AT_ONCE = 12  # sums in 8 registers
_CODE_BYTES = 600  # of machine code, of which layers of the same shape share the most
_UNROLL = 8  # taps written out
_MOST_TAPS = {"size": 72, "speed": 256}  # of a section: 8 bytes of RAM each for three channels
_MOST_POSITIONS = {"size": 24, "speed": 40}  # of a step that makes several rows
_MOST_MORE_BYTES = {"size": 2048, "speed": 8192}  # that these may take beyond a single one


@dataclass(frozen=True, slots=True)
class _Section:
    """What is worked through at once: `lines` of the window's lines, `length` bytes of each.

    Attributes:
        starts: (line, byte) where each section begins.
    """

    lines: int
    length: int
    starts: tuple[tuple[int, int], ...]

    @property
    def taps(self) -> int:
        return self.lines * self.length


@dataclass(frozen=True, slots=True)
class Packed:
    """`rows` rows of results, or one row behind a pool, `channels` at a time, with RAM for `most_taps` of three."""

    c_prefix: ClassVar[str] = "packed"
    rows: int = 1
    channels: int = 3
    most_taps: int = _MOST_TAPS["size"]

    @property
    def positions(self) -> int:
        """Side by side, worked out at once."""
        return _AT_ONCE // self.channels

    def fits(self, op: Convolution) -> bool:
        """Dense, windows without gaps in their lines, positions side by side."""
        dense = op.groups == 1 and (op.dilation[1] == 1 or op.weights.shape[2] == 1)
        return dense and _columns(op, op.pooled[0] % self.rows or self.rows) >= self.positions

    @classmethod
    def candidates(cls, op: Convolution, options: CompileOptions) -> Sequence[Self]:
        """A row a step, or as many as find room, to make use of the weights."""
        if OneChannel.fits(op):  # which multiplies less, and needs no memory
            return []
        most_taps, most = _MOST_TAPS[options.optimize], _MOST_POSITIONS[options.optimize]
        most_bytes = _MOST_MORE_BYTES[options.optimize]
        kernels = [cls(rows, channels, most_taps) for channels in (3, 6) for rows in range(1, op.pooled[0] + 1)]
        if options.optimize == "size":  # six channels' sums of a wide row take memory and save little
            kernels = [one for one in kernels if one.channels == _TRIPLE or one.rows * op.used_columns <= most]
        return [
            one
            for one in kernels
            if one.fits(op)
            and (
                one.rows == 1
                or (op.pool == (1, 1) and one.rows * op.result[1] <= most and one._more_bytes(op) <= most_bytes)
            )
        ]

    def _more_bytes(self, op: Convolution) -> int:
        """Of memory that a step takes beyond that of a single row."""
        here, single = self.geometry(op), replace(self, rows=1).geometry(op)
        return here.size + here.extra_bytes - single.size - single.extra_bytes

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """Fitted to counts of the emulated lx106."""
        section, window = self._section(op), self.geometry(op)
        blocks, taps, sections = -(-op.result[2] // self.channels), op.weights[0].size, len(section.starts)
        if _flat(op):
            whole, rest = divmod(op.result[0], self.rows)
            groups = whole * -(-_columns(op, self.rows) // self.positions)
            groups += -(-_columns(op, rest) // self.positions) if rest else 0
        else:
            groups = op.pooled[0] * op.pool[0] * -(-op.used_columns // self.positions)
        far = sum(n * op.stride[1] * op.image[2] + _UNROLL > 256 for n in range(self.positions))  # loads out of reach
        a_group = (31.0 + 3 * far) * taps + sections * (105 + 12 * section.lines)
        a_step = 13 * taps * self.channels / _TRIPLE + 60 * sections + 85 * self.channels
        pooled = 8 * op.pooled[0] * op.pool[0] * op.used_columns * op.result[2] if op.pool != (1, 1) else 0
        cycles = blocks * (groups * a_group + window.steps * a_step) + pooled + 21 * op.output.size
        constants = round_up(op.result[2], _TRIPLE) * taps + CHANNEL_BYTES * op.result[2] + FINISHING_BYTES
        return Cost(cycles, constants, window.steps, _CODE_BYTES)

    def describe(self, op: Convolution) -> str:
        return f"packed, {self.positions} x {self.channels}"

    def geometry(self, op: Convolution) -> Window:
        """The window of a step; besides, a section's weights, two words a tap, and the sums of a block of channels."""
        rows = self.rows * op.pool[0]
        words = self._words(op) + self.channels * self._channel_sums(op) + 1
        return window_of(op, self.rows, rows, op.used_columns, extra_bytes=4 * words)

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """One block of channels after the other; the loops are helpers, which layers of the same shape share."""
        section, window = self._section(op), self.geometry(op)
        requant, pooled = self._requant(op), op.pool != (1, 1)
        lines, columns = (1, _columns(op, self.rows)) if _flat(op) else (self.rows * op.pool[0], op.used_columns)
        dot = self._dot(op, section, window.row)
        height, width = op.pool
        sizes = (("NAME", f"pool_sums_{height}x{width}"), ("HEIGHT", str(height)), ("WIDTH", str(width)))
        pool = Helper("pool_sums", sizes)
        rest = columns % self.positions if len(section.starts) > 1 else 0
        words_a_tap = 2 * self.channels // _TRIPLE
        widen = Helper("packed_widen", (("NAME", f"packed_widen{words_a_tap}"), ("WORDS", str(words_a_tap))))
        helpers: list[Helper | str] = [widen, dot, "finish_row"]
        helpers += [pool] if pooled else []
        helpers += ["close_sums"] if rest else []
        function = rendered(
            "packed.c.jinja",
            op=op,
            site=site,
            name=site.name,
            out=op.result[2],
            channels=self.channels,
            positions=self.positions,
            words=self._words(op),
            widen=widen.name,
            dot=dot.name,
            pool=pool.name if pooled else "",
            flat=_flat(op),
            made=self.rows,
            section=section,
            row=window.row,
            pitch=op.dilation[0] * window.row,
            lines="made" if lines > 1 and self.rows > 1 else lines,
            columns=columns,
            rest=rest,
            count=self._channel_sums(op),
            position=op.stride[1] * op.image[2],
        )
        weights = Constant("uint8_t", f"{site.name}_weights", self._weights(op, section))
        tables = (requant.table(f"{site.name}_channels"), requant.shared(f"{site.name}_finishing", site.output_flip))
        return Kernel(tuple(helpers), (weights, *tables), function)

    def _section(self, op: Convolution) -> _Section:
        """The largest whose sums and weights find room."""
        out = len(op.weights)
        lines = op.weights.reshape(out, op.weights.shape[1], -1).astype(np.int64)
        limits = 2 ** np.resize(np.array(_BITS, np.int64), out) - 1

        def fits(section: _Section) -> bool:
            parts = [lines[:, y : y + section.lines, x : x + section.length] for y, x in section.starts]
            return section.taps * self.channels <= self.most_taps * _TRIPLE and all(
                bool((255 * part.clip(low, high).sum(axis=(1, 2)) * sign <= limits).all())
                for part in parts
                for low, high, sign in ((0, 128, 1), (-128, 0, -1))
            )

        return next(section for section in _sections(op) if fits(section))

    def _words(self, op: Convolution) -> int:
        """Of a section's weights; those of one tap more are read."""
        return 2 * (self._section(op).taps + 1) * self.channels // _TRIPLE

    def _channel_sums(self, op: Convolution) -> int:
        """Of a step; what is computed twice at a row's end is counted twice between sections."""
        if _flat(op):
            return round_up(_columns(op, self.rows), self.positions)
        return self.rows * op.pool[0] * round_up(op.used_columns, self.positions)

    def _requant(self, op: Convolution) -> FastRequant:
        """Of sums that lie too high by what keeps their parts positive, once a section."""
        plain = of_byte_sums(op)
        most = plain.bias + 255 * op.weights.reshape(len(op.weights), -1).clip(0).sum(axis=1, dtype=np.int64)
        higher = len(self._section(op).starts) * 2 ** np.resize(np.array(_BITS, np.int64), len(op.weights))
        bias = (plain.bias - higher + 2**31) % 2**32 - 2**31
        return replace(plain.for_rows(most), bias=bias)

    def _weights(self, op: Convolution, section: _Section) -> list[int]:
        """[block of channels, section, triple of the block, tap, channel of the triple], w + 128."""
        out = round_up(len(op.weights), _TRIPLE)
        lines = np.zeros((out, op.weights.shape[1], op.weights[0, 0].size), np.int64)
        lines[: len(op.weights)] = op.weights.reshape(len(op.weights), op.weights.shape[1], -1)
        parts = [lines[:, y : y + section.lines, x : x + section.length].reshape(out, -1) for y, x in section.starts]
        triples = np.stack(parts, axis=1).reshape(-1, _TRIPLE, len(parts), section.taps) + 128
        at_once = self.channels // _TRIPLE
        blocks = [triples[i : i + at_once].transpose(2, 0, 3, 1).ravel() for i in range(0, len(triples), at_once)]
        return [int(weight) for block in blocks for weight in block]

    def _dot(self, op: Convolution, section: _Section, row: int) -> Helper:
        """The sums of neighbouring positions over a section."""
        pitch = op.dilation[0] * row if section.lines > 1 else section.length
        at_once = largest_divisor(section.length, _UNROLL)
        step, keep = op.stride[1] * op.image[2], "=" if len(section.starts) == 1 else "+="
        start = "sum" if keep == "=" else "add"
        values = {
            "NAME": f"packed_{start}{self.positions}_{step}_{section.lines}x{section.length}_{pitch}",
            "STEP": str(step),
            "LINES": str(section.lines),
            "LENGTH": str(section.length),
            "PITCH": str(pitch),
            "AT_ONCE": str(at_once),
            "TURN": " ".join(f"TAP({n})" for n in range(at_once)),
            "KEEP": keep,
        }
        return Helper(f"packed_dot{self.positions}", tuple(values.items()))


def _flat(op: Convolution) -> bool:
    """All positions lie one behind the other, those of several rows too."""
    bare = op.weights.shape[1:3] == op.stride == op.pool == (1, 1) and op.pad == (0, 0)
    return bare and op.result[1] == op.image[1]


def _columns(op: Convolution, rows: int) -> int:
    """Positions side by side, of which fours are made."""
    return rows * op.result[1] if _flat(op) else op.used_columns


def _sections(op: Convolution) -> Iterator[_Section]:
    """Ways to divide a window, the largest sections first."""
    _, height, width, depth = op.weights.shape
    length = width * depth
    for lines in (n for n in range(height, 0, -1) if height % n == 0):
        yield _Section(lines, length, tuple((y, 0) for y in range(0, height, lines)))
    for part in (n for n in range(length - 1, 0, -1) if length % n == 0):
        yield _Section(1, part, tuple((y, x) for y in range(height) for x in range(0, length, part)))
