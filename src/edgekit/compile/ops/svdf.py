"""SVDF: a filter over the features of this step, and one over what it said of the last steps, which the state keeps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.compile import fixed_point
from edgekit.compile.codegen import Constant, Kernel, Site, byte_range
from edgekit.compile.cost import Rates
from edgekit.compile.ir import Op, Requantization, Tensor
from edgekit.compile.obstacles import FIXED_BATCH, Obstacle
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator

_HIGHEST = {"INT8": 127, "INT16": 32767}


@dataclass(frozen=True, slots=True, eq=False)
class Svdf(Op):
    """Weights: int8 [filters, inputs], int8 or int16 [filters, steps]; int32 bias [filters / rank].

    Attributes:
        state: [filters, steps] of the last steps, the newest last.
        feature: (multiplier, shift) of what goes into the state.
    """

    features: NDArray[np.int8]
    times: NDArray[np.int16]
    bias: NDArray[np.int32]
    rank: int
    state: Tensor
    feature: tuple[int, int]
    requantization: Requantization


def lower(reader: OpReader) -> Svdf:
    """The scales as PrepareSvdf computes them. The fused activation is a clamp that TFLM leaves out."""
    x, y = reader.operand(0), reader.result()
    raw, features = reader.constant(1, "INT8", np.int8)
    kind = "INT16" if reader.kind(2) == "INT16" else "INT8"
    raw_times, times = reader.constant(2, kind, np.int16 if kind == "INT16" else np.int8)
    rank = int(reader.option("Rank"))
    if len(x.shape) == 2 and x.shape[0] > 1:
        raise Obstacle(f"{reader.label}: it needs a batch of 1 and has {list(x.shape)}.", FIXED_BATCH, "batch")
    if len(x.shape) != 2:
        raise reader.error(f"it needs features [1, inputs], not {list(x.shape)}")
    filters = len(features) if features.ndim == 2 else 0
    if (
        features.shape != (filters, x.shape[1])
        or times.ndim != 2
        or len(times) != filters
        or rank < 1
        or filters % rank
    ):
        raise reader.error(f"weights {list(features.shape)} and {list(times.shape)} of rank {rank} do not fit together")
    units = filters // rank
    reader.expect(y, (1, units))
    _, bias = reader.constant(3, "INT32", np.int32)
    if bias.size != units:
        raise reader.error(f"the bias has {bias.size} values instead of {units}")
    state = reader.state(4, (kind,), times.size)
    feature_scale, time_scale = (reader.symmetric_scale(one) for one in (raw, raw_times))
    feature = fixed_point.quantize_multiplier(x.quantization.scale * feature_scale / state.quantization.scale)
    out = fixed_point.quantize_multiplier(state.quantization.scale * time_scale / y.quantization.scale)
    sums = np.abs(features.astype(np.int64)).sum(axis=1) * fixed_point.farthest(x.quantization.zero_point)
    reader.check_sum(int(sums.max()), feature[1])
    ends = np.array([fixed_point.scaled(int(total), *feature) + 1 for total in sums])
    reach = np.minimum(ends, _HIGHEST[kind] + 1) + abs(state.quantization.zero_point)
    dots = (np.abs(times.astype(np.int64)).sum(axis=1) * reach).reshape(units, rank).sum(axis=1)
    if out[1] >= 0:  # else a sum out of all bounds, which no sound model has, wraps in C as in TFLM
        reader.check_sum(int((dots + np.abs(bias.astype(np.int64))).max()), out[1])
    scaling = Requantization((out[0],), (out[1],), y.quantization.zero_point, -128, 127)
    return Svdf(reader.origins, (x,), y, features, times.astype(np.int16), bias.ravel(), rank, state, feature, scaling)


def emit(op: Svdf, site: Site) -> Kernel:
    """For each filter, its steps move up by one; then their sum."""
    filters, inputs = op.features.shape
    steps, kind, zero = op.times.shape[1], op.state.type, op.state.quantization.zero_point
    highest, name, scaling = _HIGHEST[kind], site.name, op.requantization
    offset = 128 if kind == "INT8" else 0  # in memory it has q + 128
    c_type = "uint8_t" if kind == "INT8" else "int16_t"
    value = site.read("input[c]")
    scaled = f"requantize(sum, {scaling.multipliers[0]}, {scaling.shifts[0]})"
    function = f"""static void {name}(const uint8_t *input, uint8_t *output, uint8_t *state) {{
  {c_type} *steps = ({c_type} *)(void *)state;
  const int8_t *features = {name}_features;
  const {kind.lower()}_t *times = {name}_times;
  for (int32_t unit = 0; unit < {filters // op.rank}; ++unit) {{
    int32_t sum = {name}_bias[unit];
    for (int32_t i = 0; i < {op.rank}; ++i, features += {inputs}, times += {steps}, steps += {steps}) {{
      int32_t newest = 0;
      for (int32_t c = 0; c < {inputs}; ++c) {{
        newest += features[c] * ({value} - {op.input.quantization.zero_point + 128});
      }}
      newest = requantize(newest, {op.feature[0]}, {op.feature[1]});
      newest = {zero} + (newest < {-highest - 1} ? {-highest - 1} : newest > {highest} ? {highest} : newest);
      for (int32_t t = 1; t < {steps}; ++t) steps[t - 1] = steps[t];
      steps[{steps - 1}] = ({c_type})(newest + {offset});
      for (int32_t t = 0; t < {steps}; ++t) {{
        sum = (int32_t)((uint32_t)sum + (uint32_t)(times[t] * (steps[t] - {zero + offset})));
      }}
    }}
    {site.write("output[unit]", f"to_byte({scaled}, {byte_range(scaling)})")}
  }}
}}
"""
    constants = (
        Constant("int8_t", f"{name}_features", op.features.ravel().tolist()),
        Constant(f"{kind.lower()}_t", f"{name}_times", op.times.ravel().tolist()),
        Constant("int32_t", f"{name}_bias", op.bias.tolist()),
    )
    return Kernel(("requantize", "to_byte"), constants, function)


OPERATOR = Operator(
    "SVDF",
    "AddSvdf",
    Svdf,
    lower,
    emit,
    options_kind="SVDFOptions",
    rates=lambda _: Rates(output=190),
    macs=lambda op: op.features.size + op.times.size,
    states=lambda op: (op.state,),
)
