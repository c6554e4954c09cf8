"""int8 .tflite files written directly with the schema, far faster than a converter and into every corner.

`random_model(seed)` draws a small network of the supported operators; TFLM loads each of them.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

Codes = schema.BuiltinOperator
ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")


@dataclass
class Builder:
    """Collects tensors and operators of one subgraph."""

    tensors: list[Any] = field(default_factory=list)
    buffers: list[Any] = field(default_factory=lambda: [schema.BufferT()])
    ops: list[Any] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)  # of operators, by name; 1 if not given

    def tensor(
        self, shape, kind="INT8", data=None, scales=(), zero_points=(), axis=0, signature=None, name=None
    ) -> int:
        t = schema.TensorT()
        t.shape, t.type = list(shape), getattr(schema.TensorType, kind)
        t.name = name or f"tensor_{len(self.tensors)}"
        t.shapeSignature = signature
        t.quantization = schema.QuantizationParametersT()
        if len(scales):
            t.quantization.scale = [float(np.float32(s)) for s in scales]
            t.quantization.zeroPoint = [int(z) for z in zero_points]
            t.quantization.quantizedDimension = axis
        if data is not None:
            b = schema.BufferT()
            b.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            t.buffer = len(self.buffers)
            self.buffers.append(b)
        else:
            t.buffer = 0
        self.tensors.append(t)
        return len(self.tensors) - 1

    def op(self, code: str, inputs, output: int, options: Any = None, kind: str = "") -> None:
        number = getattr(Codes, code)
        if number not in self.codes:
            self.codes.append(number)
        o = schema.OperatorT()
        o.opcodeIndex, o.inputs, o.outputs = self.codes.index(number), list(inputs), [output]
        o.builtinOptions = options
        o.builtinOptionsType = getattr(schema.BuiltinOptions, kind) if kind else 0
        self.ops.append(o)

    def shape(self, index: int) -> tuple[int, ...]:
        return tuple(self.tensors[index].shape)

    def quantization(self, index: int) -> tuple[float, int]:
        q = self.tensors[index].quantization
        return q.scale[0], q.zeroPoint[0]

    def finish(self, inputs, outputs) -> bytes:
        graph = schema.SubGraphT()
        graph.tensors, graph.operators, graph.inputs, graph.outputs = (
            self.tensors,
            self.ops,
            list(inputs),
            list(outputs),
        )
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [graph], self.buffers
        model.operatorCodes = []
        versions = {getattr(Codes, name): version for name, version in self.versions.items()}
        for number in self.codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
            code.version = versions.get(number, 1)
            model.operatorCodes.append(code)
        builder = flatbuffers.Builder(4096)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


class Random:
    """Draws operators onto a builder. `b` may be looked at; every method takes and returns a tensor index."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.b = Builder()

    def pick(self, *values):
        return values[int(self.rng.integers(len(values)))]

    def zero_point(self) -> int:
        return int(self.pick(-128, 127, 0, int(self.rng.integers(-128, 128)), int(self.rng.integers(-128, 128))))

    def scale(self, low=0.002, high=0.2) -> float:
        return float(np.float32(np.exp(self.rng.uniform(np.log(low), np.log(high)))))

    def activation(self, shape, scale=None, zero_point=None) -> int:
        scale = self.scale() if scale is None else scale
        zero_point = self.zero_point() if zero_point is None else zero_point
        return self.b.tensor(shape, scales=[scale], zero_points=[zero_point])

    def weights(self, shape, axis: int) -> tuple[int, np.ndarray, np.ndarray]:
        out = shape[axis]
        count = out if self.rng.random() < 0.7 else 1
        scales = np.array([self.scale(0.001, 0.05) for _ in range(count)], np.float32)
        kind = self.pick("any", "any", "any", "extreme", "sparse")
        data = self.rng.integers(-128, 128, shape)
        if kind == "extreme":
            data = self.rng.choice([-128, -127, 127], shape)
        if kind == "sparse":
            data = data * (self.rng.random(shape) < 0.3)
        data = data.astype(np.int8)
        return self.b.tensor(shape, data=data, scales=scales, zero_points=[0] * count, axis=axis), data, scales

    def bias(self, out: int, x: int, scales: np.ndarray, fan_in: int) -> int:
        spread = 2**24 if self.rng.random() < 0.1 else int(np.sqrt(fan_in) * 4000)
        data = self.rng.integers(-spread, spread, out).astype(np.int32)
        scale = self.b.quantization(x)[0]
        product = [np.float32(np.float32(scale) * s) for s in scales]
        return self.b.tensor([out], "INT32", data=data, scales=product, zero_points=[0] * len(product))

    def output_scale(self, x: int, scales: np.ndarray, fan_in: int) -> float:
        """Mostly one that keeps results in range; sometimes far too small (saturation) or too large."""
        natural = self.b.quantization(x)[0] * float(np.median(scales)) * 70 * 70 * np.sqrt(fan_in) / 60
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

    def conv(self, x: int, depthwise: bool = False, out: int | None = None, *, three: bool = False) -> int:
        """`three`: 3x3, stride 1, dense."""
        _, height, width, channels = self.b.shape(x)
        same = self.rng.random() < 0.6
        kh, sy, dy = self.window(height, 5)
        kw, sx, dx = self.window(width, 5)
        if self.rng.random() < 0.3:
            kh = kw = 1
        if self.rng.random() < 0.4 and min(height, width) >= 3:
            kh, kw, sy, sx, dy, dx = 3, 3, 1, 1, 1, 1
        if three:
            kh, kw, sy, sx, dy, dx = 3, 3, 1, 1, 1, 1
            same = same or min(height, width) < 3
        elif same and self.rng.random() < 0.15:
            kh, kw = kh + height, kw + 2  # the window is larger than the image
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
            if channels > 1 and not three and self.rng.random() < 0.15:  # grouped
                groups = int(self.pick(*[g for g in range(2, channels + 1) if channels % g == 0]))
                depth, out = channels // groups, groups * int(self.rng.integers(1, 7))
            filter_shape, axis, fan_in = (out, kh, kw, depth), 0, kh * kw * depth
        w, _, scales = self.weights(filter_shape, axis)
        y = self.activation((1, shape_y, shape_x, out), self.output_scale(x, scales, fan_in))
        inputs = [x, w, self.bias(out, x, scales, fan_in)]
        if not depthwise and self.rng.random() < 0.1:
            inputs[2:] = self.pick([], [-1])
        options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
        options.padding = schema.Padding.SAME if same else schema.Padding.VALID
        options.strideH, options.strideW, options.dilationHFactor, options.dilationWFactor = sy, sx, dy, dx
        options.fusedActivationFunction = self.fused(y)
        if depthwise:
            options.depthMultiplier = multiplier
            self.b.op("DEPTHWISE_CONV_2D", inputs, y, options, "DepthwiseConv2DOptions")
        else:
            self.b.op("CONV_2D", inputs, y, options, "Conv2DOptions")
        return y

    def fused(self, y: int) -> int:
        """A fused activation; mostly one that leaves more than one value to the output."""
        name = self.pick("NONE", "RELU", "RELU", "RELU6", "RELU_N1_TO_1")
        if name in ("RELU", "RELU6") and self.b.quantization(y)[1] > 60 and self.rng.random() < 0.9:
            name = "NONE"
        return int(getattr(schema.ActivationFunctionType, name))

    def pool(self, x: int, kind: str | None = None) -> int:
        kind = kind or self.pick("MAX_POOL_2D", "AVERAGE_POOL_2D")
        _, height, width, channels = self.b.shape(x)
        same = self.rng.random() < 0.4
        kh, sy, _ = self.window(height, 4)
        kw, sx, _ = self.window(width, 4)
        if self.rng.random() < 0.6 and min(height, width) >= 2:
            kh, kw, sy, sx = self.pick((2, 2, 2, 2), (2, 2, 2, 2), (1, 2, 1, 2), (2, 1, 2, 1))
        shape = (1, self.result(height, kh, sy, 1, same), self.result(width, kw, sx, 1, same), channels)
        y = self.activation(shape, *self.b.quantization(x))
        options = schema.Pool2DOptionsT()
        options.padding = schema.Padding.SAME if same else schema.Padding.VALID
        options.strideH, options.strideW, options.filterHeight, options.filterWidth = sy, sx, kh, kw
        options.fusedActivationFunction = self.fused(y) if self.rng.random() < 0.3 else 0
        self.b.op(kind, [x], y, options, "Pool2DOptions")
        return y

    def halved(self, x: int) -> int:
        """A 2x2 max-pool whose windows neither overlap nor are cut off."""
        _, height, width, channels = self.b.shape(x)
        y = self.activation((1, height // 2, width // 2, channels), *self.b.quantization(x))
        options = schema.Pool2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideH = options.strideW = options.filterHeight = options.filterWidth = 2
        options.fusedActivationFunction = self.fused(y) if self.rng.random() < 0.3 else 0
        self.b.op("MAX_POOL_2D", [x], y, options, "Pool2DOptions")
        return y

    def mean(self, x: int) -> int:
        channels = self.b.shape(x)[3]
        keep = self.rng.random() < 0.5
        axes = self.pick([1, 2], [2, 1], [-3, -2], [1, -2])
        y = self.activation((1, 1, 1, channels) if keep else (1, channels))
        options = schema.ReducerOptionsT()
        options.keepDims = bool(keep)
        self.b.op("MEAN", [x, self.b.tensor([2], "INT32", np.array(axes, np.int32))], y, options, "ReducerOptions")
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
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = self.fused(y) if self.rng.random() < 0.3 else 0
        self.b.op("FULLY_CONNECTED", inputs, y, options, "FullyConnectedOptions")
        return y

    def reshape(self, x: int, shape=None) -> int:
        size = int(np.prod(self.b.shape(x)))
        shape = shape or self.pick((1, size), (size,), (1, 1, 1, size))
        y = self.activation(shape, *self.b.quantization(x))
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        self.b.op(
            "RESHAPE",
            [x, self.b.tensor([len(shape)], "INT32", np.array(shape, np.int32))],
            y,
            options,
            "ReshapeOptions",
        )
        return y

    def pad(self, x: int) -> int:
        shape = self.b.shape(x)
        amounts = self.rng.integers(0, 3, (len(shape), 2))
        amounts[0] = 0
        if self.rng.random() < 0.6:
            amounts[-1] = 0
        y = self.activation(
            tuple(int(s + a + b) for s, (a, b) in zip(shape, amounts, strict=True)), *self.b.quantization(x)
        )
        self.b.op(
            "PAD",
            [x, self.b.tensor(amounts.shape, "INT32", amounts.astype(np.int32))],
            y,
            schema.PadOptionsT(),
            "PadOptions",
        )
        return y

    def softmax(self, x: int) -> int:
        y = self.activation(self.b.shape(x), 1 / 256, -128)
        options = schema.SoftmaxOptionsT()
        options.beta = float(self.pick(1.0, 1.0, 0.5, 2.7, 30.0))
        self.b.op("SOFTMAX", [x], y, options, "SoftmaxOptions")
        return y

    def add(self, x: int, other: int | None = None) -> int:
        shape = list(self.b.shape(x))
        if other is None:
            kind = self.pick("same", "channels", "scalar", "some")
            if kind == "channels":
                shape = [1] * (len(shape) - 1) + shape[-1:]
            if kind == "scalar":
                shape = [1]
            if kind == "some":
                shape = [1 if self.rng.random() < 0.5 else s for s in shape]
            data = self.rng.integers(-128, 128, shape).astype(np.int8)
            other = self.b.tensor(shape, data=data, scales=[self.scale()], zero_points=[self.zero_point()])
        largest = max(self.b.quantization(x)[0], self.b.quantization(other)[0])
        y = self.activation(self.b.shape(x), largest * self.pick(1, 1, 1.7, 0.6, 0.6, 0.02, 10))
        options = schema.AddOptionsT()
        options.fusedActivationFunction = self.fused(y)
        self.b.op("ADD", [x, other] if self.rng.random() < 0.7 else [other, x], y, options, "AddOptions")
        return y


def reweighted(content: bytes, change: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """A model with the int8 weights [O, ...] of its dense convolutions and fully connected layers changed."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    graph = model.subgraphs[0]
    for op in graph.operators:
        if model.operatorCodes[op.opcodeIndex].builtinCode in (Codes.CONV_2D, Codes.FULLY_CONNECTED):
            tensor = graph.tensors[op.inputs[1]]
            buffer = model.buffers[tensor.buffer]
            weights = np.asarray(buffer.data, np.uint8).view(np.int8).reshape(tensor.shape)
            buffer.data = np.ascontiguousarray(change(weights.copy()), np.int8).view(np.uint8).ravel()
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def random_model(seed: int) -> bytes:
    """A network of one to eight operators: an image part, now and then a residual branch, and a tail."""
    r, entry, exit_ = _drawn(seed)
    return r.b.finish([entry], [exit_])


def _drawn(seed: int) -> tuple[Random, int, int]:  # noqa: PLR0912
    r = Random(seed)
    height, width = int(r.rng.integers(1, 15)), int(r.rng.integers(1, 15))
    x = entry = r.activation((1, height, width, int(r.pick(1, 1, 2, 3, 4, 5, 8))))
    for _ in range(int(r.pick(1, 1, 1, 2, 3, 4))):
        draw = r.rng.random()
        if draw < 0.35:
            x = r.conv(x)
            if r.rng.random() < 0.5:
                x = r.pool(x, "MAX_POOL_2D")
        elif draw < 0.55:
            x = r.conv(x, depthwise=True)
        elif draw < 0.7:
            x = r.pool(x)
        elif draw < 0.8:
            x = r.pad(x)
        elif draw < 0.9:
            x = r.add(x)
        else:
            shape = r.b.shape(x)
            branch = r.pick(x, r.reshape(r.reshape(x), shape), r.add(x))
            x = r.add(branch, r.pick(x, r.add(x)))
        if np.prod(r.b.shape(x)) > 6000:
            break
    tail = r.rng.random()
    if tail < 0.3:
        x = r.mean(x)
    elif tail < 0.6:
        x = r.reshape(x)
    if tail < 0.75 and r.rng.random() < 0.8:
        x = r.dense(x)
    if r.rng.random() < 0.3 and r.b.shape(x)[-1] < 512:  # beyond, TFLM stops the process when all values are equal
        x = r.softmax(x)
    if x == entry:
        x = r.reshape(x)
    return r, entry, x


def network_of_threes(seed: int) -> bytes:
    """One to three dense 3x3 convolutions, with 2x2 max-pools and sums between them: what Winograd's filters serve."""
    r = Random(seed)
    height, width = int(r.rng.integers(1, 19)), int(r.rng.integers(1, 19))
    x = entry = r.activation((1, height, width, int(r.pick(1, 1, 2, 3, 4, 6, 8, 12))))
    for _ in range(int(r.pick(1, 2, 2, 3))):
        y = r.conv(x, out=int(r.pick(*range(1, 10), 16)), three=True)
        if r.b.shape(y) == r.b.shape(x) and r.rng.random() < 0.7:
            y = r.add(x, y)
        elif min(r.b.shape(y)[1:3]) > 1 and r.rng.random() < 0.6:
            y = r.halved(y)
        x = y
    return r.b.finish([entry], [x])


def network_of_rows(seed: int) -> bytes:
    """Two to five convolutions of any kind, fused pools, sums over longer and shorter ways: what can stream."""
    r = Random(seed)
    height, width = int(r.rng.integers(3, 25)), int(r.rng.integers(3, 13))
    x = entry = r.activation((1, height, width, int(r.pick(1, 2, 3, 4, 8))))
    for _ in range(int(r.pick(2, 3, 4, 5))):
        start = x
        x = r.conv(x, depthwise=r.rng.random() < 0.25, three=r.rng.random() < 0.4)
        if r.rng.random() < 0.3 and min(r.b.shape(x)[1:3]) > 1:
            x = r.halved(x)
        if r.rng.random() < 0.4:
            other = r.conv(x, out=r.b.shape(x)[3], three=True)  # the same shape where it is SAME
            if r.b.shape(other) == r.b.shape(x):
                x = r.add(x, other)
        if r.b.shape(start) == r.b.shape(x) and r.rng.random() < 0.5:
            x = r.add(start, x)
    return r.b.finish([entry], [r.dense(x, 3) if r.rng.random() < 0.5 else x])


def any_network(seed: int) -> bytes:
    """A model of all operators, one of 3x3 filters, or one that can stream."""
    return (random_model, network_of_threes, network_of_rows)[seed % 3](seed)


def random_inputs(content_seed: int, size: int, count: int = 3) -> np.ndarray:
    """int8 [count, size]: the first at the ends of the range, the others uniform."""
    rng = np.random.default_rng(content_seed)
    inputs = rng.integers(-128, 128, (count, size)).astype(np.int8)
    inputs[0] = rng.choice([-128, 127], size)
    return inputs


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """A damaged copy: a few bits, bytes or words changed in place, or a piece cut out, cut off or doubled."""
    data = bytearray(content)
    for _ in range(int(rng.choice([1, 1, 1, 2, 4]))):
        at = int(rng.integers(0, len(data)))
        match int(rng.choice(6, p=[0.35, 0.25, 0.25, 0.05, 0.05, 0.05])):
            case 0:
                data[at] ^= 1 << int(rng.integers(0, 8))
            case 1:
                data[at] = int(rng.integers(0, 256))
            case 2:
                at &= ~3
                word = int(rng.choice([0, 1, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, len(data), 0x10000, 4]))
                data[at : at + 4] = struct.pack("<I", word)
            case 3:
                del data[at : at + int(rng.integers(1, 64))]
            case 4:
                data = data[: max(8, at)]
            case _:
                end = at + int(rng.integers(1, 32))
                data[at:at] = data[at:end]
        if len(data) < 9:
            break
    return bytes(data)


def distorted(seed: int, rng: np.random.Generator) -> bytes:
    """A sound flatbuffer with a senseless model: one or two fields of a random model carry hostile values."""
    r, entry, exit_ = _drawn(seed)
    numbers = [0, 1, -1, 2, 3, 127, 128, -129, 255, 4096, 2**16, 2**31 - 1, -(2**31)]
    reals = [0.0, -1.0, 1e-45, 1e-30, 1e-6, 0.5, 1.0, 1e6, 3e38, float("inf"), float("nan")]
    for _ in range(int(rng.integers(1, 3))):
        thing: Any = rng.choice(
            np.array([*r.b.tensors, *r.b.tensors, *r.b.ops, *r.b.ops, *r.b.buffers[1:]], dtype=object)
        )
        if isinstance(thing, schema.OperatorT) and getattr(thing.builtinOptions, "__dict__", {}) and rng.random() < 0.5:
            thing = thing.builtinOptions
        if isinstance(thing, schema.TensorT) and rng.random() < 0.5:
            thing = thing.quantization
        name = str(rng.choice(sorted(vars(thing))))
        value = getattr(thing, name)
        if isinstance(value, bool):
            setattr(thing, name, not value)
        elif isinstance(value, int):
            setattr(thing, name, int(rng.choice(numbers[:6])))
        elif isinstance(value, float):
            setattr(thing, name, float(rng.choice(reals)))
        elif isinstance(value, np.ndarray):  # a buffer
            setattr(thing, name, value[: int(rng.integers(0, len(value) + 1))])
        elif isinstance(value, list) and value:
            at = int(rng.integers(0, len(value)))
            pool = reals if isinstance(value[0], float) else numbers
            new = list(value)
            match int(rng.integers(0, 4)):
                case 0:
                    del new[at]
                case 1:
                    new.insert(at, value[at])
                case _:
                    new[at] = type(value[0])(rng.choice(pool))
            setattr(thing, name, new)
    try:
        return r.b.finish([entry], [exit_])
    except (struct.error, TypeError, OverflowError, ValueError):  # the schema itself cannot hold the value
        return distorted(seed + 1, rng)
