"""Senseless models in sound .tflite files, for readers that must refuse them with an error and nothing worse."""

import struct
from typing import Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.testing.random_models import drawn
from edgekit.testing.random_networks import drawn_of_all


def distorted(seed: int, rng: np.random.Generator) -> bytes:  # noqa: PLR0912
    """A sound flatbuffer with a senseless model: one or two fields of a random model carry hostile values."""
    wide = seed % 5 == 0
    if rng.random() < 0.6:
        r, entries, exits = drawn_of_all(seed, wide)
    else:
        r, entry, exit_ = drawn(seed, wide)
        entries, exits = [entry], [exit_]
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
        return r.b.finish(entries, exits)
    except (struct.error, TypeError, OverflowError, ValueError):  # the schema itself cannot hold the value
        return distorted(seed + 1, rng)
