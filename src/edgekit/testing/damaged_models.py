"""Damaged and senseless .tflite files, for readers that must refuse them with an error and nothing worse."""

import struct
from typing import Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.testing.random_models import drawn


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
    r, entry, exit_ = drawn(seed)
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
