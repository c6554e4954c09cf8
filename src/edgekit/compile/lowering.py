"""One TFLite operator -> one operator of the graph: options checked, shapes recomputed, scales turned into integers."""

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgekit.artifacts import Quantization
from edgekit.compile import fixed_point
from edgekit.compile.decode import RawOp
from edgekit.compile.graph import Add, Convolution, Mean, Pad, Pool, Requantization, Reshape, Softmax, Tensor
from edgekit.errors import EdgekitError

if TYPE_CHECKING:
    from edgekit.compile.reader import Source

_AGAIN = "Export and convert the model again."
_LIMIT = 2**31 - 2**8  # what a sum may reach, so that adding a zero point stays within int32


def conv(source: "Source", op: RawOp, label: str) -> Convolution:
    """CONV_2D, grouped where the filter has fewer channels than the image."""
    options = _options(op, label)
    x, y = source.operand(op, 0, label), source.result(op, label)
    weights, scales = _weights(source, op, label, rank=4, axis=0)
    _, _, _, channels = _image(x, label)
    out, _, _, depth = weights.shape
    if channels % depth or out % (channels // depth):
        raise EdgekitError(f"{label}: {out} filters of {depth} channels do not fit {channels} channels.", _AGAIN)
    return _convolution(source, op, label, options, x, y, weights, channels // depth, scales)


def depthwise(source: "Source", op: RawOp, label: str) -> Convolution:
    """DEPTHWISE_CONV_2D with any multiplier, as a convolution in as many groups as there are channels."""
    options = _options(op, label)
    x, y = source.operand(op, 0, label), source.result(op, label)
    weights, scales = _weights(source, op, label, rank=4, axis=3)  # [1, kh, kw, channels * multiplier]
    _, _, _, channels = _image(x, label)
    multiplier = int(options["DepthMultiplier"])
    if multiplier < 1 or weights.shape[0] != 1 or weights.shape[3] != channels * multiplier:
        raise EdgekitError(
            f"{label}: a filter of shape {list(weights.shape)} with multiplier {multiplier} does not fit "
            f"{channels} channels.",
            _AGAIN,
        )
    by_output = np.ascontiguousarray(weights.transpose(3, 1, 2, 0))
    return _convolution(source, op, label, options, x, y, by_output, channels, scales)


def fully_connected(source: "Source", op: RawOp, label: str) -> Convolution:
    """FULLY_CONNECTED as a 1x1 convolution over a row of `batches` positions."""
    options = _options(op, label)
    if options["WeightsFormat"] != 0:
        raise EdgekitError(f"{label}: shuffled weights are not supported.", _AGAIN)
    x, y = source.operand(op, 0, label), source.result(op, label)
    weights, scales = _weights(source, op, label, rank=2, axis=0)
    out, depth = weights.shape
    batches = y.size // y.shape[-1] if y.shape else 0
    if not y.shape or y.shape[-1] != out or x.size != batches * depth:
        raise EdgekitError(
            f"{label}: weights {list(weights.shape)} do not lead from {list(x.shape)} to {list(y.shape)}.", _AGAIN
        )
    if len(scales) == 1:
        # TFLM multiplies these two as float32, unlike the scales of a convolution; and it wants the bias's scale right.
        with np.errstate(over="ignore"):
            product = float(np.float32(x.quantization.scale) * scales[0])
        if not math.isfinite(product):
            raise EdgekitError(f"{label}: its scales are too large.", _AGAIN)
        _check_bias_scale(source, op, label, product, y.quantization.scale)
        real = [product / y.quantization.scale] * out
    else:
        real = _products(x, scales, y, out)
    return Convolution(
        label=label,
        input=x,
        output=y,
        weights=weights.reshape(out, 1, 1, depth),
        bias=(bias := _bias(source, op, label, out)),
        image=(1, batches, depth),
        result=(1, batches, out),
        groups=1,
        stride=(1, 1),
        dilation=(1, 1),
        pad=(0, 0),
        requantization=_requantization(label, real, y, options, _sum_bound(weights, bias, x)),
    )


def max_pool(source: "Source", op: RawOp, label: str) -> Pool:
    """MAX_POOL_2D."""
    return _pool(source, op, label, "max")


def average_pool(source: "Source", op: RawOp, label: str) -> Pool:
    """AVERAGE_POOL_2D."""
    return _pool(source, op, label, "average")


def mean(source: "Source", op: RawOp, label: str) -> Mean:
    """MEAN over height and width."""
    x, y = source.operand(op, 0, label), source.result(op, label)
    _, height, width, channels = _image(x, label)
    _, axes = source.constant(op, 1, label, "INT32", np.int32)
    if {int(axis) % 4 if -4 <= axis < 4 else -1 for axis in axes.ravel()} != {1, 2}:
        raise EdgekitError(
            f"{label}: the mean over axes {axes.ravel().tolist()[:8]} is not supported, only over height and width.",
            "Average over axes 1 and 2.",
        )
    _expect(label, y, [(1, channels), (1, 1, 1, channels)])
    count = height * width
    bound = count * _farthest(x.quantization)
    multiplier, shift = fixed_point.mean_multiplier(x.quantization.scale, y.quantization.scale, count)
    _check_sum(label, bound, shift)
    result = Requantization((multiplier,), (shift,), y.quantization.zero_point, -128, 127)
    return Mean(label, x, y, count, channels, result)


def pad(source: "Source", op: RawOp, label: str) -> Pad:
    """PAD with the zero point."""
    if len(op.inputs) != 2:
        raise EdgekitError(f"{label} has {len(op.inputs)} inputs instead of two.", "Pad with zero only.")
    x, y = source.operand(op, 0, label), source.result(op, label)
    _, amounts = source.constant(op, 1, label, "INT32", np.int32)
    rank = len(x.shape)
    if amounts.shape != (rank, 2) or not 1 <= rank <= 4 or (amounts < 0).any() or (amounts > 1 << 24).any():
        raise EdgekitError(f"{label}: paddings of shape {list(amounts.shape)} do not fit {list(x.shape)}.", _AGAIN)
    _expect(label, y, [tuple(s + int(a) + int(b) for s, (a, b) in zip(x.shape, amounts, strict=True))])
    return Pad(label, x, y, tuple(int(before) for before in amounts[:, 0]), y.quantization.zero_point)


def reshape(source: "Source", op: RawOp, label: str) -> Reshape:
    """RESHAPE; the output's own shape counts, as it does for TFLM."""
    x, y = source.operand(op, 0, label), source.result(op, label)
    if x.size != y.size:
        raise EdgekitError(f"{label} turns {list(x.shape)} into {list(y.shape)}, which has another size.", _AGAIN)
    return Reshape(label, x, y)


def softmax(source: "Source", op: RawOp, label: str) -> Softmax:
    """SOFTMAX over the last dimension."""
    options = _options(op, label)
    x, y = source.operand(op, 0, label), source.result(op, label)
    _expect(label, y, [x.shape])
    if y.quantization != Quantization(1 / 256, -128) or not x.shape:
        raise EdgekitError(f"{label}: its output must have scale 1/256 and zero point -128.", _AGAIN)
    depth = x.shape[-1]
    if depth > 4095:  # the sum of exponentials has 12 integer bits
        raise EdgekitError(f"{label} runs over {depth} values; TFLM's kernel holds 4095.", "Use fewer classes.")
    beta = float(options["Beta"])
    try:
        if not (math.isfinite(beta) and beta > 0):
            raise OverflowError
        table = fixed_point.softmax_table(beta, x.quantization.scale)
    except OverflowError as error:
        raise EdgekitError(
            f"{label}: beta {beta:g} with input scale {x.quantization.scale:g} is out of range.", _AGAIN
        ) from error
    return Softmax(label, x, y, x.size // depth, depth, table)


def add(source: "Source", op: RawOp, label: str) -> Add:
    """ADD of two activations, or of an activation and a constant, with broadcasting."""
    options = _options(op, label)
    y = source.result(op, label)
    if len(op.inputs) != 2 or (source.is_constant(op, 0) and source.is_constant(op, 1)):
        raise EdgekitError(f"{label} does not add to an activation.", _AGAIN)
    operands: list[Tensor | NDArray[np.int8]] = []
    shapes, quantizations = [], []
    for position in (0, 1):
        if source.is_constant(op, position):
            tensor = source.activation(op.inputs[position], f"input {position} of {label}")
            _, constant = source.constant(op, position, label, "INT8", np.int8)
            operands.append(constant.astype(np.int8))
        else:
            tensor = source.operand(op, position, label)
            operands.append(tensor)
        shapes.append(tensor.shape)
        quantizations.append(tensor.quantization)
    rank = max(len(shape) for shape in shapes)
    first, second = ((1,) * (rank - len(shape)) + shape for shape in shapes)
    if rank > 4 or any(a != b and 1 not in (a, b) for a, b in zip(first, second, strict=True)):
        raise EdgekitError(f"{label} cannot add shapes {list(shapes[0])} and {list(shapes[1])}.", _AGAIN)
    total = tuple(max(a, b) for a, b in zip(first, second, strict=True))
    _expect(label, y, [total])
    twice = 2 * max(q.scale for q in quantizations)
    reals = (quantizations[0].scale / twice, quantizations[1].scale / twice, twice / (2**20 * y.quantization.scale))
    scalings = [fixed_point.quantize_multiplier(real) for real in reals]
    if not 0.0 < reals[2] < 1.0 or any(shift > 0 for _, shift in scalings):
        raise EdgekitError(f"{label}: its scales are too far apart for TFLM's kernel.", _AGAIN)
    low, high = _range(label, options, y)
    return Add(
        label=label,
        operands=(operands[0], operands[1]),
        output=y,
        shapes=(first, second, total),
        zero_points=(quantizations[0].zero_point, quantizations[1].zero_point),
        scalings=(scalings[0], scalings[1]),
        requantization=Requantization((scalings[2][0],), (scalings[2][1],), y.quantization.zero_point, low, high),
    )


def _convolution(
    source: "Source",
    op: RawOp,
    label: str,
    options: dict[str, Any],
    x: Tensor,
    y: Tensor,
    weights: NDArray[np.int8],
    groups: int,
    scales: NDArray[np.float32],
) -> Convolution:
    _, height, width, channels = _image(x, label)
    out, kernel_height, kernel_width, _ = weights.shape
    stride = _positive(label, options, "StrideH", "StrideW")
    dilation = _positive(label, options, "DilationHFactor", "DilationWFactor")
    rows, top = _window(label, options, height, kernel_height, stride[0], dilation[0])
    columns, left = _window(label, options, width, kernel_width, stride[1], dilation[1])
    _expect(label, y, [(1, rows, columns, out)])
    bias = _bias(source, op, label, out)
    real = _products(x, scales, y, out)
    return Convolution(
        label=label,
        input=x,
        output=y,
        weights=weights,
        bias=bias,
        image=(height, width, channels),
        result=(rows, columns, out),
        groups=groups,
        stride=stride,
        dilation=dilation,
        pad=(top, left),
        requantization=_requantization(label, real, y, options, _sum_bound(weights, bias, x)),
    )


def _pool(source: "Source", op: RawOp, label: str, kind: Literal["max", "average"]) -> Pool:
    options = _options(op, label)
    x, y = source.operand(op, 0, label), source.result(op, label)
    _, height, width, channels = _image(x, label)
    stride = _positive(label, options, "StrideH", "StrideW")
    window = _positive(label, options, "FilterHeight", "FilterWidth")
    rows, top = _window(label, options, height, window[0], stride[0], 1)
    columns, left = _window(label, options, width, window[1], stride[1], 1)
    _expect(label, y, [(1, rows, columns, channels)])
    a, b = x.quantization, y.quantization
    if abs(float(np.float32(a.scale) - np.float32(b.scale))) > 1e-6 or a.zero_point != b.zero_point:
        raise EdgekitError(f"{label}: input and output must have the same quantisation.", _AGAIN)
    low, high = _range(label, options, y)
    image, result = (height, width, channels), (rows, columns, channels)
    return Pool(label, x, y, kind, image, result, window, stride, (top, left), low, high)


def _options(op: RawOp, label: str) -> dict[str, Any]:
    if op.options is None:
        raise EdgekitError(f"{label} has no options.", _AGAIN)
    return op.options


def _positive(label: str, options: dict[str, Any], *names: str) -> tuple[int, int]:
    first, second = (int(options[name]) for name in names)
    if not (1 <= first <= 4096 and 1 <= second <= 4096):
        raise EdgekitError(f"{label}: {names[0]} and {names[1]} are {first} and {second}.", _AGAIN)
    return first, second


def _image(x: Tensor, label: str) -> tuple[int, int, int, int]:
    if len(x.shape) != 4 or x.shape[0] != 1:
        raise EdgekitError(f"{label} needs an image [1, height, width, channels], not {list(x.shape)}.", _AGAIN)
    return x.shape[0], x.shape[1], x.shape[2], x.shape[3]


def _expect(label: str, y: Tensor, shapes: list[tuple[int, ...]]) -> None:
    if y.shape not in shapes:
        raise EdgekitError(f"The output of {label} has shape {list(y.shape)} instead of {list(shapes[0])}.", _AGAIN)


def _window(label: str, options: dict[str, Any], size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Output size and padding before, along one axis (TFLite's padding.h)."""
    reach = (kernel - 1) * dilation + 1
    if options["Padding"] == "SAME":
        result = -(-size // stride)
    elif options["Padding"] == "VALID" and size >= reach:
        result = (size - reach) // stride + 1
    else:
        raise EdgekitError(f"{label}: a window of {reach} does not fit into {size} with {options['Padding']}.", _AGAIN)
    return result, max(0, (result - 1) * stride + reach - size) // 2


def _weights(
    source: "Source", op: RawOp, label: str, rank: int, axis: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """int8 weights of the given rank and their scales: one, or as many as the output has channels."""
    raw, weights = source.constant(op, 1, label, "INT8", np.int8)
    if weights.ndim != rank:
        raise EdgekitError(f"The weights of {label} have {weights.ndim} dimensions instead of {rank}.", _AGAIN)
    scales = raw.scales.astype(np.float32)
    count = len(scales)
    if count not in (1, weights.shape[axis]) or (count > 1 and raw.axis != axis) or len(raw.zero_points) != count:
        raise EdgekitError(
            f"The weights of {label} have {count} scales and {len(raw.zero_points)} zero points along axis {raw.axis}.",
            "int8 weights need one of each for the whole tensor or for every output channel.",
        )
    if raw.zero_points.any() or not (np.isfinite(scales).all() and (scales >= np.finfo(np.float32).tiny).all()):
        raise EdgekitError(
            f"The weights of {label} are not symmetric (zero point 0, positive scales).", "Convert to int8 again."
        )
    return weights.astype(np.int8), scales


def _bias(source: "Source", op: RawOp, label: str, out: int) -> NDArray[np.int32]:
    if len(op.inputs) < 3 or op.inputs[2] == -1:
        return np.zeros(out, np.int32)
    _, bias = source.constant(op, 2, label, "INT32", np.int32)
    if bias.size != out:
        raise EdgekitError(f"The bias of {label} has {bias.size} values instead of {out}.", _AGAIN)
    return bias.reshape(out).astype(np.int32)


def _check_bias_scale(source: "Source", op: RawOp, label: str, product: float, output_scale: float) -> None:
    if len(op.inputs) < 3 or op.inputs[2] == -1:
        return
    raw, _ = source.constant(op, 2, label, "INT32", np.int32)
    scale = float(raw.scales[0]) if len(raw.scales) else 0.0
    if not abs(product - scale) / output_scale <= 0.02:
        raise EdgekitError(f"The bias of {label} has scale {scale:g} instead of {product:g}.", _AGAIN)


def _products(x: Tensor, scales: NDArray[np.float32], y: Tensor, out: int) -> list[float]:
    real = [x.quantization.scale * float(scale) / y.quantization.scale for scale in scales]
    return real * out if len(real) == 1 else real


def _range(label: str, options: dict[str, Any], y: Tensor) -> tuple[int, int]:
    activation = options["FusedActivationFunction"]
    if activation not in ("NONE", "RELU", "RELU_N1_TO_1", "RELU6"):
        raise EdgekitError(f"{label}: the fused activation {activation} is not supported.", "Use RELU, RELU6 or none.")
    try:
        return fixed_point.activation_range(activation, y.quantization.scale, y.quantization.zero_point)
    except OverflowError as error:
        raise EdgekitError(f"{label}: output scale {y.quantization.scale:g} is too small.", _AGAIN) from error


def _requantization(
    label: str, real: list[float], y: Tensor, options: dict[str, Any], bounds: list[int]
) -> Requantization:
    pairs = [fixed_point.quantize_multiplier(value) for value in real]
    for bound, (_, shift) in zip(bounds, pairs, strict=True):
        _check_sum(label, bound, shift)
    low, high = _range(label, options, y)
    return Requantization(
        tuple(multiplier for multiplier, _ in pairs),
        tuple(shift for _, shift in pairs),
        y.quantization.zero_point,
        low,
        high,
    )


def _farthest(quantization: Quantization) -> int:
    """The greatest distance of an int8 value from the zero point."""
    return max(127 - quantization.zero_point, quantization.zero_point + 128)


def _sum_bound(weights: NDArray[np.int8], bias: NDArray[np.int32], x: Tensor) -> list[int]:
    """How far each output channel's sum can get from 0, its bias included."""
    weight_sums = np.abs(weights.astype(np.int64)).reshape(len(weights), -1).sum(axis=1)
    return [int(w) * _farthest(x.quantization) + abs(int(b)) for w, b in zip(weight_sums, bias, strict=True)]


def _check_sum(label: str, bound: int, shift: int) -> None:
    """Refuses what could leave int32 in TFLM's kernel, whose result would then be undefined."""
    if shift > 31 or bound << max(0, shift) > _LIMIT:
        raise EdgekitError(
            f"{label}: its sums can reach {bound} with a scaling of 2^{shift}, which does not fit into 32 bits.",
            "The quantisation is broken, or the bias is: convert the model again with representative data.",
        )
