"""The operators without weights: pools, mean, pad, reshape, softmax, add."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgekit.compile import fixed_point
from edgekit.compile.graph import (
    Add,
    Mean,
    Pad,
    Pool,
    Requantization,
    Reshape,
    Softmax,
    Tensor,
)
from edgekit.compile.source import Task
from edgekit.values.model import Quantization


def max_pool(task: Task) -> Pool:
    """MAX_POOL_2D."""
    return _pool(task, "max")


def average_pool(task: Task) -> Pool:
    """AVERAGE_POOL_2D."""
    return _pool(task, "average")


def _pool(task: Task, kind: Literal["max", "average"]) -> Pool:
    x, y = task.operand(0), task.result()
    height, width, channels = image = task.image(x)
    stride = task.sizes("StrideH", "StrideW")
    window = task.sizes("FilterHeight", "FilterWidth")
    rows, top = task.window(height, window[0], stride[0])
    columns, left = task.window(width, window[1], stride[1])
    result = (rows, columns, channels)
    task.expect(y, (1, *result))
    a, b = x.quantization, y.quantization
    if abs(float(np.float32(a.scale) - np.float32(b.scale))) > 1e-6 or a.zero_point != b.zero_point:
        raise task.error("input and output must have the same quantisation")
    task.check_sum(129 * min(window[0] * window[1], height * width), 0)
    low, high = task.activation_range(y)
    return Pool(task.label, x, y, kind, image, result, window, stride, (top, left), low, high)


def mean(task: Task) -> Mean:
    """MEAN over height and width."""
    x, y = task.operand(0), task.result()
    height, width, channels = task.image(x)
    _, axes = task.constant(1, "INT32", np.int32)
    if {int(axis) % 4 if -4 <= axis < 4 else -1 for axis in axes.ravel()} != {1, 2}:
        raise task.error(
            f"the mean over axes {axes.ravel().tolist()[:8]} is not supported, only over height and width",
            "Average over axes 1 and 2.",
        )
    task.expect(y, (1, channels), (1, 1, 1, channels))
    count = height * width
    multiplier, shift = fixed_point.mean_multiplier(x.quantization.scale, y.quantization.scale, count)
    task.check_sum(count * fixed_point.farthest(x.quantization.zero_point), shift)
    scaling = Requantization((multiplier,), (shift,), y.quantization.zero_point, -128, 127)
    return Mean(task.label, x, y, count, channels, scaling)


def pad(task: Task) -> Pad:
    """PAD with the zero point."""
    if len(task.op.inputs) != 2:
        raise task.error(f"it has {len(task.op.inputs)} inputs instead of two", "Pad with zero only.")
    x, y = task.operand(0), task.result()
    _, amounts = task.constant(1, "INT32", np.int32)
    rank = len(x.shape)
    if amounts.shape != (rank, 2) or not 1 <= rank <= 4 or (amounts < 0).any() or (amounts > 1 << 24).any():
        raise task.error(f"paddings {amounts.ravel().tolist()[:8]} do not fit {list(x.shape)}")
    task.expect(y, tuple(s + int(a) + int(b) for s, (a, b) in zip(x.shape, amounts, strict=True)))
    return Pad(task.label, x, y, tuple(int(before) for before in amounts[:, 0]), y.quantization.zero_point)


def reshape(task: Task) -> Reshape:
    """RESHAPE; the output's own shape counts, as it does for TFLM."""
    x, y = task.operand(0), task.result()
    if x.size != y.size:
        raise task.error(f"it turns {list(x.shape)} into {list(y.shape)}, which has another size")
    return Reshape(task.label, x, y)


def softmax(task: Task) -> Softmax:
    """SOFTMAX over the last dimension.

    From 512 values on, TFLM stops the program where all of them are nearly equal; the compiled code then answers -128.
    """
    x, y = task.operand(0), task.result()
    task.expect(y, x.shape)
    if y.quantization != Quantization(1 / 256, -128) or not x.shape:
        raise task.error("its output must have scale 1/256 and zero point -128")
    depth = x.shape[-1]
    if depth > 4095:  # the sum of exponentials has 12 integer bits
        raise task.error(f"it runs over {depth} values; TFLM's kernel holds 4095", "Use fewer classes.")
    beta = float(task.option("Beta"))
    try:
        if not (math.isfinite(beta) and beta > 0):
            raise OverflowError
        table = fixed_point.softmax_table(beta, x.quantization.scale)
    except OverflowError as error:
        raise task.error(f"beta {beta:g} with input scale {x.quantization.scale:g} is out of range") from error
    return Softmax(task.label, x, y, x.size // depth, depth, table)


def add(task: Task) -> Add:
    """ADD of two activations, or of an activation and a constant, with broadcasting."""
    y = task.result()
    if len(task.op.inputs) != 2 or (task.is_constant(0) and task.is_constant(1)):
        raise task.error("it does not add two things of which one is computed")
    (a, x1), (b, x2) = _addend(task, 0), _addend(task, 1)
    rank = max(len(x1.shape), len(x2.shape))
    first, second = ((1,) * (rank - len(x.shape)) + x.shape for x in (x1, x2))
    if rank > 4 or any(m != n and 1 not in (m, n) for m, n in zip(first, second, strict=True)):
        raise task.error(f"it cannot add shapes {list(x1.shape)} and {list(x2.shape)}")
    total = tuple(max(m, n) for m, n in zip(first, second, strict=True))
    task.expect(y, total)
    scales = (x1.quantization.scale, x2.quantization.scale)
    twice = 2 * max(scales)
    reals = (scales[0] / twice, scales[1] / twice, twice / (2**20 * y.quantization.scale))
    one, two, out = (fixed_point.quantize_multiplier(real) for real in reals)
    if not 0.0 < reals[2] < 1.0 or max(one[1], two[1], out[1]) > 0:
        raise task.error("its scales are too far apart for TFLM's kernel")
    low, high = task.activation_range(y)
    return Add(
        label=task.label,
        operands=(a, b),
        output=y,
        shapes=(first, second, total),
        zero_points=(x1.quantization.zero_point, x2.quantization.zero_point),
        scalings=(one, two),
        requantization=Requantization((out[0],), (out[1],), y.quantization.zero_point, low, high),
    )


def _addend(task: Task, position: int) -> tuple[Tensor | NDArray[np.int8], Tensor]:
    """An operand of ADD, and its shape and quantisation as those of a tensor."""
    if not task.is_constant(position):
        tensor = task.operand(position)
        return tensor, tensor
    tensor = task.source.activation(task.op.inputs[position], f"input {position} of {task.label}")
    return task.constant(position, "INT8", np.int8)[1], tensor
