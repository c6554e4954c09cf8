"""SUM over any axes."""

from edgekit.compile import fixed_point
from edgekit.compile.ir import RANGES, Requantization
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.reduction import Reduction, read_axes, reduction_operator


def lower(reader: OpReader) -> Reduction:
    """The scale as TFLM's PrepareMeanOrSumHelper computes it."""
    x, y, kept, reduced = read_axes(reader)
    reader.symmetric(x.quantization, y.quantization)
    multiplier, shift = fixed_point.quantize_multiplier(x.quantization.scale / y.quantization.scale)
    reader.check_sum(x.size // y.size * fixed_point.farthest(x.quantization.zero_point, x.type), shift)
    scaling = Requantization((multiplier,), (shift,), y.quantization.zero_point, *RANGES[y.type])
    return Reduction(reader.origins, (x,), y, kept, reduced, scaling)


OPERATOR = reduction_operator("SUM", "AddSum", lower, takes_16x8=True)
