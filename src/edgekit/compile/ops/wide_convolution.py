"""What convolutions of INT16 activations and int8 weights (16x8) share: the node, how it is read, and its C.

Where the bias is INT64, TFLM sums in 64 bits and scales by a multiplier of 15 bits; where it is INT32, in 32.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.compile import fixed_point
from edgekit.compile.codegen import Constant, Kernel, Site
from edgekit.compile.cost import Rates
from edgekit.compile.ir import ELEMENT_BYTES, Op, Tensor
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator

_INT32 = 2  # of TensorType, in the option that says what a bias would be
_MOST_SUM = 1 << 47  # what TFLM scales
_MOST_DEPTH = 511  # products of 16 and 8 bits whose sum fits into 32


@dataclass(frozen=True, slots=True, eq=False)
class WideConvolution(Op):
    """A convolution, or one backwards (`transposed`).

    Attributes:
        weights: int8 [O, kh, kw, I / groups]; `bias`: [O].
        image, result: (height, width, channels) of input and output.
        scalings: (multiplier, shift) for each channel; of 64-bit sums, the multiplier has 15 bits and the shift is
            that to the right.
        sums_64: sums have 64 bits.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    image: tuple[int, int, int]
    result: tuple[int, int, int]
    groups: int
    stride: tuple[int, int]
    dilation: tuple[int, int]
    pad: tuple[int, int]
    transposed: bool
    scalings: tuple[tuple[int, int], ...]
    sums_64: bool
    low: int
    high: int

    @property
    def reach(self) -> tuple[int, int]:
        """Rows and columns of the image that a window spans."""
        height, width = self.weights.shape[1:3]
        return (height - 1) * self.dilation[0] + 1, (width - 1) * self.dilation[1] + 1


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Where a convolution's filter goes; the defaults are those of a FULLY_CONNECTED."""

    image: tuple[int, int, int]
    result: tuple[int, int, int]
    groups: int = 1
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)
    transposed: bool = False


def read_wide(
    reader: OpReader, ends: tuple[Tensor, Tensor], weights: NDArray[np.int8], real: list[float], window: Window,
    bias_position: int = 2, bias_types: tuple[str, ...] = ("INT64", "INT32"),
) -> WideConvolution:  # fmt: skip
    """The node. `real`: what the sums of each output channel are multiplied by."""
    out = len(weights)
    bias, kind = np.zeros(out, np.int64), "INT64"
    if reader.given(bias_position):
        kind = reader.kind(bias_position)
        if kind not in bias_types:
            raise reader.error(f"the bias is {kind}, not {' or '.join(bias_types)}", "Convert the model again.")
        bias = (
            reader.constant(bias_position, kind, np.int64 if kind == "INT64" else np.int32)[1].ravel().astype(np.int64)
        )
    elif "INT32" in bias_types and reader.option("QuantizedBiasType") == _INT32:
        kind = "INT32"
    if bias.size != out:
        raise reader.error(f"the bias has {bias.size} values instead of {out}")
    weight_sums = np.abs(weights.astype(np.int64)).reshape(out, -1).sum(axis=1)
    scalings = []
    for weight_sum, one, value in zip(weight_sums.tolist(), bias.tolist(), real, strict=True):
        bound, scaling = weight_sum * 32768 + abs(one), fixed_point.quantize_multiplier(value)
        if kind == "INT64":
            scaling = _halved(reader, bound, *scaling)
        else:
            reader.check_sum(bound, scaling[1])
        scalings.append(scaling)
    low, high = reader.activation_range(ends[1])
    return WideConvolution(
        reader.origins, ends[:1], ends[1], weights, bias, window.image, window.result, window.groups, window.stride,
        window.dilation, window.pad, window.transposed, tuple(scalings), kind == "INT64", low, high,
    )  # fmt: skip


def _halved(reader: OpReader, bound: int, multiplier: int, shift: int) -> tuple[int, int]:
    """15 bits of the multiplier, and the shift to the right behind it."""
    reduced, right = (multiplier + (1 << 15)) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF, 15 - shift
    if not -31 <= shift < 8 or bound >= _MOST_SUM or (bound * reduced + (1 << (right - 1))) >> right >= 2**31:
        raise reader.error(f"its sums can reach {bound} with a scaling of 2^{shift}, which is out of range")
    return reduced, right


