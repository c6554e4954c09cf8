"""Operators drawn at random onto a `Builder`: shapes, windows, scales, zero points and activations of every kind."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.compile.ops import OPERATORS
from edgekit.tflite.builder import Builder

_Choice = TypeVar("_Choice")


class Random:
    """Draws operators onto a builder. `b` may be looked at; every method takes and returns a tensor index.

    Args:
        wide: activations are INT16 without zero points, as TFLM has them beside int8 weights.
    """

    def __init__(self, seed: int, wide: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.wide = wide
        self.b = Builder()

    def pick(self, *values: _Choice) -> _Choice:
        """One of the values."""
        return values[int(self.rng.integers(len(values)))]

    def known(self, codes: Sequence[str]) -> list[str]:
        """Those of the operators that have activations of this width."""
        return [code for code in codes if not self.wide or OPERATORS[code].takes_16x8]

    def zero_point(self) -> int:
        return int(self.pick(-128, 127, 0, int(self.rng.integers(-128, 128)), int(self.rng.integers(-128, 128))))

    def scale(self, low: float = 0.002, high: float = 0.2) -> float:
        return float(np.float32(np.exp(self.rng.uniform(np.log(low), np.log(high)))))

    def activation(self, shape: Sequence[int], scale: float | None = None, zero_point: int | None = None) -> int:
        if self.wide:
            scale = self.pick(2**-12, 2**-11, *[self.scale(0.0001, 0.01)] * 8) if scale is None else scale
            return self.b.tensor(shape, "INT16", scales=[scale], zero_points=[0])
        scale = self.scale() if scale is None else scale
        zero_point = self.zero_point() if zero_point is None else zero_point
        return self.b.tensor(shape, scales=[scale], zero_points=[zero_point])

    def constant_of(self, shape: Sequence[int], scale: float | None = None, zero_point: int | None = None) -> int:
        """An activation that does not change."""
        limits, kind = np.iinfo(np.int16 if self.wide else np.int8), "INT16" if self.wide else "INT8"
        data = self.rng.integers(int(limits.min), int(limits.max) + 1, shape).astype(limits.dtype)
        scale = self.scale() if scale is None else scale
        zero_point = 0 if self.wide else self.zero_point() if zero_point is None else zero_point
        return self.b.tensor(shape, kind, data, [scale], [zero_point])

    def weights(self, shape: Sequence[int], axis: int) -> tuple[int, NDArray[np.int8], NDArray[np.float32]]:
        out = shape[axis]
        count = out if self.rng.random() < 0.7 else 1
        scales = np.array([self.scale(0.001, 0.05) for _ in range(count)], np.float32)
        kind = self.pick("any", "any", "any", "extreme", "sparse")
        data = self.rng.integers(-128, 128, shape)
        if kind == "extreme":
            data = self.rng.choice([-128, -127, 127], shape)
        if kind == "sparse":
            data = data * (self.rng.random(shape) < 0.3)
        values = data.astype(np.int8)
        return self.b.tensor(shape, data=values, scales=scales, zero_points=[0] * count, axis=axis), values, scales

    def bias(self, out: int, x: int, scales: NDArray[np.float32], fan_in: int) -> int:
        spread = 2**24 if self.rng.random() < 0.1 else int(np.sqrt(fan_in) * 4000)
        kind = "INT64" if self.wide else "INT32"
        data = self.rng.integers(-spread, spread, out).astype(kind.lower())
        scale = self.b.quantization(x)[0]
        product = [np.float32(np.float32(scale) * s) for s in scales]
        return self.b.tensor([out], kind, data=data, scales=product, zero_points=[0] * len(product))

    def output_scale(self, x: int, scales: NDArray[np.float32], fan_in: int) -> float:
        """Mostly one that keeps results in range; sometimes far too small (saturation) or too large."""
        size, wanted = (9000, 15000) if self.wide else (70, 60)
        natural = self.b.quantization(x)[0] * float(np.median(scales)) * 70 * size * np.sqrt(fan_in) / wanted
        return float(np.float32(natural * self.pick(1, 1, 1, 1, 1, 1, 0.03, 0.003, 10)))

    def window(self, size: int, most: int) -> tuple[int, int, int]:
        """Kernel, stride, dilation along one axis of the given size, for SAME or VALID."""
        kernel = int(self.rng.integers(1, min(most, size) + 1))
        dilation = int(self.pick(1, 1, 1, 1, 2, 3))
        if (kernel - 1) * dilation + 1 > size:
            dilation = 1
        return kernel, int(self.pick(1, 1, 2, 2, 3)), dilation

    @staticmethod
    def result(size: int, kernel: int, stride: int, dilation: int, same: bool) -> int:
        reach = (kernel - 1) * dilation + 1
        return -(-size // stride) if same else (size - reach) // stride + 1

    def conv(
        self,
        x: int,
        depthwise: bool = False,
        out: int | None = None,
        *,
        three: bool = False,
        stride: int = 1,
        pointwise: bool = False,
    ) -> int:
        """`three`: 3x3 with such a stride, dense or depthwise. `pointwise`: 1x1, dense."""
        _, height, width, channels = self.b.shape(x)
        same = self.rng.random() < 0.6
        kh, sy, dy = self.window(height, 5)
        kw, sx, dx = self.window(width, 5)
        if self.rng.random() < 0.3:
            kh = kw = 1
        if (self.rng.random() < 0.4 and min(height, width) >= 3) or three:
            kh, kw, sy, sx, dy, dx = 3, 3, stride, stride, 1, 1
        if three:
            same = same or min(height, width) < 3
        elif same and self.rng.random() < 0.15:
            kh, kw = kh + height, kw + 2  # the window is larger than the image
        if pointwise:
            kh = kw = dy = dx = 1
        if dy != 1 or dx != 1:
            sy = sx = 1
        shape_y = self.result(height, kh, sy, dy, same)
        shape_x = self.result(width, kw, sx, dx, same)
        multiplier = 1
        if depthwise:
            multiplier = int(self.pick(1, 1, 1, 2, 3))
            out = channels * multiplier
            filter_shape, axis, fan_in = (1, kh, kw, out), 3, kh * kw
        else:
            out = out or int(self.rng.integers(1, 14))
            depth = channels
            if channels > 1 and not (three or pointwise) and self.rng.random() < 0.15:  # grouped
                groups = int(self.pick(*[g for g in range(2, channels + 1) if channels % g == 0]))
                depth, out = channels // groups, groups * int(self.rng.integers(1, 7))
            filter_shape, axis, fan_in = (out, kh, kw, depth), 0, kh * kw * depth
        w, _, scales = self.weights(filter_shape, axis)
        y = self.activation((1, shape_y, shape_x, out), self.output_scale(x, scales, fan_in))
        inputs = [x, w, self.bias(out, x, scales, fan_in)]
        if not depthwise and self.rng.random() < 0.1:
            inputs[2:] = self.pick([], [-1])
        padding, fused = schema.Padding.SAME if same else schema.Padding.VALID, self.fused(y)
        if depthwise:
            options = schema.DepthwiseConv2DOptionsT(padding, sx, sy, multiplier, fused, dx, dy)
            self.b.op("DEPTHWISE_CONV_2D", inputs, y, options)
        else:
            self.b.op("CONV_2D", inputs, y, schema.Conv2DOptionsT(padding, sx, sy, fused, dx, dy))
        return y

    def fused(self, y: int) -> int:
        """A fused activation; mostly one that leaves more than one value to the output."""
        name = self.pick("NONE", "RELU", "RELU", "RELU6", "RELU_N1_TO_1")
        if name in ("RELU", "RELU6") and self.b.quantization(y)[1] > 60 and self.rng.random() < 0.9:
            name = "NONE"
        return int(getattr(schema.ActivationFunctionType, name))

    def pool(self, x: int, kind: str | None = None) -> int:
        kind = kind or self.pick("MAX_POOL_2D", "AVERAGE_POOL_2D")
        _, height, width, _ = self.b.shape(x)
        same = self.rng.random() < 0.4
        kh, sy, _ = self.window(height, 4)
        kw, sx, _ = self.window(width, 4)
        if self.rng.random() < 0.6 and min(height, width) >= 2:
            kh, kw, sy, sx = self.pick((2, 2, 2, 2), (2, 2, 2, 2), (1, 2, 1, 2), (2, 1, 2, 1))
        return self._pooled(x, kind, (kh, kw, sy, sx), same)

    def halved(self, x: int) -> int:
        """A 2x2 max-pool whose windows neither overlap nor are cut off."""
        return self._pooled(x, "MAX_POOL_2D", (2, 2, 2, 2), same=False)

    def _pooled(self, x: int, kind: str, window: tuple[int, int, int, int], same: bool) -> int:
        """`window`: kernel and stride, height before width."""
        _, height, width, channels = self.b.shape(x)
        kh, kw, sy, sx = window
        shape = (1, self.result(height, kh, sy, 1, same), self.result(width, kw, sx, 1, same), channels)
        y = self.activation(shape, *self.b.quantization(x))
        fused = self.fused(y) if self.rng.random() < 0.3 else 0
        padding = schema.Padding.SAME if same else schema.Padding.VALID
        self.b.op(kind, [x], y, schema.Pool2DOptionsT(padding, sx, sy, kw, kh, fused))
        return y

    def mean(self, x: int, keep: bool | None = None) -> int:
        channels = self.b.shape(x)[3]
        keep = self.rng.random() < 0.5 if keep is None else keep
        axes = self.pick([1, 2], [2, 1], [-3, -2], [1, -2])
        y = self.activation((1, 1, 1, channels) if keep else (1, channels))
        axes_index = self.b.tensor([2], "INT32", np.array(axes, np.int32))
        self.b.op("MEAN", [x, axes_index], y, schema.ReducerOptionsT(bool(keep)))
        return y

    def dense(self, x: int, out: int | None = None) -> int:
        shape = self.b.shape(x)
        depth = shape[-1] if self.rng.random() < 0.5 else int(np.prod(shape))
        batches = int(np.prod(shape)) // depth
        out = out or int(self.rng.integers(1, 12))
        w, _, scales = self.weights((out, depth), 0)
        y = self.activation((batches, out), self.output_scale(x, scales, depth))
        inputs = [x, w, self.bias(out, x, scales, depth)]
        if self.rng.random() < 0.1:
            inputs[2:] = [-1]
        fused = self.fused(y) if self.rng.random() < 0.3 else 0
        self.b.op("FULLY_CONNECTED", inputs, y, schema.FullyConnectedOptionsT(fused))
        return y

    def reshape(self, x: int, shape: Sequence[int] | None = None) -> int:
        size = int(np.prod(self.b.shape(x)))
        shape = shape or self.pick((1, size), (size,), (1, 1, 1, size))
        y = self.activation(shape, *self.b.quantization(x))
        new = self.b.tensor([len(shape)], "INT32", np.array(shape, np.int32))
        self.b.op("RESHAPE", [x, new], y, schema.ReshapeOptionsT(list(shape)))
        return y

    def pad(self, x: int) -> int:
        shape = self.b.shape(x)
        amounts = self.rng.integers(0, 3, (len(shape), 2))
        amounts[0] = 0
        if self.rng.random() < 0.6:
            amounts[-1] = 0
        y = self.activation((np.array(shape) + amounts.sum(1)).tolist(), *self.b.quantization(x))
        self.b.op("PAD", [x, self.b.tensor(amounts.shape, "INT32", amounts.astype(np.int32))], y, schema.PadOptionsT())
        return y

    def softmax(self, x: int) -> int:
        y = self.activation(self.b.shape(x), 1 / 32768 if self.wide else 1 / 256, -128)
        self.b.op("SOFTMAX", [x], y, schema.SoftmaxOptionsT(float(self.pick(1.0, 1.0, 0.5, 2.7, 30.0))))
        return y

    def narrow(self, x: int) -> int:
        """An activation that broadcasts to an image: [1, 1, 1, C] or [1, C], by a mean, and what may come behind it."""
        channels = self.b.shape(x)[3]
        y = self.mean(x, keep=True)
        kind = self.pick("mean", "add", "dense", "conv")
        if kind == "add":
            y = self.add(y)
        elif kind == "dense":
            y = self.dense(self.reshape(y, (1, channels)), channels)
        elif kind == "conv":
            y = self.conv(y, out=channels, three=True)
        return y

    def constant(self, x: int) -> int:
        """An int8 constant that broadcasts to the shape of an activation."""
        shape = list(self.b.shape(x))
        kind = self.pick("same", "channels", "scalar", "some")
        if kind == "channels":
            shape = [1] * (len(shape) - 1) + shape[-1:]
        if kind == "scalar":
            shape = [1]
        if kind == "some":
            shape = [1 if self.rng.random() < 0.5 else s for s in shape]
        return self.constant_of(shape)

    def add(self, x: int, other: int | None = None) -> int:
        if other is None:
            other = self.constant(x)
        largest = max(self.b.quantization(x)[0], self.b.quantization(other)[0])
        total = np.broadcast_shapes(self.b.shape(x), self.b.shape(other))
        y = self.activation(total, largest * self.pick(1, 1, 1.7, 0.6, 0.6, 0.02, 10))
        options = schema.AddOptionsT(self.fused(y))
        self.b.op("ADD", [x, other] if self.rng.random() < 0.7 else [other, x], y, options)
        return y
