"""What MAX_POOL_2D and AVERAGE_POOL_2D share: the node, how it is read, and the walk of a window over the image."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from edgekit.compile.codegen import Kernel, Site, parameter, rendered
from edgekit.compile.cost import Rates
from edgekit.compile.ir import RANGES, Op, Tensor
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator
from edgekit.compile.row_streaming import RowSchedule, StreamedOperator


@dataclass(frozen=True, slots=True, eq=False)
class Pool(Op):
    """A pool whose window is cut to the image.

    Attributes:
        image, result: (height, width, channels) of input and output.
        pad: rows above and columns left of the image.
        low, high: what the fused activation lets through.
    """

    image: tuple[int, int, int]
    result: tuple[int, int, int]
    window: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    low: int
    high: int


AnyPool = TypeVar("AnyPool", bound=Pool)


def read_pool(reader: OpReader, node: type[AnyPool]) -> AnyPool:
    """A pool of either kind; its input and output must have one quantisation."""
    x, y = reader.operand(0), reader.result()
    height, width, channels = image = reader.image(x)
    stride = reader.sizes("StrideH", "StrideW")
    window = reader.sizes("FilterHeight", "FilterWidth")
    rows, top = reader.window(height, window[0], stride[0])
    columns, left = reader.window(width, window[1], stride[1])
    result = (rows, columns, channels)
    reader.expect(y, (1, *result))
    a, b = x.quantization, y.quantization
    if abs(float(np.float32(a.scale) - np.float32(b.scale))) > 1e-6 or a.zero_point != b.zero_point:
        raise reader.error("input and output must have the same quantisation")
    reader.check_sum((RANGES[x.type][1] + 2) * min(window[0] * window[1], height * width), 0)
    low, high = reader.activation_range(y)
    return node(reader.origins, (x,), y, image, result, window, stride, (top, left), low, high)


@dataclass(frozen=True, slots=True)
class Window:
    """C of the work on a window, whose rows go from `top` to `bottom` and columns from `left` to `right`.

    Attributes:
        start: begins it.
        step: takes the value of the image, `VALUE`, as memory has it.
        end: leaves what memory gets in `result`.
    """

    start: str
    step: str
    end: str = ""


def _row(op: Pool, site: Site, window: Window, image_row: int) -> str:
    """The function that makes a row, given the image from row `first` on, whose rows are so many elements apart."""
    ends = {"read": parameter(op.input, "input"), "written": parameter(op.output, "output", written=True)}
    return rendered("pool.c.jinja", op=op, site=site, window=window, image_row=image_row, **ends)


def _rates(op: Pool) -> Rates:
    """For each output, what lies under its window on the average: a border cuts it."""
    height, width = (
        sum(min(size, i * step - before + window) - max(0, i * step - before) for i in range(results)) / results
        for size, step, before, window, results in zip(op.image, op.stride, op.pad, op.window, op.result, strict=False)
    )
    return Rates(output=35 + height * (8 + 8.5 * width))


def pool_operator(
    code: str, resolver_method: str, node: type[AnyPool], window: Callable[[AnyPool], Window]
) -> Operator[AnyPool]:
    """The entry of a pool."""

    def emit(op: AnyPool, site: Site) -> Kernel:
        row = op.output.size_bytes // op.result[0]
        walk = f"""static void {site.name}(const uint8_t *input, uint8_t *output) {{
  for (int32_t y = 0; y < {op.result[0]}; ++y) {site.name}_row(input, output + y * {row}, y, 0);
}}
"""
        return Kernel((), (), f"{_row(op, site, window(op), op.image[1] * op.image[2])}\n{walk}")

    def emit_step(op: AnyPool, streamed: StreamedOperator, y: str) -> tuple[Kernel, str]:
        (image,) = streamed.inputs
        arguments = f"{image.at(image.first)}, {streamed.output.at(y)}, {y}, {image.first}"
        row = _row(op, streamed.site, window(op), image.layout.row)
        return Kernel((), (), row), f"{streamed.site.name}_row({arguments});"

    def row_schedule(op: AnyPool) -> RowSchedule | None:
        if op.input.type != "INT8":
            return None
        return RowSchedule(op.window[0], op.stride[0], op.pad[0], op.image[0], 1, op.result[0])

    return Operator(
        code,
        resolver_method,
        node,
        lambda reader: read_pool(reader, node),
        emit,
        options_kind="Pool2DOptions",
        c_prefix=lambda _: "pool",
        rates=_rates,
        inplace_offset=pool_offset,
        row_schedule=row_schedule,
        emit_step=emit_step,
        takes_16x8=True,
    )


def pool_offset(op: Pool, _: Tensor) -> int:
    """In place, result row y may overwrite all image rows in front of its own window."""
    row, image_row = op.result[1] * op.result[2], op.image[1] * op.image[2]
    most = max(0, *((y + 1) * row - max(0, y * op.stride[0] - op.pad[0]) * image_row for y in range(op.result[0])))
    return most * op.input.element_bytes
