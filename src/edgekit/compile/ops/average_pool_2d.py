"""AVERAGE_POOL_2D."""

from dataclasses import dataclass

from edgekit.compile.ops.pool import Pool, Window, pool_operator


@dataclass(frozen=True, slots=True, eq=False)
class AveragePool(Pool):
    """The average of what is left of a window inside of the image."""


def _window(op: AveragePool) -> Window:
    """The sum of q, divided: TFLM rounds ties away from zero of q, not of what memory has."""
    offset = op.input.offset
    return Window(
        start=f"const int32_t count = (bottom - top) * (right - left);\nint32_t result = {-offset} * count;",
        step="result += VALUE;",
        end=f"result = (result > 0 ? result + count / 2 : result - count / 2) / count + {offset};",
    )


OPERATOR = pool_operator("AVERAGE_POOL_2D", "AddAveragePool2D", AveragePool, _window)
