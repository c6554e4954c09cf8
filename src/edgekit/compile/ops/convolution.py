"""What the three operators with weights share: all become a `Convolution`.

How its filter, bias and scales are read, and what the registry answers for it, which convolutions/ knows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.compile import convolutions, fixed_point
from edgekit.compile.codegen import Kernel
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.ir import Requantization, Tensor
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator
from edgekit.compile.ops.wide_convolution import WideConvolution, Window
from edgekit.compile.row_streaming import StreamedOperator


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """int8 weights [O, kh, kw, I / groups], float32 scales (one, or O), int32 bias [O]."""

    weights: NDArray[np.int8]
    scales: NDArray[np.float32]
    bias: NDArray[np.int32]
    groups: int


def read_window(reader: OpReader, x: Tensor, y: Tensor, weights: NDArray[np.int8], groups: int) -> Window:
    """Where a filter [O, kh, kw, I / groups] goes over an image: padding, strides and dilation of the options."""
    height, width, channels = reader.image(x)
    out, kernel_height, kernel_width, _ = weights.shape
    stride = reader.sizes("StrideH", "StrideW")
    dilation = reader.sizes("DilationHFactor", "DilationWFactor")
    rows, top = reader.window(height, kernel_height, stride[0], dilation[0])
    columns, left = reader.window(width, kernel_width, stride[1], dilation[1])
    reader.expect(y, (1, rows, columns, out))
    return Window((height, width, channels), (rows, columns, out), groups, stride, dilation, (top, left))


def read_convolution(reader: OpReader, x: Tensor, y: Tensor, filter_: Filter) -> Convolution:
    """A convolution over an image."""
    window = read_window(reader, x, y, filter_.weights, filter_.groups)
    return Convolution(
        reader.origins,
        (x,),
        y,
        weights=filter_.weights,
        bias=filter_.bias,
        image=window.image,
        result=window.result,
        groups=window.groups,
        stride=window.stride,
        dilation=window.dilation,
        pad=window.pad,
        requantization=requantization(reader, products(x, filter_.scales, y, len(filter_.weights)), y, filter_),
    )


def read_weights(reader: OpReader, rank: int, axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """int8 weights of the given rank and their scales: one, or as many as the output has channels."""
    raw, weights = reader.constant(1, "INT8", np.int8)
    if weights.ndim != rank:
        raise reader.error(f"the weights have {weights.ndim} dimensions instead of {rank}")
    scales = raw.scales.astype(np.float32)
    count = len(scales)
    if count not in (1, weights.shape[axis]) or (count > 1 and raw.axis != axis) or len(raw.zero_points) != count:
        raise reader.error(
            f"the weights have {count} scales and {len(raw.zero_points)} zero points along axis {raw.axis}",
            "int8 weights need one of each for the whole tensor or for every output channel.",
        )
    if raw.zero_points.any() or not (np.isfinite(scales).all() and (scales >= np.finfo(np.float32).tiny).all()):
        raise reader.error("the weights are not symmetric (zero point 0, positive scales)", "Convert to int8 again.")
    return weights, scales


def read_bias(reader: OpReader, out: int, position: int = 2) -> NDArray[np.int32]:
    """int32 bias [O]; zeros where it is left out."""
    if not reader.given(position):
        return np.zeros(out, np.int32)
    _, bias = reader.constant(position, "INT32", np.int32)
    if bias.size != out:
        raise reader.error(f"the bias has {bias.size} values instead of {out}")
    return bias.reshape(out)


def products(x: Tensor, scales: NDArray[np.float32], y: Tensor, out: int) -> list[float]:
    """What the sums of each output channel are multiplied by, as TFLM computes it for convolutions."""
    real = [x.quantization.scale * float(scale) / y.quantization.scale for scale in scales]
    return real * out if len(real) == 1 else real


def requantization(reader: OpReader, real: list[float], y: Tensor, filter_: Filter) -> Requantization:
    """The factors as integers. Refuses sums that could leave int32."""
    pairs = [fixed_point.quantize_multiplier(value) for value in real]
    weight_sums = np.abs(filter_.weights.astype(np.int64)).reshape(len(filter_.weights), -1).sum(axis=1)
    for weight_sum, bias, (_, shift) in zip(weight_sums, filter_.bias, pairs, strict=True):
        # 255 and not the distance from the zero point: the kernels compare sums of w * (q + 128) too
        reader.check_sum(int(weight_sum) * 255 + abs(int(bias)), shift)
    low, high = reader.activation_range(y)
    multipliers, shifts = zip(*pairs, strict=True)
    return Requantization(multipliers, shifts, y.quantization.zero_point, low, high)


def convolution_operator(
    code: str, resolver_method: str, options_kind: str, lower: Callable[[OpReader], Convolution | WideConvolution]
) -> Operator[Any]:
    """The entry of an operator that becomes a `Convolution`, or a `WideConvolution` where activations are INT16."""
    return Operator(
        code,
        resolver_method,
        Convolution,
        lower,
        convolutions.whole_image,
        options_kind,
        c_prefix=lambda op: convolutions.kernel_of(op).c_prefix,
        describe=convolutions.described,
        kernel_cost=convolutions.cost_of,
        macs=lambda op: op.macs,
        scratch_bytes=convolutions.scratch_bytes,
        inplace_offset=lambda op, _: convolutions.inplace_offset(op),
        row_schedule=convolutions.row_schedule,
        emit_step=_emit_step,
        takes_16x8=True,
    )


def _emit_step(op: Convolution, streamed: StreamedOperator, step: str) -> tuple[Kernel, str]:
    return convolutions.streamed(op, streamed, step)
