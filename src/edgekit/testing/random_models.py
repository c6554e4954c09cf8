"""Networks drawn at random from a seed, and inputs for them: what the compiler and TFLM must agree about.

In: a seed. Out: the bytes of a small int8 .tflite of the supported operators, which TFLM loads.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgekit.testing.random_operators import Random

_MOST_LOGITS = 512  # from here on TFLM's SOFTMAX stops the process when all values are equal


def random_model(seed: int, wide: bool = False) -> bytes:
    """A network of one to eight operators: an image part, now and then a residual branch, and a tail."""
    r, entry, exit_ = drawn(seed, wide)
    return r.b.finish([entry], [exit_])


def drawn(seed: int, wide: bool = False) -> tuple[Random, int, int]:  # noqa: PLR0912
    """What `random_model` draws: the builder with its tensors, and the indices of both ends."""
    r = Random(seed, wide)
    height, width = int(r.rng.integers(1, 15)), int(r.rng.integers(1, 15))
    x = entry = r.activation((1, height, width, int(r.pick(1, 1, 2, 3, 4, 5, 8))))
    for _ in range(int(r.pick(1, 1, 1, 2, 3, 4))):
        draw = r.rng.random()
        if draw < 0.35:
            y = x = r.conv(x)
            if r.rng.random() < 0.5:
                x = r.pool(x, "MAX_POOL_2D")
                if r.rng.random() < 0.3:  # the convolution is read beside its pool, too
                    x = r.add(x, r.narrow(y))
        elif draw < 0.55:
            x = r.conv(x, depthwise=True)
        elif draw < 0.7:
            x = r.pool(x)
        elif draw < 0.8:
            x = r.pad(x)
        elif draw < 0.86:
            x = r.add(x)
        elif draw < 0.91:
            x = r.add(x, r.narrow(x))
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
    if r.rng.random() < 0.3 and r.b.shape(x)[-1] < _MOST_LOGITS:
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
    """Two to five convolutions of any kind, pools, sums over longer and shorter ways: what can stream."""
    r = Random(seed)
    height, width = int(r.rng.integers(3, 25)), int(r.rng.integers(3, 13))
    x = entry = r.activation((1, height, width, int(r.pick(1, 2, 3, 4, 8))))
    for _ in range(int(r.pick(2, 3, 4, 5))):
        start = x
        x = r.conv(x, depthwise=r.rng.random() < 0.25, three=r.rng.random() < 0.4)
        if r.rng.random() < 0.3 and min(r.b.shape(x)[1:3]) > 1:
            x = r.halved(x)
        if r.rng.random() < 0.15:
            x = r.pool(x)
        if r.rng.random() < 0.4:
            other = r.conv(x, out=r.b.shape(x)[3], three=True)  # the same shape where it is SAME
            if r.b.shape(other) == r.b.shape(x):
                x = r.add(x, other)
        if r.b.shape(start) == r.b.shape(x) and r.rng.random() < 0.5:
            x = r.add(start, x)
    return r.b.finish([entry], [r.dense(x, 3) if r.rng.random() < 0.5 else x])


def network_of_ends(seed: int) -> bytes:
    """One to three inputs and as many outputs: any tensors, views, inputs that nobody reads or that are given back."""
    r = Random(seed)
    shape = (1, *(int(n) for n in r.rng.integers(1, 9, 2)), int(r.pick(1, 2, 3, 8)))
    entries = [r.activation(shape) for _ in range(int(r.pick(1, 2, 2, 3)))]
    tensors = list(entries)
    for _ in range(int(r.pick(2, 3, 4, 6))):
        draw, x = r.rng.random(), r.pick(*tensors)
        if len(r.b.shape(x)) != 4:
            tensors.append(r.dense(x, 5))
        elif draw < 0.4:
            others = [tensor for tensor in tensors if r.b.shape(tensor) == r.b.shape(x)]
            tensors.append(r.add(x, r.pick(*others)))
        elif draw < 0.7:
            tensors.append(r.conv(x, three=r.rng.random() < 0.5))
        else:
            tensors.append(r.pool(x) if draw < 0.8 else r.reshape(x) if draw < 0.9 else r.mean(x))
    exits = r.rng.permutation(tensors)[: int(r.pick(1, 2, 3))]
    return r.b.finish(entries, [int(exit_) for exit_ in exits])


def network_around(seed: int, draw: Callable[[Random, int], int]) -> bytes:
    """A network for the test of one operator: it stands at the model's ends, in its midst and beside others.

    Args:
        draw: draws the operator onto an activation of any shape, whose shape its result has.
    """
    r = Random(seed)
    x = entry = r.activation((1, *(int(n) for n in r.rng.integers(1, 10, 2)), int(r.pick(1, 2, 3, 8))))
    for _ in range(int(r.pick(1, 2, 3))):
        maker = r.pick("nothing", "conv", "conv", "depthwise", "pool", "add")
        if maker in ("conv", "depthwise"):
            x = r.conv(x, depthwise=maker == "depthwise", three=r.rng.random() < 0.5)
        elif maker != "nothing":
            x = r.pool(x) if maker == "pool" else r.add(x)
        y = draw(r, x)
        x = r.add(x, y) if r.rng.random() < 0.3 else y  # its input lives on, or may be overwritten
    end = r.pick("itself", "conv", "mean", "dense", "softmax")
    if end == "conv":
        x = r.conv(x)
    elif end != "itself":
        x = draw(r, r.mean(x) if end == "mean" else r.reshape(x))  # of fewer dimensions
    if end == "dense":
        x = r.dense(x)
    elif end == "softmax" and r.b.shape(x)[-1] < _MOST_LOGITS:
        x = r.softmax(x)
    return r.b.finish([entry], [x])


def network_of(seed: int, draw: Callable[[Random, int], int]) -> bytes:
    """A network for the test of an operator that changes shapes, between others that image or vector allows.

    Args:
        draw: draws the operator onto an activation of any shape.
    """
    r = Random(seed)
    x = entry = r.activation((1, *(int(n) for n in r.rng.integers(1, 10, 2)), int(r.pick(1, 2, 3, 4, 8))))
    for _ in range(int(r.pick(1, 2, 3))):
        x = as_image(r, x)
        kind = r.pick("nothing", "conv", "depthwise", "pool", "add", "shape")
        if kind in ("conv", "depthwise"):
            x = r.conv(x, depthwise=kind == "depthwise", three=r.rng.random() < 0.5)
        elif kind in ("pool", "add"):
            x = r.pool(x) if kind == "pool" else r.add(x)
        elif kind == "shape":  # of fewer dimensions
            shape = r.b.shape(x)
            x = r.reshape(x, r.pick(shape[1:], (shape[1], shape[2] * shape[3]), (int(np.prod(shape)),)))
        y = draw(r, x)
        x = r.add(x, y) if r.b.shape(x) == r.b.shape(y) and r.rng.random() < 0.3 else y
        if np.prod(r.b.shape(x)) > 6000:
            break
    if r.rng.random() < 0.5 and np.prod(r.b.shape(x)) < 2000:
        x = r.dense(x)
    return r.b.finish([entry], [x if x != entry else r.reshape(x)])


def as_image(r: Random, x: int) -> int:
    """An activation of any shape as [1, height, width, channels]."""
    shape = r.b.shape(x)
    if len(shape) == 4 and shape[0] == 1:
        return x
    wide = (1,) * (4 - len(shape)) + tuple(shape)
    return r.reshape(x, wide if len(shape) < 4 and r.rng.random() < 0.5 else (1, 1, 1, int(np.prod(shape))))


def random_inputs(content_seed: int, size: int, count: int = 3) -> NDArray[np.int8]:
    """int8 [count, size]: the first at the ends of the range, the others uniform."""
    rng = np.random.default_rng(content_seed)
    inputs = rng.integers(-128, 128, (count, size)).astype(np.int8)
    inputs[0] = rng.choice([-128, 127], size)
    return inputs
