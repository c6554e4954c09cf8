"""The int8 model's layers, each to be run by itself beside the float model.

In: both files and how they are joined. Out: for an image, by how much every layer's output is noise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import EdgekitError
from edgekit.runtimes import tflm
from edgekit.runtimes.part import RunPart, RuntimeOfParts, open_part
from edgekit.tflite.pairing import Pairing, paired
from edgekit.tflite.part import Part, part
from edgekit.tflite.records import FileTensor, TfliteFile

Values = dict[int, NDArray[Any]]  # of an image, by the tensor's index


@dataclass
class Sums:
    """Of a layer over the images: powers of signal and noise, and what its values span."""

    signal: float = 0.0
    noise: float = 0.0
    own: float = 0.0
    weights: float = 0.0
    output: float = 0.0
    clipped: int = 0
    values: int = 0
    least: float = np.inf
    greatest: float = -np.inf


@dataclass
class Layer:
    """One operator of the int8 file, ready to run.

    Attributes:
        row: among the file's operators; -1 of the input.
        tensor: that it writes.
        run: as int8; None of the input.
        exact: the float operator; None where there is none.
        rounded: the same with the int8 file's weights; None where it has none.
        rest: the float model behind it; None where nothing comes behind.
    """

    row: int
    op: str
    tensor: FileTensor
    run: tuple[Part, RunPart] | None
    exact: tuple[Part, RunPart] | None
    rounded: tuple[Part, RunPart] | None
    rest: tuple[Part, RunPart] | None
    sums: Sums = field(default_factory=Sums)

    @property
    def span(self) -> tuple[float, float]:
        """The least and the greatest real value that its output holds."""
        ends = np.array([-128, 127]).reshape(2, *[1] * (len(self.tensor.shape) - 1))
        low, high = real(ends, self.tensor).reshape(-1)
        return float(low), float(high)


class Network:
    """Both models, cut into their layers."""

    def __init__(self, int8: TfliteFile, floats: TfliteFile) -> None:
        """Raises EdgekitError where they are not the same network, or an interpreter does not take a part."""
        self.int8, self.floats = int8, floats
        self.pairing: Pairing = paired(int8, floats)
        self.runtime: RuntimeOfParts = "tflm" if tflm.installed() else "litert"
        self.whole = _opened(part(floats, 0, len(floats.operators) - 1, self._inner()), "litert fast")
        entry = int8.tensors[int8.inputs[0]]
        self.layers = [Layer(-1, "input", entry, None, None, None, self._rest(-1)), *map(self._layer, self._rows())]

    def look_at(self, pixels: NDArray[Any], reals: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Adds an image, as both models take it, to the layers' sums. Returns the outputs of both in real units."""
        exact = {self.floats.inputs[0]: reals, **_run(self.whole, {self.floats.inputs[0]: reals})}
        running = {self.int8.inputs[0]: pixels}
        for layer in self.layers:
            truth = exact[self.pairing.tensors[layer.tensor.index]]
            if layer.run is not None:
                running.update(_run(layer.run, running))
            self._add(layer, exact, truth, running[layer.tensor.index], self._own_noise(layer, exact, truth))
        end = self.int8.tensors[self.int8.outputs[0]]
        return real(running[end.index], end), exact[self.floats.outputs[0]]

    def _own_noise(self, layer: Layer, exact: Values, truth: NDArray[Any]) -> NDArray[np.float64]:
        """What the layer does otherwise than the float one to the same inputs, rounded before both: its weights are
        rounded, and its output."""
        if layer.run is None:
            return np.asarray(real(_rounded(truth, layer.tensor), layer.tensor) - truth)
        inputs = {index: self._rounded_input(index, exact) for index in layer.run[0].inputs}
        found = real(_run(layer.run, inputs)[layer.tensor.index], layer.tensor)
        reals = {self.pairing.tensors[index]: real(value, self.int8.tensors[index]) for index, value in inputs.items()}
        if layer.exact is None:  # it only rescales
            (wanted,) = reals.values()
        else:
            floats = {index: value.astype(np.float32) for index, value in reals.items()}
            wanted = _run(layer.exact, floats)[self.pairing.tensors[layer.tensor.index]]
        return np.asarray(found - wanted)

    def _add(
        self, layer: Layer, exact: Values, truth: NDArray[Any], running: NDArray[Any], own: NDArray[np.float64]
    ) -> None:
        sums, tensor, index = layer.sums, layer.tensor, self.pairing.tensors[layer.tensor.index]
        low, high = layer.span
        half = float(tensor.scales[0]) / 2
        sums.signal += _power(truth)
        sums.noise += _power(real(running, tensor) - truth)
        sums.own += _power(own)
        if layer.rounded is not None:
            sums.weights += _power(_run(layer.rounded, exact)[index] - truth)
        sums.clipped += int(((truth < low - half) | (truth > high + half)).sum())
        sums.values += truth.size
        sums.least, sums.greatest = min(sums.least, float(truth.min())), max(sums.greatest, float(truth.max()))
        if layer.rest is None:
            sums.output += _power(own)
        else:
            end = self.floats.outputs[0]
            moved = {**exact, index: (truth + own).astype(np.float32)}
            sums.output += _power(_run(layer.rest, moved)[end] - exact[end])

    def _rows(self) -> list[int]:
        """The int8 file's operators, all of which can be looked at."""
        for op in self.int8.operators:
            written = [self.int8.tensors[index] for index in op.outputs]
            if [(one.type, one.scales.size) for one in written] != [("INT8", 1)] or op.outputs[0] not in (
                self.pairing.tensors
            ):
                types = ", ".join(one.type for one in written) or "nothing"
                raise EdgekitError(
                    f"{op.name} (operator {op.position}) of {self.int8.name} writes {types}, not one int8 tensor.",
                    "Analyze a model whose layers are int8 throughout, each with one output.",
                )
        return list(range(len(self.int8.operators)))

    def _layer(self, row: int) -> Layer:
        op = self.int8.operators[row]
        tensor = self.int8.tensors[op.outputs[0]]
        run = _opened(part(self.int8, row, row, op.outputs), self.runtime)
        at = self.pairing.rows[row]
        if at is None:
            return Layer(row, op.name, tensor, run, None, None, self._rest(row))
        exact, constants = self._float(at), self._rounded_weights(row, at)
        return Layer(
            row, op.name, tensor, run, exact, self._float(at, constants) if constants else None, self._rest(row)
        )

    def _float(self, at: int, constants: Values | None = None) -> tuple[Part, RunPart]:
        return _opened(part(self.floats, at, at, self.floats.operators[at].outputs, constants), "litert fast")

    def _rounded_weights(self, row: int, at: int) -> Values:
        """The int8 operator's weights and biases in real units, by the float file's tensors."""
        constants: Values = {}
        for ours, theirs in zip(self.int8.operators[row].inputs, self.floats.operators[at].inputs, strict=False):
            if min(ours, theirs) < 0:
                continue
            tensor, other = self.int8.tensors[ours], self.floats.tensors[theirs]
            if tensor.data.size and tensor.scales.size and other.type == "FLOAT32" and tensor.shape == other.shape:
                constants[theirs] = real(_stored(tensor), tensor).astype(np.float32)
        return constants

    def _rest(self, row: int) -> tuple[Part, RunPart] | None:
        """The float operators behind a row of the int8 file."""
        done = [at for at in self.pairing.rows[: row + 1] if at is not None]
        first = done[-1] + 1 if done else 0
        if first >= len(self.floats.operators):
            return None
        return _opened(part(self.floats, first, len(self.floats.operators) - 1, self.floats.outputs), "litert fast")

    def _inner(self) -> tuple[int, ...]:
        return tuple(index for op in self.floats.operators for index in op.outputs)

    def _rounded_input(self, index: int, exact: Values) -> NDArray[Any]:
        return _rounded(exact[self.pairing.tensors[index]], self.int8.tensors[index])


