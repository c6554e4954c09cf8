"""Networks of all operators, drawn at random from a seed: several inputs and outputs, states, shapes of any rank.

In: a seed. Out: the bytes of a small int8 .tflite of the supported operators, which TFLM loads.
"""

from collections.abc import Callable

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from edgekit.testing.random_joins import drawn_join
from edgekit.testing.random_models import (
    as_image,
    network_of_ends,
    network_of_rows,
    network_of_threes,
    random_model,
)
from edgekit.testing.random_movements import drawn_movement
from edgekit.testing.random_operators import Random
from edgekit.testing.random_pairs import drawn_alone, drawn_pair
from edgekit.testing.random_reductions import drawn_reduction, ints
from edgekit.testing.random_states import lstm, svdf, variable
from edgekit.testing.random_tables import drawn_table
from edgekit.testing.random_wide import wide_network

_MOST = 3000  # elements of a tensor

Draw = Callable[[Random, int], int]
_ANY_SHAPE: tuple[Draw, ...] = (
    drawn_movement, drawn_movement, drawn_join, drawn_join, drawn_pair, drawn_pair, drawn_reduction, drawn_reduction,
    drawn_table, drawn_alone, svdf, lstm, variable, variable,
)  # fmt: skip
_WIDE: tuple[Draw, ...] = (
    drawn_movement,
    drawn_join,
    drawn_pair,
    drawn_pair,
    drawn_reduction,
    drawn_table,
    drawn_table,
)
_IMAGES: tuple[Draw, ...] = (
    lambda r, x: r.conv(x),
    lambda r, x: r.conv(x, depthwise=True),
    lambda r, x: r.conv(x, three=True),
    lambda r, x: r.pool(x),
    lambda r, x: r.pad(x),
    lambda r, x: r.add(x, r.narrow(x)),
)


def any_network(seed: int) -> bytes:
    """One of all operators, or of few: of 3x3 filters, that can stream, of many ends, of 16 bits."""
    draws: tuple[Callable[[int], bytes], ...] = (
        network_of_all, random_model, network_of_all, network_of_threes, network_of_all, network_of_rows,
        network_of_ends, _wide,
    )  # fmt: skip
    return draws[seed % len(draws)](seed)


def _wide(seed: int) -> bytes:
    """Activations of INT16: convolutions of every kind, operators of all kinds, an image part and a tail."""
    draws = (wide_network, lambda seed: network_of_all(seed, wide=True), lambda seed: random_model(seed, wide=True))
    return draws[seed // 8 % 3](seed)


def network_of_all(seed: int, wide: bool = False) -> bytes:
    """One to six operators of any kind on one to three inputs; one to three of all tensors come out."""
    r, entries, exits = drawn_of_all(seed, wide)
    return r.b.finish(entries, exits)


def drawn_of_all(seed: int, wide: bool = False) -> tuple[Random, list[int], list[int]]:
    """What `network_of_all` draws: the builder with its tensors, and the indices of its ends."""
    r = Random(seed, wide)
    shape = (1, *(int(n) for n in r.rng.integers(1, 9, 2)), int(r.pick(1, 2, 3, 4, 8)))
    entries = [r.activation(shape) for _ in range(int(r.pick(1, 1, 1, 2, 3)))]
    tensors = list(entries)
    for _ in range(int(r.pick(1, 2, 3, 4, 6))):
        x = tensors[-1] if r.rng.random() < 0.7 else r.pick(*tensors)
        if np.prod(r.b.shape(x)) <= _MOST:
            tensors.append(_drawn(r, x))
    last = tensors[-1]
    exits = [last, *(int(tensor) for tensor in r.rng.permutation(tensors)[: int(r.pick(0, 0, 1, 2))])]
    if not wide and r.rng.random() < 0.1:
        exits[0] = _arg_max(r, last)
    return r, entries, exits


def _drawn(r: Random, x: int) -> int:
    kind = r.rng.random()
    if kind < 0.3:
        return r.pick(*_IMAGES)(r, as_image(r, x))
    if kind < 0.4:
        y = r.activation(r.b.shape(x))  # of the same shape, whatever its rank
        r.b.op("QUANTIZE", [x], y)
        return r.add(x, y)
    if kind < 0.5 and len(r.b.shape(x)) > 1:
        return r.dense(x) if r.rng.random() < 0.6 else r.softmax(x)
    if kind < 0.55:
        shape = r.b.shape(x)
        return r.reshape(x, r.pick((1, *shape), (*shape, 1)) if len(shape) < 4 else shape[1:])
    return r.pick(*(_WIDE if r.wide else _ANY_SHAPE))(r, x)


def _arg_max(r: Random, x: int) -> int:
    shape = r.b.shape(x)
    axis = int(r.rng.integers(len(shape)))
    kind = r.pick("MAX", "MIN")
    y = r.b.tensor([size for i, size in enumerate(shape) if i != axis], "INT32")
    options = getattr(schema, f"Arg{kind.capitalize()}OptionsT")(schema.TensorType.INT32)
    r.b.op(f"ARG_{kind}", [x, ints(r, [axis])], y, options)
    return y
