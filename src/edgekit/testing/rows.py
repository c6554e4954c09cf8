"""Inputs for a compiled model and for TFLM: a row holds the bytes of all inputs, as the .tflite has them, in order.

Floats lie on the steps of the tensor behind them, between them and beyond the range.
"""

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.ir import RANGES, Graph, Tensor
from edgekit.testing.random_models import random_inputs


def bytes_of(graph: Graph) -> tuple[int, int]:
    """Bytes of a row of inputs, and of a row of outputs."""
    ins, outs = zip(graph.inputs, graph.float_inputs, strict=True), zip(graph.outputs, graph.float_outputs, strict=True)
    inputs, outputs = (
        sum(4 * tensor.size if is_float else tensor.size_bytes for tensor, is_float in ends) for ends in (ins, outs)
    )
    return inputs, outputs


def random_rows(graph: Graph, seed: int, count: int = 3) -> NDArray[np.int8]:
    """int8 [count, bytes]: as `random_inputs`."""
    parts = []
    for number, (tensor, is_float) in enumerate(zip(graph.inputs, graph.float_inputs, strict=True)):
        if is_float:
            rng = np.random.default_rng([seed, number])
            parts.append(_floats(tensor, _uniform(tensor, count, rng), rng))
        elif tensor.type != "INT8":
            parts.append(_bytes(_wide_rows(tensor, count, np.random.default_rng([seed, number]))))
        else:
            parts.append(random_inputs(seed + 1000 * number, tensor.size_bytes, count))
    return np.concatenate(parts, axis=1)


def _wide_rows(tensor: Tensor, count: int, rng: np.random.Generator) -> NDArray[np.generic]:
    values = _uniform(tensor, count, rng)
    values[0] = rng.choice(RANGES[tensor.type], tensor.size)
    return values.astype(tensor.type.lower())


def corner_rows(graph: Graph, count: int, seed: int) -> NDArray[np.int8]:
    """int8 [4 + count, bytes]: the corners (all least, all greatest, all zero, least and greatest by chance), then
    uniform ones."""
    rng = np.random.default_rng(seed)
    parts = []
    for tensor, is_float in zip(graph.inputs, graph.float_inputs, strict=True):
        least, greatest = RANGES[tensor.type]
        corners = [np.full(tensor.size, value) for value in (least, greatest, tensor.quantization.zero_point)]
        corners.append(rng.choice([least, greatest], tensor.size))
        values = np.concatenate([np.array(corners), _uniform(tensor, count, rng)])
        parts.append(_floats(tensor, values, rng) if is_float else _bytes(values.astype(tensor.type.lower())))
    return np.concatenate(parts, axis=1)


def _uniform(tensor: Tensor, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    least, greatest = RANGES[tensor.type]
    return rng.integers(least, greatest, (count, tensor.size), dtype=np.int64, endpoint=True)


def _floats(tensor: Tensor, values: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int8]:
    """Real numbers about these values: on them, half a step off, anywhere near."""
    off = rng.choice([0.0, 0.5, -0.5, 0.3, -1.7], values.shape) + rng.choice([0.0, 1e-7, 0.1], values.shape)
    scale = np.float32(tensor.quantization.scale)
    return _bytes((values - tensor.quantization.zero_point + off).astype(np.float32) * scale)


def _bytes(values: NDArray[np.generic]) -> NDArray[np.int8]:
    return np.ascontiguousarray(values).view(np.int8)
