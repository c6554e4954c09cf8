"""TRANSPOSE_CONV, of int8 or INT16 activations: every output gathers the inputs whose windows reach it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Constant, Kernel, Site, byte_range
from edgekit.compile.ir import Op, Requantization, Tensor
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator
from edgekit.compile.ops.convolution import Filter, products, read_bias, read_weights, requantization
from edgekit.compile.ops.wide_convolution import WideConvolution, Window, read_wide


@dataclass(frozen=True, slots=True, eq=False)
class TransposeConv(Op):
    """A convolution backwards. Weights int8 [O, kh, kw, I]; bias int32 [O]; `pad`: rows and columns cut off."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    stride: tuple[int, int]
    pad: tuple[int, int]
    requantization: Requantization


def lower(reader: OpReader) -> TransposeConv | WideConvolution:
    """The padding is that of a convolution from the output to the input, as in TFLM."""
    x, y = reader.operand(2), reader.result()
    reader.symmetric(x.quantization, y.quantization)
    _, _, channels = reader.image(x)
    rows, columns, out = reader.image(y)
    if reader.is_constant(0) and reader.numbers(0) != list(y.shape):  # of one that is computed TFLM reads nothing
        raise reader.error(f"it says {reader.numbers(0)} and its output is {list(y.shape)}")
    weights, scales = read_weights(reader, rank=4, axis=0)
    if weights.shape[0] != out or weights.shape[3] != channels:
        raise reader.error(f"weights {list(weights.shape)} do not lead from {list(x.shape)} to {list(y.shape)}")
    stride = reader.sizes("StrideH", "StrideW")
    _, top = reader.window(rows, weights.shape[1], stride[0])
    _, left = reader.window(columns, weights.shape[2], stride[1])
    if reader.wide:
        window = Window(reader.image(x), (rows, columns, out), stride=stride, pad=(top, left), transposed=True)
        return read_wide(reader, (x, y), weights, products(x, scales, y, out), window, 3, ("INT64",))
    filter_ = Filter(weights, scales, read_bias(reader, out, 3), 1)
    scaling = requantization(reader, products(x, scales, y, out), y, filter_)
    return TransposeConv(reader.origins, (x,), y, weights, filter_.bias, stride, (top, left), scaling)


def emit(op: TransposeConv, site: Site) -> Kernel:
    """In a window, only every so many rows and columns meet an input."""
    _, height, width, channels = op.input.shape
    _, rows, columns, out = op.output.shape
    _, kernel_height, kernel_width, _ = op.weights.shape
    scaling, name = op.requantization, site.name
    several = len(set(zip(scaling.multipliers, scaling.shifts, strict=True))) > 1
    constants = [
        Constant("int8_t", f"{name}_weights", op.weights.ravel().tolist()),
        Constant("int32_t", f"{name}_bias", op.bias.tolist()),
    ]
    scale = f"{scaling.multipliers[0]}, {scaling.shifts[0]}"
    if several:
        constants.append(Constant("int32_t", f"{name}_multipliers", scaling.multipliers))
        constants.append(Constant("int32_t", f"{name}_shifts", scaling.shifts))
        scale = f"{name}_multipliers[o], {name}_shifts[o]"
    value = site.read("pixel[c]")
    function = f"""static void {name}(const uint8_t *input, uint8_t *output) {{
  for (int32_t y = {op.pad[0]}; y < {rows + op.pad[0]}; ++y) {{
    for (int32_t x = {op.pad[1]}; x < {columns + op.pad[1]}; ++x) {{
      for (int32_t o = 0; o < {out}; ++o) {{
        int32_t sum = {name}_bias[o];
        for (int32_t ky = y % {op.stride[0]}; ky < {kernel_height} && ky <= y; ky += {op.stride[0]}) {{
          const int32_t row = (y - ky) / {op.stride[0]};
          if (row >= {height}) continue;
          for (int32_t kx = x % {op.stride[1]}; kx < {kernel_width} && kx <= x; kx += {op.stride[1]}) {{
            const int32_t column = (x - kx) / {op.stride[1]};
            if (column >= {width}) continue;
            const int8_t *weights = {name}_weights + ((o * {kernel_height} + ky) * {kernel_width} + kx) * {channels};
            const uint8_t *pixel = input + (row * {width} + column) * {channels};
            for (int32_t c = 0; c < {channels}; ++c) {{
              sum += ({value} - {op.input.quantization.zero_point + 128}) * weights[c];
            }}
          }}
        }}
        {site.write("*output++", f"to_byte(requantize(sum, {scale}), {byte_range(scaling)})")}
      }}
    }}
  }}
}}
"""
    return Kernel(("requantize", "to_byte"), tuple(constants), function)


def inplace_offset(op: TransposeConv, _: Tensor) -> int:
    """In place, a row may overwrite all rows in front of those that are still to be read."""
    rows, kernel_height = op.output.shape[1], op.weights.shape[1]
    row, image_row = op.output.size // rows, op.input.size // op.input.shape[1]
    first = (max(0, -((kernel_height - 1 - y - op.pad[0]) // op.stride[0])) for y in range(rows))
    return max((y + 1) * row - min(needed, op.input.shape[1]) * image_row for y, needed in enumerate(first))


OPERATOR: Operator[Any] = Operator(
    "TRANSPOSE_CONV",
    "AddTransposeConv",
    TransposeConv,
    lower,
    emit,
    options_kind="TransposeConvOptions",
    c_prefix=lambda _: "transpose_conv",
    macs=lambda op: op.input.size * op.weights.size // op.weights.shape[3],
    inplace_offset=inplace_offset,
    takes_16x8=True,
)
