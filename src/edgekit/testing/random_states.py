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