def _opened(cut: Part, runtime: RuntimeOfParts) -> tuple[Part, RunPart]:
    return cut, open_part(cut, runtime)


def _run(opened: tuple[Part, RunPart], values: Mapping[int, NDArray[Any]]) -> Values:
    cut, run = opened
    return dict(zip(cut.outputs, run([values[index] for index in cut.inputs]), strict=True))


def _stored(tensor: FileTensor) -> NDArray[Any]:
    kind = {"INT8": np.int8, "INT32": np.int32, "INT16": np.int16, "INT64": np.int64}[tensor.type]
    return tensor.data.view(kind).reshape(tensor.shape)


def real(values: NDArray[Any], tensor: FileTensor) -> NDArray[np.float64]:
    """Quantized values of a tensor in real units."""
    along = [1] * len(tensor.shape)
    if tensor.scales.size > 1:
        along[tensor.axis] = tensor.scales.size
    scales = tensor.scales.astype(np.float64).reshape(along)
    zeros = tensor.zero_points.reshape(along) if tensor.zero_points.size == tensor.scales.size else 0
    return np.asarray((values.astype(np.float64) - zeros) * scales)


def _rounded(values: NDArray[Any], tensor: FileTensor) -> NDArray[np.int8]:
    steps = np.round(values / float(tensor.scales[0])) + int(tensor.zero_points[0])
    return np.asarray(np.clip(steps, -128, 127).astype(np.int8))


def _power(values: NDArray[Any]) -> float:
    return float(np.square(values, dtype=np.float64).sum())
