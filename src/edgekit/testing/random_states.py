"""Operators that keep something from run to run, drawn at random onto a `Random`."""

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.testing.random_operators import Random


def svdf(r: Random, x: int) -> int:
    """SVDF of a vector, with int8 or int16 weights of time and a state like them."""
    shape = r.b.shape(x)
    inputs = int(np.prod(shape))
    if shape != (1, inputs):
        x = r.reshape(x, (1, inputs))
    units, rank, steps = (int(n) for n in r.rng.integers(1, (7, 4, 7)))
    filters, wide = units * rank, bool(r.rng.random() < 0.6)
    most, kind = (2000, "INT16") if wide else (127, "INT8")
    feature_scale, time_scale = r.scale(0.001, 0.05), r.scale(0.001, 0.05)
    features = r.rng.integers(-127, 128, (filters, inputs)).astype(np.int8)
    times = r.rng.integers(-most, most + 1, (filters, steps)).astype(np.int16 if wide else np.int8)
    natural = r.b.quantization(x)[0] * feature_scale * 70 * 70 * np.sqrt(inputs) / (8000 if wide else 60)
    state_scale = float(np.float32(natural * r.pick(1, 1, 1, 0.2, 5)))
    state_zero = int(r.pick(0, 0, 0, 3, -5))
    product = float(np.float32(state_scale) * np.float32(time_scale))
    bias = r.rng.integers(-20000, 20000, units).astype(np.int32)
    inputs_ = [
        x,
        r.b.tensor(features.shape, data=features, scales=[feature_scale], zero_points=[0]),
        r.b.tensor(times.shape, kind, data=times, scales=[time_scale], zero_points=[0]),
        r.b.tensor([units], "INT32", data=bias, scales=[product], zero_points=[0]),
        r.b.tensor([1, filters * steps], kind, scales=[state_scale], zero_points=[state_zero], variable=True),
    ]
    reach = (8000 if wide else 60) * most / 2 * np.sqrt(steps * rank) * product / 60
    y = r.activation((1, units), float(np.float32(max(reach * r.pick(1, 1, 0.3, 3), 1e-6))))
    r.b.op("SVDF", inputs_, y, schema.SVDFOptionsT(rank, schema.ActivationFunctionType.RELU))
    return y


def variable(r: Random, x: int) -> int:
    """An activation of any shape, and what variables keep of it from run to run."""
    kind = r.pick("window", "window", "shifted", "sum", "late", "swapped", "kept")
    return _window(r, x, kind == "shifted") if kind in ("window", "shifted") else _sum(r, x, kind)


def _handle(r: Random, like: int) -> int:
    """A variable that holds what this tensor is like; it begins with its zero point, or with what CALL_ONCE assigns."""
    name = f"states_{len(r.b.tensors)}"
    if r.rng.random() < 0.6:
        r.b.first_values(name, like, r.rng.integers(-128, 128, r.b.shape(like)).astype(np.int8))
    return r.b.variable(name)


def _read(r: Random, handle: int, shape: tuple[int, ...], x: int) -> int:
    y = r.activation(shape, *r.b.quantization(x))
    r.b.op("READ_VARIABLE", [handle], y)
    return y


def _window(r: Random, x: int, shifted: bool) -> int:
    """The last rows, as wake words keep them: joined with the new ones, and of all the last are kept.

    `shifted`: the oldest row goes first, and what is joined is what is kept.
    """
    shape = r.b.shape(x)
    if len(shape) < 3:
        x = r.reshape(x, (1, 1, int(np.prod(shape))))
        shape = r.b.shape(x)
    steps, new = int(r.rng.integers(1, 5)), shape[1]
    kept = (shape[0], steps + new if shifted else steps, *shape[2:])
    like = r.activation(kept, *r.b.quantization(x))
    handle = _handle(r, like)
    before = _read(r, handle, kept, x)
    if shifted:
        before = drawn_rows(r, before, new)
    total = r.activation((shape[0], r.b.shape(before)[1] + new, *shape[2:]), *r.b.quantization(x))
    r.b.op("CONCATENATION", [before, x], total, schema.ConcatenationOptionsT(1))
    r.b.op("ASSIGN_VARIABLE", [handle, total if shifted else drawn_rows(r, total, new)], [])
    return total


