"""ELU: what is below zero becomes exp(x) - 1. TFLM makes a table of it, too, in single precision."""

import math
from collections.abc import Callable

import numpy as np

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.byte_table import table_operator
from edgekit.values.model import Quantization


def function_of(reader: OpReader, x: Quantization, y: Quantization) -> Callable[[int], int]:
    """Every step as PopulateLookupTable has it."""
    scale, inverse = np.float32(x.scale), np.float32(1) / np.float32(y.scale)
    if not float(scale) * 255 * float(inverse) < 2**30:
        raise reader.error(f"its scales {x.scale:g} and {y.scale:g} are out of range for TFLM's kernel")

    def elu(q: int) -> int:
        value = scale * np.float32(q - x.zero_point)
        if value < 0:
            value = np.float32(math.exp(float(value))) - np.float32(1)
        steps = float(value * inverse)
        rounded = np.float32(math.copysign(math.floor(abs(steps) + 0.5), steps))
        return int(rounded + np.float32(y.zero_point))

    return elu


OPERATOR = table_operator("ELU", "AddElu", function_of)
