"""MEAN over height and width: the mean of every channel over all positions."""

from dataclasses import dataclass

import numpy as np

from edgekit.compile import fixed_point
from edgekit.compile.codegen import Kernel, Site, byte_range
from edgekit.compile.ir import Op, Requantization
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator


@dataclass(frozen=True, slots=True, eq=False)
class Mean(Op):
    """The mean over all `positions` of an image, channel by channel."""

    positions: int
    channels: int
    requantization: Requantization


def lower(reader: OpReader) -> Mean:
    """MEAN over height and width."""
    x, y = reader.operand(0), reader.result()
    height, width, channels = reader.image(x)
    _, axes = reader.constant(1, "INT32", np.int32)
    if {int(axis) % 4 if -4 <= axis < 4 else -1 for axis in axes.ravel()} != {1, 2}:
        raise reader.error(
            f"the mean over axes {axes.ravel().tolist()[:8]} is not supported, only over height and width",
            "Average over axes 1 and 2.",
        )
    reader.expect(y, (1, channels), (1, 1, 1, channels))
    count = height * width
    multiplier, shift = fixed_point.mean_multiplier(x.quantization.scale, y.quantization.scale, count)
    reader.check_sum(count * fixed_point.farthest(x.quantization.zero_point), shift)
    scaling = Requantization((multiplier,), (shift,), y.quantization.zero_point, -128, 127)
    return Mean(reader.origins, (x,), y, count, channels, scaling)


def emit(op: Mean, site: Site) -> Kernel:
    """The mean of every channel over all positions."""
    scaling = op.requantization
    zero = op.positions * (op.input.quantization.zero_point + 128)
    scaled = f"requantize(sum, {scaling.multipliers[0]}, {scaling.shifts[0]})"
    function = f"""static void {site.name}(const uint8_t *input, uint8_t *output) {{
  for (int32_t c = 0; c < {op.channels}; ++c) {{
    int32_t sum = -{zero};
    for (int32_t i = 0; i < {op.positions}; ++i) sum += {site.read(f"input[i * {op.channels} + c]")};
    {site.write("output[c]", f"to_byte({scaled}, {byte_range(scaling)})")}
  }}
}}
"""
    return Kernel(("requantize", "to_byte"), (), function)


OPERATOR = Operator("MEAN", "AddMean", Mean, lower, emit)
