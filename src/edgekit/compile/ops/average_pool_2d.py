"""AVERAGE_POOL_2D."""

from dataclasses import dataclass

from edgekit.compile.codegen import Kernel, Site
from edgekit.compile.operator import Operator
from edgekit.compile.ops.pool import Pool, emit_pool, pool_offset, pool_rates, read_pool


@dataclass(frozen=True, slots=True, eq=False)
class AveragePool(Pool):
    """The average of what is left of a window inside of the image."""


def emit(op: AveragePool, site: Site) -> Kernel:
    """The sum of q, divided: TFLM rounds ties away from zero of q, not of what memory has."""
    offset = op.input.offset
    start = "const int32_t count = (bottom - top) * (right - left);\nint32_t result = " + f"{-offset} * count;"
    end = "result = (result > 0 ? result + count / 2 : result - count / 2) / count" + f" + {offset};"
    return emit_pool(op, site, start, "result += VALUE;", end)


OPERATOR = Operator(
    "AVERAGE_POOL_2D",
    "AddAveragePool2D",
    AveragePool,
    lambda reader: read_pool(reader, AveragePool),
    emit,
    options_kind="Pool2DOptions",
    c_prefix=lambda _: "pool",
    rates=pool_rates,
    inplace_offset=pool_offset,
    takes_16x8=True,
)
