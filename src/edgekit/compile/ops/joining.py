"""What CONCATENATION and PACK share: activations and constants side by side along an axis.

Where nothing lies before that axis, every activation is one piece of the output and may be made there.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgekit.compile.codegen import Constant, Kernel, Site, indent
from edgekit.compile.ir import Op, Tensor
from edgekit.compile.op_reader import OpReader, Values


@dataclass(frozen=True, slots=True, eq=False)
class Join(Op):
    """Operands side by side: of each in turn `chunks` bytes, `turns` times.

    Attributes:
        parts: activations, and the values of constants.
    """

    turns: int
    chunks: tuple[int, ...]
    parts: tuple[Tensor | Values, ...]


def read_join(reader: OpReader, y: Tensor, axis: int, operands: Sequence[Tensor | Values]) -> Join:
    """The node, given operands that agree in all dimensions but that axis of the output."""
    turns = math.prod(y.shape[:axis])
    inputs = tuple(operand for operand in operands if isinstance(operand, Tensor))
    if not inputs:
        raise reader.error("none of its operands is computed")
    chunks = tuple(math.prod(operand.shape) // turns * y.element_bytes for operand in operands)
    return Join(reader.origins, inputs, y, turns, chunks, tuple(operands))


def operand(reader: OpReader, position: int) -> Tensor | Values:
    """An activation, or a constant."""
    if reader.is_constant(position):
        return reader.constant_operand(position)[1]
    return reader.operand(position)


def emit(op: Join, site: Site) -> Kernel:
    """Chunk by chunk; of what lies in its place nothing is copied."""
    constants: list[Constant] = []
    parameters, lines, number = [], [], 0
    for part, chunk in zip(op.parts, op.chunks, strict=True):
        if not isinstance(part, Tensor):
            name = f"{site.name}_constant{len(constants)}"
            ordered = part.astype(part.dtype.newbyteorder("<"))  # as the ESP32 has them
            bytes_ = np.frombuffer(ordered.tobytes(), np.uint8) ^ np.uint8(site.output_flip ^ op.output.offset)
            constants.append(Constant("uint8_t", name, bytes_.tolist()))
            lines.append(f"memcpy(output, {name}{f' + i * {chunk}' if op.turns > 1 else ''}, {chunk});")
        else:
            name = f"input{number}"
            parameters.append(f"const uint8_t *{name}")
            place = f"{name} + i * {chunk}" if op.turns > 1 else name
            if site.in_place and site.in_place[number]:
                lines.append(f"(void){name};")
            elif site.input_flips[number] == site.output_flip:
                lines.append(f"memcpy(output, {place}, {chunk});")
            else:
                lines.append(f"for (int32_t j = 0; j < {chunk}; ++j) output[j] = (uint8_t)(({place})[j] ^ 0x80);")
            number += 1
        lines.append(f"output += {chunk};")
    if all(site.in_place) and len(site.in_place) == len(op.parts):
        return Kernel((), (), "")
    text = "\n".join(lines[:-1] if op.turns == 1 else lines)
    if op.turns > 1:
        text = f"for (int32_t i = 0; i < {op.turns}; ++i) {{\n{indent(text, 2)}\n}}"
    function = f"static void {site.name}({', '.join(parameters)}, uint8_t *output) {{\n{indent(text, 2)}\n}}\n"
    return Kernel((), tuple(constants), function)


def inplace_offset(op: Join, tensor: Tensor) -> int:
    """Where the last of its chunks has been written before it would be overwritten."""
    row, before, needed = sum(op.chunks), 0, 0
    for part, chunk in zip(op.parts, op.chunks, strict=True):
        if isinstance(part, Tensor) and part.index == tensor.index:
            needed = max(needed, (op.turns - 1) * (row - chunk) + before + chunk)
        before += chunk
    return needed


def part_offsets(op: Join) -> tuple[int, ...] | None:
    """Of each activation in the output, where it is one piece of it."""
    if op.turns > 1:
        return None
    ends = np.cumsum(op.chunks) - op.chunks
    return tuple(int(end) for end, part in zip(ends, op.parts, strict=True) if isinstance(part, Tensor))
