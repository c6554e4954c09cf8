"""The operators with weights. All three become a `Convolution`."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.compile import fixed_point
from edgekit.compile.graph import Convolution, Requantization, Tensor
from edgekit.compile.source import Task


@dataclass(frozen=True, slots=True, eq=False)
class _Filter:
    """int8 weights [O, kh, kw, I / groups], float32 scales (one, or O), int32 bias [O]."""

    weights: NDArray[np.int8]
    scales: NDArray[np.float32]
    bias: NDArray[np.int32]
    groups: int


def conv(task: Task) -> Convolution:
    """CONV_2D, grouped where the filter has fewer channels than the image."""
    x = task.operand(0)
    weights, scales = _weights(task, rank=4, axis=0)
    channels = task.image(x)[2]
    out, depth = weights.shape[0], weights.shape[3]
    if channels % depth or out % (channels // depth):
        raise task.error(f"{out} filters of {depth} channels do not fit {channels} channels")
    return _convolution(task, x, _Filter(weights, scales, _bias(task, out), channels // depth))


def depthwise(task: Task) -> Convolution:
    """DEPTHWISE_CONV_2D with any multiplier, as a convolution in as many groups as there are channels."""
    x = task.operand(0)
    weights, scales = _weights(task, rank=4, axis=3)  # [1, kh, kw, channels * multiplier]
    channels = task.image(x)[2]
    multiplier = int(task.option("DepthMultiplier"))
    out = weights.shape[3]
    if multiplier < 1 or weights.shape[0] != 1 or out != channels * multiplier:
        raise task.error(
            f"a filter of shape {list(weights.shape)} with multiplier {multiplier} does not fit {channels} channels"
        )
    by_output = np.ascontiguousarray(weights.transpose(3, 1, 2, 0))
    return _convolution(task, x, _Filter(by_output, scales, _bias(task, out), channels))


def fully_connected(task: Task) -> Convolution:
    """FULLY_CONNECTED as a 1x1 convolution over a row of `batches` positions."""
    if task.option("WeightsFormat") != 0:
        raise task.error("shuffled weights are not supported")
    x, y = task.operand(0), task.result()
    weights, scales = _weights(task, rank=2, axis=0)
    out, depth = weights.shape
    batches = y.size // y.shape[-1] if y.shape else 0
    if not y.shape or y.shape[-1] != out or x.size != batches * depth:
        raise task.error(f"weights {list(weights.shape)} do not lead from {list(x.shape)} to {list(y.shape)}")
    if len(scales) == 1:
        # TFLM multiplies these two as float32, unlike the scales of a convolution; and it wants the bias's scale right.
        with np.errstate(over="ignore"):
            product = float(np.float32(x.quantization.scale) * scales[0])
        if not math.isfinite(product):
            raise task.error("its scales are too large")
        _check_bias_scale(task, product, y.quantization.scale)
        real = [product / y.quantization.scale] * out
    else:
        real = _products(x, scales, y, out)
    filter_ = _Filter(weights.reshape(out, 1, 1, depth), scales, _bias(task, out), 1)
    return Convolution(
        label=task.label,
        input=x,
        output=y,
        weights=filter_.weights,
        bias=filter_.bias,
        image=(1, batches, depth),
        result=(1, batches, out),
        groups=1,
        stride=(1, 1),
        dilation=(1, 1),
        pad=(0, 0),
        requantization=_requantization(task, real, y, filter_),
    )


def _convolution(task: Task, x: Tensor, filter_: _Filter) -> Convolution:
    y = task.result()
    height, width, channels = task.image(x)
    out, kernel_height, kernel_width, _ = filter_.weights.shape
    stride = task.sizes("StrideH", "StrideW")
    dilation = task.sizes("DilationHFactor", "DilationWFactor")
    rows, top = task.window(height, kernel_height, stride[0], dilation[0])
    columns, left = task.window(width, kernel_width, stride[1], dilation[1])
    task.expect(y, (1, rows, columns, out))
    return Convolution(
        label=task.label,
        input=x,
        output=y,
        weights=filter_.weights,
        bias=filter_.bias,
        image=(height, width, channels),
        result=(rows, columns, out),
        groups=filter_.groups,
        stride=stride,
        dilation=dilation,
        pad=(top, left),
        requantization=_requantization(task, _products(x, filter_.scales, y, out), y, filter_),
    )


def _weights(task: Task, rank: int, axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """int8 weights of the given rank and their scales: one, or as many as the output has channels."""
    raw, weights = task.constant(1, "INT8", np.int8)
    if weights.ndim != rank:
        raise task.error(f"the weights have {weights.ndim} dimensions instead of {rank}")
    scales = raw.scales.astype(np.float32)
    count = len(scales)
    if count not in (1, weights.shape[axis]) or (count > 1 and raw.axis != axis) or len(raw.zero_points) != count:
        raise task.error(
            f"the weights have {count} scales and {len(raw.zero_points)} zero points along axis {raw.axis}",
            "int8 weights need one of each for the whole tensor or for every output channel.",
        )
    if raw.zero_points.any() or not (np.isfinite(scales).all() and (scales >= np.finfo(np.float32).tiny).all()):
        raise task.error("the weights are not symmetric (zero point 0, positive scales)", "Convert to int8 again.")
    return weights, scales


def _bias(task: Task, out: int) -> NDArray[np.int32]:
    if not task.given(2):
        return np.zeros(out, np.int32)
    _, bias = task.constant(2, "INT32", np.int32)
    if bias.size != out:
        raise task.error(f"the bias has {bias.size} values instead of {out}")
    return bias.reshape(out)


def _check_bias_scale(task: Task, product: float, output_scale: float) -> None:
    if not task.given(2):
        return
    raw, _ = task.constant(2, "INT32", np.int32)
    scale = float(raw.scales[0]) if len(raw.scales) else 0.0
    if not abs(product - scale) / output_scale <= 0.02:
        raise task.error(f"the bias has scale {scale:g} instead of {product:g}")


def _products(x: Tensor, scales: NDArray[np.float32], y: Tensor, out: int) -> list[float]:
    real = [x.quantization.scale * float(scale) / y.quantization.scale for scale in scales]
    return real * out if len(real) == 1 else real


def _requantization(task: Task, real: list[float], y: Tensor, filter_: _Filter) -> Requantization:
    pairs = [fixed_point.quantize_multiplier(value) for value in real]
    weight_sums = np.abs(filter_.weights.astype(np.int64)).reshape(len(filter_.weights), -1).sum(axis=1)
    for weight_sum, bias, (_, shift) in zip(weight_sums, filter_.bias, pairs, strict=True):
        # 255 and not the distance from the zero point: the kernels compare sums of w * (q + 128) too
        task.check_sum(int(weight_sum) * 255 + abs(int(bias)), shift)
    low, high = task.activation_range(y)
    multipliers, shifts = zip(*pairs, strict=True)
    return Requantization(multipliers, shifts, y.quantization.zero_point, low, high)
