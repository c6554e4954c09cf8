"""MAX_POOL_2D."""

from dataclasses import dataclass

from edgekit.compile.ir import RANGES
from edgekit.compile.ops.pool import Pool, Window, pool_operator


@dataclass(frozen=True, slots=True, eq=False)
class MaxPool(Pool):
    """The greatest value of a window."""


def _window(op: MaxPool) -> Window:
    """A running maximum, from the least value on."""
    least = RANGES[op.input.type][0] + op.input.offset
    return Window(f"int32_t result = {least};", "const int32_t value = VALUE;\nif (value > result) result = value;")


OPERATOR = pool_operator("MAX_POOL_2D", "AddMaxPool2D", MaxPool, _window)
