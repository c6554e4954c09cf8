"""What element-wise operators of two operands share: how these are read, broadcast, and walked in C."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from edgekit.compile.codegen import Constant, Kernel, Site, indent, parameter
from edgekit.compile.ir import Op, Tensor
from edgekit.compile.op_reader import OpReader, Values
from edgekit.compile.operator import Numbers, Operator, elementwise_operator
from edgekit.values.model import Quantization


@dataclass(frozen=True, slots=True, eq=False)
class Operands:
    """Two activations, or an activation and a constant.

    Attributes:
        shapes: of both and of the result, all of the same length.
    """

    values: tuple[Tensor | Values, Tensor | Values]
    quantizations: tuple[Quantization, Quantization]
    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]

    @property
    def activations(self) -> tuple[Tensor, ...]:
        """Those that are computed."""
        return tuple(value for value in self.values if isinstance(value, Tensor))


@dataclass(frozen=True, slots=True, eq=False)
class Binary(Op):
    """An element-wise operator of two operands."""

    operands: Operands


AnyBinary = TypeVar("AnyBinary", bound=Binary)


def read_operands(reader: OpReader, verb: str) -> Operands:
    """Both operands, which must broadcast to the shape of the output. `verb`: what is done with them, for messages."""
    if len(reader.op.inputs) != 2 or (reader.is_constant(0) and reader.is_constant(1)):
        raise reader.error(f"it does not {verb} two things of which one is computed")
    (a, x1), (b, x2) = read_operand(reader, 0), read_operand(reader, 1)
    rank = max(len(x1.shape), len(x2.shape))
    first, second = ((1,) * (rank - len(x.shape)) + x.shape for x in (x1, x2))
    if (rank > 4 and first != second) or any(m != n and 1 not in (m, n) for m, n in zip(first, second, strict=True)):
        raise reader.error(f"it cannot {verb} shapes {list(x1.shape)} and {list(x2.shape)}")
    total = tuple(max(m, n) for m, n in zip(first, second, strict=True))
    reader.expect(reader.result(), total)
    return Operands((a, b), (x1.quantization, x2.quantization), (first, second, total))


def read_operand(reader: OpReader, position: int) -> tuple[Tensor | Values, Tensor]:
    """An operand, and its shape and quantisation as those of a tensor."""
    if not reader.is_constant(position):
        tensor = reader.operand(position)
        return tensor, tensor
    tensor, values = reader.constant_operand(position)
    return values, tensor


def emit_binary(op: Binary, site: Site, body: str, elements: int = 0) -> Kernel:
    """The walk over all elements, or over the first `elements` of operands of one shape.

    Args:
        body: C that makes of `a` and `b`, elements as memory has them, the next element of the output.
    """
    constants: list[Constant] = []
    written, line = parameter(op.output, "output", written=True)
    parameters, lines, names = [], [line], []
    for position, operand in enumerate(op.operands.values):
        if isinstance(operand, Tensor):
            names.append(f"input{position}")
            read, line = parameter(operand, names[-1])
            parameters.append(read)
            lines.append(line)
        else:
            names.append(f"{site.name}_constant")
            offset = op.output.offset
            constants.append(
                Constant(
                    "uint8_t" if offset else "int16_t", names[-1], (operand.astype(np.int32) + offset).ravel().tolist()
                )
            )
    indices, opening = _loops(op.operands, elements)
    flips = iter(range(len(op.inputs)))
    cells = [f"{name}[{index}]" for name, index in zip(names, indices, strict=True)]
    a, b = (
        site.read(cell, next(flips)) if isinstance(operand, Tensor) else cell
        for cell, operand in zip(cells, op.operands.values, strict=True)
    )
    function = f"""static void {site.name}({", ".join([*parameters, written])}) {{
{indent("".join(lines) + opening, 2)}
    const int32_t a = {a}, b = {b};
{indent(body, 4)}
  {"}" * opening.count("{")}
}}
"""
    return Kernel((), tuple(constants), function)


def _loops(operands: Operands, elements: int) -> tuple[tuple[str, str], str]:
    """C indices of both operands, and the loops around them."""
    first, second, total = operands.shapes
    if first == second:
        return ("i", "i"), f"for (int32_t i = 0; i < {elements or math.prod(total)}; ++i) {{"
    loops = [f"for (int32_t i{axis} = 0; i{axis} < {size}; ++i{axis}) {{" for axis, size in enumerate(total)]

    def index(shape: tuple[int, ...]) -> str:
        terms = [f"i{axis} * {math.prod(shape[axis + 1 :])}" for axis, size in enumerate(shape) if size > 1]
        return " + ".join(terms) or "0"

    return (index(first), index(second)), "\n".join(loops)


def binary_operator(
    code: str,
    resolver_method: str,
    options_kind: str,
    node: type[AnyBinary],
    lower: Callable[[OpReader], AnyBinary],
    emit: Callable[[AnyBinary, Site, int], Kernel],
    cycles: float = 30.0,
    *,
    takes_16x8: bool = True,
    evaluate: Callable[[AnyBinary, Sequence[Numbers]], Numbers] | None = None,
) -> Operator[AnyBinary]:
    """The entry of an operator whose `emit` takes the number of elements, 0 for all.

    It streams two activations; a constant's rows are not told apart. `cycles`: of one element.
    """
    return elementwise_operator(
        code,
        resolver_method,
        node,
        lower,
        emit,
        options_kind,
        streams=lambda op: len(op.inputs) == 2,
        cycles=cycles,
        takes_16x8=takes_16x8,
        evaluate=evaluate,
    )
