"""SOFTMAX from INT16 to INT16: two tables of 512 steps, between which TFLM goes along straight lines."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.compile import fixed_point
from edgekit.compile.codegen import Constant, Kernel, Site
from edgekit.compile.cost import Rates
from edgekit.compile.ir import Op
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator, elementwise_offset

_SCALE = 1 / 32768
_MOST = 65535  # values whose exponentials fit into 32 bits
_STEPS = 512
_RANGE = np.float32(65535)


@dataclass(frozen=True, slots=True, eq=False)
class WideSoftmax(Op):
    """Softmax over the last dimension. `multiplier`, `shift`: of what is below a row's maximum."""

    rows: int
    depth: int
    multiplier: int
    shift: int


def read_wide_softmax(reader: OpReader) -> WideSoftmax:
    """The scale as CalculateSoftmaxParams computes it: -65535 stands for -10."""
    x, y = reader.operand(0), reader.result()
    reader.expect(y, x.shape)
    reader.symmetric(x.quantization, y.quantization)
    if abs(y.quantization.scale - _SCALE) > 0.001 * _SCALE or not x.shape:
        raise reader.error("its output must have scale 1/32768 and zero point 0")
    depth, beta = x.shape[-1], float(reader.option("Beta"))
    if depth > _MOST:
        raise reader.error(f"it runs over {depth} values; the sum of {_MOST} fits into 32 bits", "Use fewer classes.")
    real = x.quantization.scale * beta / (10 / 65535)
    if not (math.isfinite(real) and real > 0):
        raise reader.error(f"beta {beta:g} with input scale {x.quantization.scale:g} is out of range")
    multiplier, shift = fixed_point.quantize_multiplier(real)
    reader.check_sum(65535, shift)
    return WideSoftmax(reader.origins, (x,), y, x.size // depth, depth, multiplier, shift)


def emit(op: WideSoftmax, site: Site) -> Kernel:
    """Exponentials first, into the output; then each times the reciprocal of their sum."""
    exp, inverse = f"{site.name}_exp", f"{site.name}_inverse"
    function = f"""static void {site.name}(const uint8_t *input, uint8_t *output) {{
  const int16_t *from = (const int16_t *)(const void *)input;
  int16_t *to = (int16_t *)(void *)output;
  for (int32_t row = 0; row < {op.rows}; ++row, from += {op.depth}, to += {op.depth}) {{
    int32_t best = from[0], sum = 0;
    for (int32_t c = 1; c < {op.depth}; ++c) {{
      if (from[c] > best) best = from[c];
    }}
    for (int32_t c = 0; c < {op.depth}; ++c) {{
      to[c] = on_lines({exp}, requantize(from[c] - best, {op.multiplier}, {op.shift}) + 32767);
      sum += to[c];
    }}
    int32_t headroom = 0;
    for (uint32_t bits = (uint32_t)sum; bits < 0x40000000u; bits <<= 1) ++headroom;
    const int32_t above = (int32_t)((((uint32_t)sum << headroom) + 8192u) >> 14) - 98304;
    const int32_t scale = on_lines({inverse}, above), right = 30 - headroom;
    for (int32_t c = 0; c < {op.depth}; ++c) {{
      to[c] = clamped16((to[c] * scale + (1 << (right - 1))) >> right, 0, 32767);
    }}
  }}
}}
"""
    constants = (
        Constant("int16_t", exp, _table(-10.0, 0.0, 32767, np.exp)),
        Constant("int16_t", inverse, _table(0.0, 1.0, -32768, lambda x: np.float32(1) / (np.float32(1) + x))),
    )
    return Kernel(("requantize", "clamped16", "on_lines"), constants, function)


def _table(
    first: float, last: float, zero_point: int, function: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> list[int]:
    """TFLM's LUTPopulate, in float32 as there: the function at 513 places, moved by half of what a straight line
    errs in the middle between two of them."""
    scale = np.float32(last - first) / _RANGE
    least, greatest = (scale * np.float32(end - zero_point) for end in (-32768, 32767))
    step = (greatest - least) / np.float32(_STEPS)
    out = np.float32(2) / _RANGE
    inverse = np.float32(65536) / (out * np.float32(32767) - out * np.float32(-32768))
    places = least + np.arange(_STEPS, dtype=np.float32) * step
    next_places = least + np.arange(1, _STEPS + 1, dtype=np.float32) * step
    sample = _rounded(function(places) * inverse)
    between = _rounded((function(next_places) * inverse + sample) / np.float32(2))
    middle = _rounded(function(places + step / np.float32(2)) * inverse)
    end = _rounded(function(np.asarray(greatest, np.float32)) * inverse)
    values = np.append(sample - _rounded((between - middle) / np.float32(2)), end)
    return [int(value) for value in np.clip(values, -32768, 32767)]


def _rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Ties away from zero."""
    return np.asarray(np.copysign(np.floor(np.abs(values) + np.float32(0.5)), values), np.float32)


BY_NODE = Operator(
    "",
    "",
    WideSoftmax,
    lambda _: (),
    emit,
    c_prefix=lambda _: "softmax",
    rates=lambda op: Rates(output=150 + 200 / op.depth),
    inplace_offset=elementwise_offset,
)
"""For the registry: SOFTMAX is known by its node for int8."""
