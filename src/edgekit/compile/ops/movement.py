"""What operators share that only move elements: the node, and its C, which makes the output from front to back.

The index along each of the output's axes adds so many bytes to the place in the input: a step for each turn, which may
be zero or negative, or what a table says. SLICE, TRANSPOSE, MIRROR_PAD and their like differ in nothing else. TFLM
moves bytes whatever the quantisation of input and output.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Constant, Kernel, Site, indent
from edgekit.compile.cost import Rates
from edgekit.compile.ir import Op, Tensor
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator

_MOST_TURNS = 1 << 20  # whose order is looked at to overwrite the input; more would take seconds


@dataclass(frozen=True, slots=True)
class Axis:
    """A loop of `size` turns, of which each moves on by `step` in the input, or to what `table` has for it. An
    operator reads them in elements; its node has them in bytes."""

    size: int
    step: int
    table: tuple[int, ...] = ()

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Places in the input, turn by turn."""
        return np.array(self.table, np.int64) if self.table else np.arange(self.size, dtype=np.int64) * self.step


@dataclass(frozen=True, slots=True, eq=False)
class Move(Op):
    """A copy. `start`: the byte of the input where it begins; `axes`: its loops, the outermost first."""

    start: int
    axes: tuple[Axis, ...]

    @property
    def chunk(self) -> int:
        """Bytes that follow each other in the input as in the output."""
        return self.axes[-1].size if self.axes and self.axes[-1].step == 1 else 1

    @property
    def loops(self) -> tuple[Axis, ...]:
        """Those around a chunk."""
        return self.axes[:-1] if self.chunk > 1 else self.axes


def move(reader: OpReader, x: Tensor, y: Tensor, axes: Sequence[Axis], start: int = 0) -> Move:
    """The node, with as few loops as there can be. `axes`, `start`: in elements."""
    size, first = x.element_bytes, start + sum(axis.table[0] for axis in axes if axis.table)
    in_bytes = [Axis(axis.size, axis.step * size, tuple(entry * size for entry in axis.table)) for axis in axes]
    return Move(reader.origins, (x,), y, first * size, joined([*in_bytes, Axis(size, 1)]))


def joined(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """As few loops as go the same way. A table's first entry is taken off the others."""
    found: list[Axis] = []
    for given in axes:
        axis = given
        if axis.table:
            axis = Axis(axis.size, 0, tuple(entry - axis.table[0] for entry in axis.table))
            if len(set(np.diff(axis.table).tolist())) <= 1:  # even steps
                axis = Axis(axis.size, axis.table[1] if axis.size > 1 else 0)
        if found and not axis.table and not found[-1].table and found[-1].step == axis.step * axis.size:
            found[-1] = Axis(found[-1].size * axis.size, axis.step)
        elif axis.size > 1:
            found.append(axis)
    return tuple(found)


def steps_of(shape: Sequence[int]) -> list[int]:
    """Elements from one index to the next, for each dimension."""
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def axes_of(shape: Sequence[int]) -> list[Axis]:
    """Of a copy of all."""
    return [Axis(size, step) for size, step in zip(shape, steps_of(shape), strict=True)]


def parts(reader: OpReader, x: Tensor, axis: int, sizes: Sequence[int], keep: bool = True) -> tuple[Move, ...]:
    """A copy for each part of an axis, which parts of one index only may lose (`keep` is False)."""
    axes, nodes, first = axes_of(x.shape), [], 0
    for y, size in zip(reader.results(), sizes, strict=True):
        reader.expect(y, (*x.shape[:axis], *([size] if keep else []), *x.shape[axis + 1 :]))
        part = [*axes[:axis], Axis(size, axes[axis].step), *axes[axis + 1 :]]
        nodes.append(move(reader, x, y, part, first * axes[axis].step))
        first += size
    return tuple(nodes)


def emit(op: Move, site: Site) -> Kernel:
    """Chunk by chunk."""
    tables, terms = [], [f"input[{op.start}"]
    for number, axis in enumerate(op.loops):
        if axis.table:
            name = f"{site.name}_table{number}"
            tables.append(
                Constant(
                    "uint16_t" if not min(axis.table) < 0 and max(axis.table) < 2**16 else "int32_t", name, axis.table
                )
            )
            terms.append(f"{name}[i{number}]")
        elif axis.step:
            terms.append(f"i{number} * {axis.step}")
    place, flipped = " + ".join(terms), site.input_flips[0] != site.output_flip
    if op.chunk == 1:
        body = f"*output++ = (uint8_t)({place}] ^ 0x80);" if flipped else f"*output++ = {place}];"
    elif flipped:
        turns = f"for (int32_t i = 0; i < {op.chunk}; ++i)"
        body = f"{turns} *output++ = (uint8_t)({place} + i] ^ 0x80);"
    else:
        body = f"memcpy(output, &{place}], {op.chunk});\noutput += {op.chunk};"
    opening = [f"for (int32_t i{n} = 0; i{n} < {axis.size}; ++i{n}) {{" for n, axis in enumerate(op.loops)]
    text = "\n".join([*opening, body, *(["}" * len(opening)] if opening else [])])
    function = f"static void {site.name}(const uint8_t *input, uint8_t *output) {{\n{indent(text, 2)}\n}}\n"
    return Kernel((), tuple(tables), function)


def inplace_offset(op: Move, _: Tensor) -> int | None:
    """Where every chunk lies in front of all that is still to be read."""
    read = offsets_of(op.loops)
    if read is None:
        return None
    first_needed = np.minimum.accumulate(read[::-1])[::-1] + op.start
    written = (np.arange(len(read), dtype=np.int64) + 1) * op.chunk
    return int((written - first_needed).max())


def offsets_of(axes: Sequence[Axis]) -> NDArray[np.int64] | None:
    """Where in the input each turn of all loops reads; None where there are too many."""
    if math.prod(axis.size for axis in axes) > _MOST_TURNS:
        return None
    read = np.zeros(1, np.int64)
    for axis in axes:
        read = (read[:, None] + axis.offsets).ravel()
    return read


def movement_operator(
    code: str,
    resolver_method: str,
    lower: Callable[[OpReader], Move | tuple[Move, ...]],
    options_kind: str = "",
    *,
    takes_16x8: bool = True,
) -> Operator[Move]:
    """The entry of an operator that moves elements. `takes_16x8`: TFLM has it for INT16, too."""
    return Operator(
        code,
        resolver_method,
        Move,
        lower,
        emit,
        options_kind,
        c_prefix=lambda op: op.origins[0].code.lower(),
        describe=lambda _: "copy",
        rates=lambda _: Rates(output=12),
        view_offset=lambda op: op.start if op.chunk == op.output.size_bytes else None,
        inplace_offset=inplace_offset,
        takes_16x8=takes_16x8,
    )
