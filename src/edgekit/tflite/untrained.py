"""A student's int8 .tflite before it is trained: the operators, shapes and quantization that a conversion gives, with
random weights.

In: the student's shape. Out: the file's bytes, of which the compiler says what the trained one will take, in
milliseconds instead of hours. Neither torch nor tensorflow is needed.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.tflite.builder import Builder
from edgekit.tflite.schema import schema
from edgekit.tflite.strip import strip
from edgekit.values.networks import Layer, StudentSpec

# as TensorFlow's converter numbers int8 operators
_VERSIONS = {
    "ADD": 2, "AVERAGE_POOL_2D": 2, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4, "MAX_POOL_2D": 2,
}  # fmt: skip
_REACH = 4.0  # deviations that an activation's int8 range holds
_PIXELS = 0.3  # mean square of pixels in [0, 1]


def untrained(spec: StudentSpec) -> bytes:
    """The file of a student of this shape; the same for the same shape."""
    return _Drawing(spec).file


@dataclass(frozen=True, slots=True)
class _Value:
    """An activation: its tensor, and the mean square of what it holds, by which the next one's scale is chosen."""

    index: int
    square: float


@dataclass(slots=True)
class _Drawing:
    spec: StudentSpec
    file: bytes = b""
    _b: Builder = field(default_factory=lambda: Builder(versions=_VERSIONS))
    _rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def __post_init__(self) -> None:
        index = self._b.tensor((1, *self.spec.input_shape), scales=[1 / 255], zero_points=[-128])
        x = image = _Value(index, _PIXELS)
        for block in self.spec.blocks:
            y = self._layers(block.layers, x)
            x = y if block.shortcut is None else self._sum(y, self._layers(block.shortcut, x), block.relu)
        self.file = strip(self._b.finish([image.index], [self._head(x).index]))

    def _layers(self, layers: tuple[Layer, ...], x: _Value) -> _Value:
        for one in layers:
            x = self._pool(x) if one.pool else self._convolution(one, x)
        return x

    def _convolution(self, one: Layer, x: _Value) -> _Value:
        classes, padding = schema(writes=True), schema(writes=True).Padding
        if one.kernel > 1 and one.stride > 1:
            x = self._padded(x, one.kernel // 2)
        taps = one.kernel**2 * (1 if one.depthwise else one.inputs)
        shape = (one.outputs, one.kernel, one.kernel, 1 if one.depthwise else one.inputs)
        weights, scales = self._weights(shape, 2 / taps)
        filters = weights.transpose(3, 1, 2, 0) if one.depthwise else weights
        inputs = [
            x.index,
            self._b.tensor(filters.shape, data=filters, scales=scales, zero_points=[0] * one.outputs,
                           axis=3 * one.depthwise),
            self._bias(x, scales),
        ]  # fmt: skip
        square = x.square * (1 if one.relu else 2)
        y = self._activation((1, *one.result, one.outputs), square, one.relu)
        fused = classes.ActivationFunctionType.RELU if one.relu else 0
        how = padding.VALID if one.stride > 1 else padding.SAME
        if one.depthwise:
            options = classes.DepthwiseConv2DOptionsT(how, one.stride, one.stride, 1, fused)
            self._b.op("DEPTHWISE_CONV_2D", inputs, y.index, options)
        else:
            self._b.op("CONV_2D", inputs, y.index, classes.Conv2DOptionsT(how, one.stride, one.stride, fused))
        return y

    def _padded(self, x: _Value, by: int) -> _Value:
        batch, height, width, channels = self._b.shape(x.index)
        shape = (batch, height + 2 * by, width + 2 * by, channels)
        amounts = self._b.tensor((4, 2), "INT32", np.array([[0, 0], [by, by], [by, by], [0, 0]], np.int32))
        return self._like(x, shape, "PAD", [x.index, amounts], schema(writes=True).PadOptionsT())

    def _pool(self, x: _Value) -> _Value:
        batch, height, width, channels = self._b.shape(x.index)
        options = schema(writes=True).Pool2DOptionsT(schema(writes=True).Padding.VALID, 2, 2, 2, 2)
        return self._like(x, (batch, height // 2, width // 2, channels), "MAX_POOL_2D", [x.index], options)

    def _sum(self, a: _Value, b: _Value, relu: bool) -> _Value:
        classes = schema(writes=True)
        y = self._activation(self._b.shape(a.index), (a.square + b.square) / (2 if relu else 1), relu)
        options = classes.AddOptionsT(classes.ActivationFunctionType.RELU if relu else 0)
        self._b.op("ADD", [a.index, b.index], y.index, options)
        return y

    def _head(self, x: _Value) -> _Value:
        _, height, width, channels = self._b.shape(x.index)
        classes = schema(writes=True)
        mean = classes.Pool2DOptionsT(classes.Padding.VALID, width, height, width, height)
        x = self._like(x, (1, 1, 1, channels), "AVERAGE_POOL_2D", [x.index], mean)
        weights, scales = self._weights((self.spec.classes, channels), 1 / channels)
        table = self._b.tensor(weights.shape, data=weights, scales=scales, zero_points=[0] * self.spec.classes)
        y = self._activation((1, self.spec.classes), x.square, relu=False)
        bias = self._bias(x, scales)
        self._b.op("FULLY_CONNECTED", [x.index, table, bias], y.index, classes.FullyConnectedOptionsT())
        return y

    def _weights(self, shape: tuple[int, ...], variance: float) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Normal ones, with the scale of each output channel."""
        real = self._rng.normal(0, np.sqrt(variance), shape)
        scales = (np.abs(real).reshape(shape[0], -1).max(1) / 127).astype(np.float32)
        return np.round(real / scales.reshape(-1, *[1] * (len(shape) - 1))).astype(np.int8), scales

    def _bias(self, x: _Value, scales: NDArray[np.float32]) -> int:
        count, scales = len(scales), np.float32(self._b.quantization(x.index)[0]) * scales
        values = np.round(self._rng.normal(0, 0.1, count) / scales).astype(np.int32)
        return self._b.tensor([count], "INT32", values, scales, [0] * count)

    def _activation(self, shape: tuple[int, ...], square: float, relu: bool) -> _Value:
        """A tensor for values of that mean square, after a ReLU or not."""
        reach = _REACH * float(np.sqrt(square * (2 if relu else 1)))
        scale, zero_point = (reach / 255, -128) if relu else (reach / 127, 0)
        return _Value(self._b.tensor(shape, scales=[scale], zero_points=[zero_point]), square)

    def _like(self, x: _Value, shape: tuple[int, ...], code: str, inputs: list[int], options: Any) -> _Value:
        """What an operator makes of an activation that keeps its quantization."""
        scale, zero_point = self._b.quantization(x.index)
        index = self._b.tensor(shape, scales=[scale], zero_points=[zero_point])
        self._b.op(code, inputs, index, options)
        return _Value(index, x.square)
