"""MAX_POOL_2D."""

from dataclasses import dataclass

from edgekit.compile.codegen import Kernel, Site
from edgekit.compile.ir import RANGES
from edgekit.compile.operator import Operator
from edgekit.compile.ops.pool import Pool, emit_pool, pool_offset, pool_rates, read_pool


@dataclass(frozen=True, slots=True, eq=False)
class MaxPool(Pool):
    """The greatest value of a window."""


def emit(op: MaxPool, site: Site) -> Kernel:
    """A running maximum, from the least value on."""
    least = RANGES[op.input.type][0] + op.input.offset
    step = "const int32_t value = VALUE;\nif (value > result) result = value;"
    return emit_pool(op, site, f"int32_t result = {least};", step)


OPERATOR = Operator(
    "MAX_POOL_2D",
    "AddMaxPool2D",
    MaxPool,
    lambda reader: read_pool(reader, MaxPool),
    emit,
    options_kind="Pool2DOptions",
    c_prefix=lambda _: "pool",
    rates=pool_rates,
    inplace_offset=pool_offset,
    takes_16x8=True,
)
