"""Depthwise convolutions: a row of one channel after the other, up to six neighbouring positions at once.

A channel's weights are widened into RAM, where each is read once for all of these positions; so is each byte of the
image. u and z as in direct.py; the weights keep their sign.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from edgekit.compile.codegen import Constant, Helper, Kernel, Site, rendered
from edgekit.compile.convolutions.fast_requant import FINISHING_BYTES, of_byte_sums
from edgekit.compile.convolutions.protocol import CHANNEL_BYTES, Convolution, window_of
from edgekit.compile.convolutions.window import Window
from edgekit.compile.cost import Cost
from edgekit.compile.options import CompileOptions

_MOST_AT_ONCE, _MOST_WEIGHTS = 6, 3  # positions and weights that registers hold
_MOST_POSITIONS = {"size": 12, "speed": 36}  # of a step that makes several rows, which take memory
_MOST_WIDTH = 8  # of its rows: wider ones make enough use of the weights by themselves
_MOST_WINDOW = 6144  # bytes that such a step sees


@dataclass(frozen=True, slots=True)
class Depthwise:
    """`rows` rows of results, channel by channel; `lines` lines of weights are written out."""

    c_prefix: ClassVar[str] = "convolution"
    rows: int = 1
    lines: int = 1

    @staticmethod
    def fits(op: Convolution) -> bool:
        """One output channel for every input channel, and no pool behind."""
        return op.groups == op.image[2] == op.result[2] and op.groups > 1 and op.pool == (1, 1)

    @classmethod
    def candidates(cls, op: Convolution, options: CompileOptions) -> Sequence[Self]:
        """A row a step, or as many as make use of a channel's weights."""
        if not cls.fits(op):
            return []
        lines = op.weights.shape[1] if options.optimize == "speed" and op.weights[0].size <= 9 else 1
        most = min(_MOST_POSITIONS[options.optimize] // op.result[1], op.result[0])
        several = (cls(rows, lines) for rows in range(2, most + 1) if op.result[1] <= _MOST_WIDTH)
        return [cls(1, lines), *(one for one in several if one.geometry(op).size <= _MOST_WINDOW)]

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """Fitted to counts of the emulated lx106."""
        height, width = op.weights.shape[1:3]
        at_once, steps = _at_once(op), self.geometry(op).steps
        loads = [int(text.split()[-1][:-1]) for text in _turn(op) if text.startswith("AHEAD")]
        far = sum(offset > 255 for offset in loads)  # out of a load's reach
        a_line = 3.0 * at_once * width + len(loads) + width + 2 * far + (11 if self.lines == 1 else 4)
        blocks = op.result[0] * -(-op.result[1] // at_once)
        a_block = height * a_line + 3 * at_once + 14
        a_step = 90 + 4.2 * height * width
        cycles = op.result[2] * (blocks * a_block + 35 * op.result[0] + a_step * steps) + 21 * op.output.size
        constants = op.weights.size + CHANNEL_BYTES * op.result[2] + FINISHING_BYTES
        return Cost(cycles, constants, steps)

    def describe(self, op: Convolution) -> str:
        return f"depthwise, {_at_once(op)} at once"

    def geometry(self, op: Convolution) -> Window:
        """The window of a step; besides, a channel's weights and its sums, of which one more is read."""
        words = op.weights[0].size + self.rows * op.result[1] + 1
        return window_of(op, self.rows, self.rows, op.result[1], extra_bytes=4 * words)

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """The loop over a row is a helper, which layers of the same shape share."""
        plain = of_byte_sums(op)
        most = plain.bias + 255 * op.weights.reshape(len(op.weights), -1).clip(0).sum(axis=1, dtype=np.int64)
        requant, row = plain.for_rows(most), self.geometry(op).row
        dot = _dot(op, row, self.lines)
        function = rendered(
            "depthwise.c.jinja",
            op=op,
            site=site,
            name=site.name,
            row=row,
            made=self.rows,
            dot=dot.name,
            at_once=_at_once(op),
            taps=op.weights[0].size,
            width=op.result[1],
            channels=op.result[2],
        )
        weights = Constant("uint8_t", f"{site.name}_weights", (op.weights.ravel().astype(np.int64) + 128).tolist())
        tables = (requant.table(f"{site.name}_channels"), requant.shared(f"{site.name}_finishing", site.output_flip))
        return Kernel((dot, "finish_row"), (weights, *tables), function)


def _at_once(op: Convolution) -> int:
    """Positions side by side: those that leave the fewest over."""
    width = op.result[1]
    most = min(_MOST_AT_ONCE, width)
    return min(range(1, most + 1), key=lambda n: -(-width // n) * (6 * n + 16))


def _turn(op: Convolution, line: int = 0, pitch: int = 0) -> Iterator[str]:
    """The macros of c/depthwise_dot.h for one of the lines of weights that are written out, a few weights a time."""
    width, stride, dilation, channels = op.weights.shape[2], op.stride[1], op.dilation[1], op.image[2]
    if line:
        yield f"v += {pitch}; EDGEKIT_NOW(v)"
    for first in range(0, width, _MOST_WEIGHTS):
        taps = range(first, min(first + _MOST_WEIGHTS, width))
        columns: dict[int, list[tuple[int, int]]] = {}
        for position in range(_at_once(op)):
            for tap in taps:
                columns.setdefault(position * stride + tap * dilation, []).append((position, tap - first))
        yield from (f"WEIGHT(w{tap - first}, {line * width + tap})" for tap in taps)
        order = sorted(columns)
        now, then = "x", "t"
        yield f"AHEAD({now}, {order[0] * channels})"
        for column, following in zip(order, [*order[1:], None], strict=True):
            *uses, (position, tap) = columns[column]
            yield from (f"USE(s{p}, {now}, w{k}, {then})" for p, k in uses)
            if following is not None:
                yield f"AHEAD({then}, {following * channels})"
            yield f"LAST(s{position}, {now}, w{tap})"
            now, then = then, now


def _dot(op: Convolution, row: int, lines_at_once: int) -> Helper:
    """The sums of a row."""
    _, height, width, _ = op.weights.shape
    count, step = _at_once(op), op.stride[1] * op.image[2]
    at_once = lines_at_once if height % lines_at_once == 0 else 1
    column, pitch = op.dilation[1] * op.image[2], op.dilation[0] * row
    turn = [text for line in range(at_once) for text in _turn(op, line, pitch)]
    names = [name for name in ("x", "t", "w0", "w1", "w2") if any(re.search(rf"\b{name}\b", text) for text in turn)]
    values = {
        "NAME": f"depthwise_{count}_{height // at_once}x{at_once}x{width}_{step}_{column}_{pitch}",
        "COUNT": str(count),
        "STEP": str(step),
        "TAPS": str(height * width),
        "WIDTH": str(at_once * width),
        "PITCH": str(pitch),
        "SUMS": "\n    ".join(f"register uint32_t s{p} EDGEKIT_IN(a{8 + p}) = 0;" for p in range(count)),
        "TURN": "\n      ".join(turn),
        "VALUES": ", ".join(names),
        "STORE": "\n    ".join(f"sums[{p}] = s{p};" for p in range(count)),
    }
    return Helper("depthwise_dot", tuple(values.items()))