def drawn_rows(r: Random, x: int, first: int) -> int:
    """All rows of a tensor from one on."""
    shape = r.b.shape(x)
    y = r.activation((shape[0], shape[1] - first, *shape[2:]), *r.b.quantization(x))
    begins, sizes = ([0, first] + [0] * (len(shape) - 2), [*r.b.shape(y)])
    constants = [r.b.tensor([len(shape)], "INT32", np.array(values, np.int32)) for values in (begins, sizes)]
    r.b.op("SLICE", [x, *constants], y)
    return y


def _sum(r: Random, x: int, kind: str) -> int:
    """Sums with what is kept; `late`: the old value is read once more when the new one has been written."""
    shape = r.b.shape(x)
    handle = _handle(r, x)
    before = _read(r, handle, shape, x)
    if kind == "kept":
        r.b.op("ASSIGN_VARIABLE", [handle, before], [])
        return r.add(x, before)
    if kind == "swapped":
        other = _handle(r, x)
        beside = _read(r, other, shape, x)
        r.b.op("ASSIGN_VARIABLE", [handle, beside], [])
        r.b.op("ASSIGN_VARIABLE", [other, r.reshape(x, shape)], [])
        return r.add(before, beside)
    y = r.activation(shape, *r.b.quantization(x))
    r.b.op("ADD", [x, before], y, schema.AddOptionsT(0))
    r.b.op("ASSIGN_VARIABLE", [handle, y], [])
    return r.add(y, r.reshape(before, shape)) if kind == "late" else y


def lstm(r: Random, x: int) -> int:
    """UNIDIRECTIONAL_SEQUENCE_LSTM over one to a few steps, batch or time first."""
    size = int(np.prod(r.b.shape(x)))
    steps = int(r.pick(*(n for n in range(1, 8) if size % n == 0)))
    inputs, units, time_major = size // steps, int(r.rng.integers(1, 7)), bool(r.rng.random() < 0.3)
    shape = (steps, 1) if time_major else (1, steps)
    x = r.reshape(x, (*shape, inputs))
    x_scale, hidden_scale = r.b.quantization(x)[0], r.pick(1 / 128, 0.0077, 0.005)
    scales = []
    for fan_in, scale in ((inputs, x_scale), (units, hidden_scale)):  # so that gates reach a few units
        scales += [float(np.float32(r.pick(1, 2, 0.2) * 4 / (scale * 70 * 70 * np.sqrt(fan_in)))) for _ in range(4)]
    inputs_ = [x]
    for number, scale in enumerate(scales):
        weights = r.rng.integers(-127, 128, (units, inputs if number < 4 else units)).astype(np.int8)
        inputs_.append(r.b.tensor(weights.shape, data=weights, scales=[scale], zero_points=[0]))
    inputs_ += [-1] * 3
    for scale in scales[:4]:
        product = float(np.float32(x_scale) * np.float32(scale))
        bias = r.rng.integers(-int(2 / product) - 1, int(2 / product) + 2, units).astype(np.int32)
        inputs_.append(r.b.tensor([units], "INT32", data=bias, scales=[product], zero_points=[0]))
    hidden_zero, cell_scale = int(r.pick(0, 0, -4, 7)), 2.0 ** int(r.pick(-12, -11, -13, -10))
    inputs_ += [-1, -1]
    inputs_.append(r.b.tensor([1, units], scales=[hidden_scale], zero_points=[hidden_zero], variable=True))
    inputs_.append(r.b.tensor([1, units], "INT16", scales=[cell_scale], zero_points=[0], variable=True))
    inputs_ += [-1] * 4
    y = r.activation((*shape, units), hidden_scale, hidden_zero)
    tanh = schema.ActivationFunctionType.TANH
    options = schema.UnidirectionalSequenceLSTMOptionsT(tanh, float(r.pick(0.0, 10.0, 1.0)), 0.0, time_major)
    r.b.op("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs_, y, options)
    return y
