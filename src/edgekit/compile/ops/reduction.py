"""What MEAN, SUM, REDUCE_MAX and REDUCE_MIN share: the node, how it is read, and its C."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgekit.compile.codegen import Kernel, Site, indent, parameter, saturated, saturation
from edgekit.compile.cost import Rates
from edgekit.compile.ir import Op, Requantization, Tensor
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator
from edgekit.compile.ops.movement import Axis, axes_of, joined, offsets_of


@dataclass(frozen=True, slots=True, eq=False)
class Reduction(Op):
    """All elements along some axes become one.

    Attributes:
        kept, reduced: loops over the input, the outermost first.
        requantization: of a sum; None where the greatest or least byte is taken.
        takes: how C compares an element with the best so far to take it, where there is no sum.
    """

    kept: tuple[Axis, ...]
    reduced: tuple[Axis, ...]
    requantization: Requantization | None
    takes: str = ""


def read_axes(reader: OpReader) -> tuple[Tensor, Tensor, tuple[Axis, ...], tuple[Axis, ...]]:
    """Input, output, the loops over the axes that are kept and those over the others."""
    x, y = reader.operand(0), reader.result()
    rank = len(x.shape)
    named = {reader.axis(axis, rank) for axis in reader.numbers(1)}
    if not named:
        raise reader.error("it names no axis")
    reader.expect(
        y,
        tuple(size for axis, size in enumerate(x.shape) if axis not in named),
        tuple(1 if axis in named else size for axis, size in enumerate(x.shape)),
    )
    axes = axes_of(x.shape)
    kept, reduced = ([axis for i, axis in enumerate(axes) if (i in named) is chosen] for chosen in (False, True))
    return x, y, joined(kept), joined(reduced)


def reduction_operator(
    code: str, resolver_method: str, lower: Callable[[OpReader], Reduction], *, takes_16x8: bool = False
) -> Operator[Reduction]:
    """The entry of one of them."""
    return Operator(
        code,
        resolver_method,
        Reduction,
        lower,
        emit,
        options_kind="ReducerOptions",
        c_prefix=lambda op: op.origins[0].code.lower(),
        rates=lambda _: Rates(output=75, input=9),
        inplace_offset=inplace_offset,
        takes_16x8=takes_16x8,
    )


def extremum(takes: str) -> Callable[[OpReader], Reduction]:
    """Reads the greatest or least element; TFLM wants one quantisation."""

    def lower(reader: OpReader) -> Reduction:
        x, y, kept, reduced = read_axes(reader)
        if x.quantization != y.quantization:
            raise reader.error("its input and output differ in scale or zero point")
        return Reduction(reader.origins, (x,), y, kept, reduced, None, takes)

    return lower


def emit(op: Reduction, site: Site) -> Kernel:
    """Output after output, each in loops over all that becomes one."""
    outer = [f"for (int32_t i{n} = 0; i{n} < {axis.size}; ++i{n}) {{" for n, axis in enumerate(op.kept)]
    inner = [f"for (int32_t j{n} = 0; j{n} < {axis.size}; ++j{n})" for n, axis in enumerate(op.reduced)]
    loops = (("i", op.kept), ("j", op.reduced))
    terms = [
        f"{name}{n} * {axis.step}" if axis.step > 1 else f"{name}{n}"
        for name, axes in loops
        for n, axis in enumerate(axes)
    ]
    value = site.read(f"input[{' + '.join(terms) or '0'}]")
    scaling = op.requantization
    if scaling is not None:
        count = op.input.size // op.output.size
        start = f"int32_t sum = -{count * (op.input.quantization.zero_point + op.input.offset)};"
        step = f"sum += {value};"
        scaled = f"requantize(sum, {scaling.multipliers[0]}, {scaling.shifts[0]})"
        end = site.write("*output++", saturated(op.output, scaled, scaling))
    else:
        start = f"uint8_t best = {0 if op.takes == '>' else 255};"
        step = f"if ({value} {op.takes} best) best = (uint8_t){value};"
        end = site.write("*output++", "best")
    body = "\n".join([start, *(indent(line, 2 * depth) for depth, line in enumerate([*inner, step])), end])
    text = "\n".join([*outer, indent(body, 2), "}" * len(outer)]) if outer else body
    read, written = parameter(op.input, "input"), parameter(op.output, "output", written=True)
    text = read[1] + written[1] + text
    function = f"static void {site.name}({read[0]}, {written[0]}) {{\n{indent(text, 2)}\n}}\n"
    return Kernel(("requantize", saturation(op.output)) if scaling else (), (), function)


def inplace_offset(op: Reduction, _: Tensor) -> int | None:
    """Where every output lies in front of what the next ones read; of a step never backwards, the first is enough."""
    first = offsets_of(op.kept)
    if first is None:
        return None
    return max(0, int((np.arange(1, len(first), dtype=np.int64) - first[1:]).max(initial=0))) * op.input.element_bytes
