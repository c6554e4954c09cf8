"""int8 networks of the shapes that people put on small boards, for tests and benchmarks; random weights.

`mobilenet()`: MobileNet v1 0.25 at 96x96 grey, as in TFLM's person_detect. `resnet()`: MLPerf Tiny's ResNet-8 at 32x32
in three colours. Both end in logits. `fomo()`: the first inverted residuals of a MobileNet v2 with explicit pads, and a
map of what is where. Every layer's output scale is chosen by running one image through numpy,
so that the activations use their range and are not saturated, as calibration would do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.tflite.builder import Builder

_SEED = 2024
_RELU = schema.ActivationFunctionType.RELU
# as TensorFlow's converter numbers int8 operators
_VERSIONS = {
    "ADD": 2, "AVERAGE_POOL_2D": 2, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4, "RESHAPE": 1,
}  # fmt: skip
_REACHED = 0.999  # share of activations that the output's range holds


@dataclass(frozen=True, slots=True)
class _Value:
    """A tensor of the file and its int8 values for the calibration image, [H, W, C] or [C]."""

    index: int
    q: NDArray[np.float64]
    scale: float
    zero_point: int

    @property
    def real(self) -> NDArray[np.float64]:
        return (self.q - self.zero_point) * self.scale


class _Sketch:
    """Draws layers onto a builder and follows one image through them."""

    def __init__(self, *shape: int) -> None:
        self.b = Builder(versions=_VERSIONS)
        self.rng = np.random.default_rng(_SEED)
        index = self.b.tensor((1, *shape), scales=[1 / 255], zero_points=[-128])
        values = image(shape, 0) if len(shape) == 3 else self.rng.integers(-128, 128, shape)
        self.input = _Value(index, values.astype(np.float64), 1 / 255, -128)

    def conv(
        self, x: _Value, out: int, size: int = 3, stride: int = 1, *, depthwise: bool = False, relu: bool = True,
        padded: bool = False,
    ) -> _Value:  # fmt: skip
        """SAME convolution with per-channel scales and a bias; VALID where the image is padded already."""
        depth = x.q.shape[2]
        out = depth if depthwise else out
        fan_in = size * size * (1 if depthwise else depth)
        real = self.rng.normal(0, np.sqrt(2 / fan_in), (out, size, size, 1 if depthwise else depth))
        scales = (np.abs(real).reshape(out, -1).max(1) / 127).astype(np.float32)
        weights = np.round(real / scales[:, None, None, None]).astype(np.int8)
        bias_scales = np.float32(x.scale) * scales
        bias = np.round(self.rng.normal(0, 0.1, out) / bias_scales).astype(np.int32)
        sums = _sums(x.real, weights * scales[:, None, None, None].astype(np.float64), stride, depthwise, padded)
        y = self._activation(sums + bias * bias_scales.astype(np.float64), relu)
        filters = weights.transpose(3, 1, 2, 0) if depthwise else weights
        inputs = [
            x.index,
            self.b.tensor(filters.shape, data=filters, scales=scales, zero_points=[0] * out, axis=3 * depthwise),
            self.b.tensor([out], "INT32", bias, bias_scales, [0] * out),
        ]
        padding, fused = schema.Padding.VALID if padded else schema.Padding.SAME, _RELU if relu else 0
        if depthwise:
            options = schema.DepthwiseConv2DOptionsT(padding, stride, stride, 1, fused)
            self.b.op("DEPTHWISE_CONV_2D", inputs, y.index, options)
        else:
            self.b.op("CONV_2D", inputs, y.index, schema.Conv2DOptionsT(padding, stride, stride, fused))
        return y

    def padded(self, x: _Value) -> _Value:
        """A row and a column of zeros on every side."""
        q = np.pad(x.q, [(1, 1), (1, 1), (0, 0)], constant_values=x.zero_point)
        index = self.b.tensor((1, *q.shape), scales=[x.scale], zero_points=[x.zero_point])
        amounts = self.b.tensor((4, 2), "INT32", np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))
        self.b.op("PAD", [x.index, amounts], index, schema.PadOptionsT())
        return _Value(index, q, x.scale, x.zero_point)

    def add(self, a: _Value, b: _Value, *, relu: bool = True) -> _Value:
        """The end of a residual block."""
        y = self._activation(a.real + b.real, relu=relu)
        self.b.op("ADD", [a.index, b.index], y.index, schema.AddOptionsT(_RELU if relu else 0))
        return y

    def pooled(self, x: _Value) -> _Value:
        """The average over the whole image, [C]."""
        height, width, channels = x.q.shape
        index = self.b.tensor((1, 1, 1, channels), scales=[x.scale], zero_points=[x.zero_point])
        y = _Value(index, x.q.mean((0, 1)), x.scale, x.zero_point)
        whole = schema.Pool2DOptionsT(schema.Padding.VALID, width, height, width, height)
        self.b.op("AVERAGE_POOL_2D", [x.index], y.index, whole)
        return y

    def logits(self, x: _Value, count: int) -> _Value:
        """Fully connected."""
        flat = self.b.tensor((1, x.q.size), scales=[x.scale], zero_points=[x.zero_point])
        shape = self.b.tensor([2], "INT32", np.array([1, x.q.size], np.int32))
        self.b.op("RESHAPE", [x.index, shape], flat, schema.ReshapeOptionsT([1, x.q.size]))
        real = self.rng.normal(0, np.sqrt(1 / x.q.size), (count, x.q.size))
        scale = np.float32(np.abs(real).max() / 127)
        weights = np.round(real / scale).astype(np.int8)
        logits = self._activation((weights * float(scale)) @ x.real.reshape(-1), relu=False)
        bias = self.b.tensor([count], "INT32", np.zeros(count, np.int32), [np.float32(x.scale) * scale], [0])
        inputs = [flat, self.b.tensor(weights.shape, data=weights, scales=[scale], zero_points=[0]), bias]
        self.b.op("FULLY_CONNECTED", inputs, logits.index, schema.FullyConnectedOptionsT())
        return logits

    def _activation(self, real: NDArray[np.float64], relu: bool) -> _Value:
        """A tensor whose scale fits the values, with their int8 form."""
        magnitude, steps, zero_point = (real.clip(0), 255, -128) if relu else (np.abs(real), 127, 0)
        scale = float(np.float32(np.quantile(magnitude, _REACHED) / steps))
        index = self.b.tensor((1, *real.shape), scales=[scale], zero_points=[zero_point])
        return _Value(index, np.round(real / scale + zero_point).clip(-128, 127), scale, zero_point)


def image(shape: tuple[int, ...], seed: int) -> NDArray[np.int8]:
    """Soft blobs with some noise, int8 [H, W, C]: what a picture has and pure noise has not."""
    rng = np.random.default_rng(seed)
    height, width, channels = shape
    coarse = rng.normal(0, 60, (6, 6, channels)).repeat(-(-height // 6), 0).repeat(-(-width // 6), 1)[:height, :width]
    return np.round(coarse + rng.normal(0, 15, shape)).clip(-128, 127).astype(np.int8)


def mobilenet() -> bytes:
    """MobileNet v1 with a quarter of the channels: 96x96x1, ten logits, 7.2 M MACs."""
    s = _Sketch(96, 96, 1)
    x = s.conv(s.input, 8, stride=2)
    blocks: Sequence[tuple[int, int]] = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2)]
    for out, stride in (*blocks, *[(128, 1)] * 5, (256, 2), (256, 1)):
        x = s.conv(s.conv(x, 0, stride=stride, depthwise=True), out, size=1)
    return s.b.finish([s.input.index], [s.logits(s.pooled(x), 10).index])


def resnet() -> bytes:
    """ResNet-8: 32x32x3, ten logits, 12.5 M MACs."""
    s = _Sketch(32, 32, 3)
    x = s.conv(s.input, 16)
    for out, stride in ((16, 1), (32, 2), (64, 2)):
        y = s.conv(s.conv(x, out, stride=stride), out, relu=False)
        x = s.add(x if stride == 1 else s.conv(x, out, size=1, stride=stride, relu=False), y)
    return s.b.finish([s.input.index], [s.logits(s.pooled(x), 10).index])


def small(shape: tuple[int, ...], outputs: int) -> bytes:
    """A convolution and a fully connected layer behind an image; the layer alone behind any other input."""
    s = _Sketch(*shape)
    x = s.conv(s.input, 8, stride=4) if len(shape) == 3 else s.input
    return s.b.finish([s.input.index], [s.logits(x, outputs).index])


def fomo() -> bytes:
    """What FOMO is made of: 96x96x3, a convolution, five inverted residuals of six times the channels, each depthwise
    convolution behind a pad of its own; then a map of 12 x 12 for three classes."""
    s = _Sketch(96, 96, 3)
    x = s.conv(s.padded(s.input), 16, stride=2, padded=True)
    for out, stride in ((8, 1), (16, 2), (16, 1), (24, 2), (24, 1)):
        wide = s.conv(x, 6 * x.q.shape[2], size=1)
        wide = s.conv(s.padded(wide), 0, stride=stride, depthwise=True, padded=True)
        y = s.conv(wide, out, size=1, relu=False)
        x = s.add(x, y, relu=False) if y.q.shape == x.q.shape else y
    return s.b.finish([s.input.index], [s.conv(s.conv(x, 32, size=1), 3, size=1, relu=False).index])


NETWORKS = {"mobilenet": mobilenet, "resnet": resnet}


def _sums(
    x: NDArray[np.float64], w: NDArray[np.float64], stride: int, depthwise: bool, is_padded: bool
) -> NDArray[np.float64]:
    """Sums [H', W', O] of an image [H, W, C] and filters [O, k, k, C or 1], padded as SAME does unless it is."""
    size = w.shape[1]
    rows, columns = ((side - size) // stride + 1 if is_padded else -(-side // stride) for side in x.shape[:2])
    around = [max(0, (n - 1) * stride + size - side) for n, side in zip((rows, columns), x.shape, strict=False)]
    padded = np.pad(x, [(total // 2, total - total // 2) for total in around] + [(0, 0)])
    sums = np.zeros((rows, columns, len(w)))
    for i in range(size):
        for j in range(size):
            part = padded[i : i + rows * stride : stride, j : j + columns * stride : stride][:rows, :columns]
            sums += part * w[:, i, j, 0] if depthwise else part @ w[:, i, j].T
    return sums