def emit(op: WideConvolution, site: Site) -> Kernel:
    """Output after output."""
    height, width, channels = op.image
    rows, columns, out = op.result
    _, kernel_height, kernel_width, depth = op.weights.shape
    name, kind = site.name, "int64_t" if op.sums_64 else "int32_t"
    part = "int32_t" if depth <= _MOST_DEPTH else kind
    if op.transposed:
        walk = [
            _backwards(*axis)
            for axis in zip("yx", op.pad, op.stride, (kernel_height, kernel_width), (height, width), strict=True)
        ]
    else:
        walk = [
            _forwards(*axis)
            for axis in zip(
                "yx", op.pad, op.stride, op.dilation, (kernel_height, kernel_width), (height, width), strict=True
            )
        ]
    base = f" + o / {out // op.groups} * {depth}" if op.groups > 1 else ""
    scale = f"{name}_scalings[2 * o], {name}_scalings[2 * o + 1]"
    scaled = f"{'requantize64' if op.sums_64 else 'requantize'}(sum, {scale})"
    function = f"""static void {name}(const uint8_t *input, uint8_t *output) {{
  const int16_t *image = (const int16_t *)(const void *)input;
  int16_t *result = (int16_t *)(void *)output;
  for (int32_t y = 0; y < {rows}; ++y) {{
    for (int32_t x = 0; x < {columns}; ++x) {{
      for (int32_t o = 0; o < {out}; ++o) {{
        {kind} sum = {name}_bias[o];
        {walk[0]}
          {walk[1]}
            const int8_t *weights = {name}_weights + ((o * {kernel_height} + ky) * {kernel_width} + kx) * {depth};
            const int16_t *pixel = image + (row * {width} + column) * {channels}{base};
            {part} part = 0;
            for (int32_t c = 0; c < {depth}; ++c) part += pixel[c] * weights[c];
            sum += part;
          }}
        }}
        const int32_t value = {scaled};
        *result++ = (int16_t)(value < {op.low} ? {op.low} : value > {op.high} ? {op.high} : value);
      }}
    }}
  }}
}}
"""
    constants = (
        Constant("int8_t", f"{name}_weights", op.weights.ravel().tolist()),
        Constant(kind, f"{name}_bias", op.bias.tolist()),
        Constant("int32_t", f"{name}_scalings", [number for scaling in op.scalings for number in scaling]),
    )
    return Kernel(("requantize64" if op.sums_64 else "requantize",), constants, function)


_PLACES = {"y": "row", "x": "column"}


def _forwards(axis: str, pad: int, stride: int, dilation: int, kernel: int, size: int) -> str:
    place = _PLACES[axis]
    return f"""for (int32_t k{axis} = 0; k{axis} < {kernel}; ++k{axis}) {{
          const int32_t {place} = {axis} * {stride} + k{axis} * {dilation} - {pad};
          if ({place} < 0 || {place} >= {size}) continue;"""


def _backwards(axis: str, pad: int, stride: int, kernel: int, size: int) -> str:
    """In a window, only every so many rows or columns meet an input."""
    place, at, k = _PLACES[axis], f"({axis} + {pad})", f"k{axis}"
    return f"""for (int32_t {k} = {at} % {stride}; {k} < {kernel} && {k} <= {at}; {k} += {stride}) {{
          const int32_t {place} = ({at} - {k}) / {stride};
          if ({place} >= {size}) continue;"""


def _macs(op: WideConvolution) -> int:
    positions = op.image[0] * op.image[1] if op.transposed else op.result[0] * op.result[1]
    return positions * op.weights.size


def inplace_offset(op: WideConvolution, _: Tensor) -> int:
    """In place, a position's results may overwrite all that no window from there on reads."""
    kernel, size = op.weights.shape[1:3], op.image[:2]
    first = []
    for axis in range(2):
        at = np.arange(op.result[axis])
        if op.transposed:
            start = -((kernel[axis] - 1 - op.pad[axis] - at) // op.stride[axis])
        else:
            start = at * op.stride[axis] - op.pad[axis]
        first.append(np.clip(start, 0, size[axis]))
    needed = ((first[0][:, None] * size[1] + first[1]) * op.image[2]).ravel()
    still_needed = np.minimum.accumulate(needed[::-1])[::-1]
    written = (np.arange(needed.size) + 1) * op.result[2]
    return int((written - still_needed).max()) * ELEMENT_BYTES["INT16"]


BY_NODE = Operator(
    "",
    "",
    WideConvolution,
    lambda _: (),
    emit,
    c_prefix=lambda _: "wide",
    macs=_macs,
    rates=lambda _: Rates(output=110),
    inplace_offset=inplace_offset,
)
"""For the registry: several operators become this node, and none of them is known by it."""
