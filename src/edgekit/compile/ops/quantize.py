"""QUANTIZE from int8 to int8: another scale and zero point."""

from collections.abc import Callable

from edgekit.compile.fixed_point import quantize_multiplier, scaled
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.byte_table import table_operator
from edgekit.values.model import Quantization


def function_of(reader: OpReader, x: Quantization, y: Quantization) -> Callable[[int], int]:
    """The scale as PrepareQuantizeReference computes it."""
    multiplier, shift = quantize_multiplier(x.scale / y.scale)
    reader.check_sum(128 + abs(x.zero_point), shift)
    return lambda q: scaled(q - x.zero_point, multiplier, shift) + y.zero_point


OPERATOR = table_operator("QUANTIZE", "AddQuantize", function_of)
