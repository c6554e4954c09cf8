"""The int8 model with other ranges and biases than the converter gave it.

In: the int8 .tflite, the float32 one that was made with it, calibration images. Out: the int8 .tflite's bytes.

Ranges: of a share of the values (percentile), or those whose rounded and clipped values have the least mean square
error (as Banner, Nahshan and Soudry, NeurIPS 2019, choose them). Bias correction: a channel's bias takes back what its
rounded weights add on the mean (Nagel, van Baalen, Blankevoort and Welling, ICCV 2019, section 4.2).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.recipes.recipe import QuantizeRecipe
from edgekit.runtimes.part import RunPart, open_part
from edgekit.tflite.pairing import Pairing, paired
from edgekit.tflite.part import part
from edgekit.tflite.quantize import to_float
from edgekit.tflite.reader import read_file
from edgekit.tflite.records import FileTensor, TfliteFile
from edgekit.tflite.rewrite import NewTensor, rewritten

_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_FREE = (*_WEIGHTED, "ADD", "MEAN")  # whose output may have a range of its own
_SAME_RANGE = (
    "MAX_POOL_2D", "AVERAGE_POOL_2D", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "PAD", "TRANSPOSE", "CONCATENATION",
)  # fmt: skip
_BINS = 4096
_SHRINK = np.linspace(1.0, 0.2, 81)  # of a range, tried for its error

Range = tuple[float, float]
Values = dict[int, NDArray[Any]]


def recalibrated(int8: bytes, floats: bytes, images: NDArray[np.uint8], recipe: QuantizeRecipe) -> bytes:
    """The int8 model as the recipe wants it; as it is where that is what the converter gave.

    Args:
        images: uint8 [N, H, W, C], which the network takes for 0 to 1.

    Raises:
        EdgekitError: the two are not the same network, or LiteRT is not installed.
    """
    if recipe.calibration == "min_max" and not recipe.bias_correction:
        return int8
    network = _Networks(read_file(int8), read_file(floats), to_float(images))
    ranges = {} if recipe.calibration == "min_max" else network.ranges(recipe)
    shifts = network.shifts() if recipe.bias_correction else {}
    return network.written(ranges, shifts)


class _Networks:
    """Both models, and what the float one makes of the images."""

    def __init__(self, int8: TfliteFile, floats: TfliteFile, images: NDArray[np.float32]) -> None:
        self.int8, self.floats, self.images = int8, floats, images
        self.pairing: Pairing = paired(int8, floats)
        inner = tuple(index for op in floats.operators for index in op.outputs)
        self._whole = part(floats, 0, len(floats.operators) - 1, inner)
        self._run: RunPart = open_part(self._whole, "litert fast")

    def ranges(self, recipe: QuantizeRecipe) -> dict[int, Range]:
        """New ranges of int8 tensors, by index; those that share one get the same."""
        groups = self._groups()
        theirs = {first: [self.pairing.tensors[one] for one in members] for first, members in groups.items()}
        ends = {first: [np.inf, -np.inf] for first in groups}
        for values in self._values():
            for first, indices in theirs.items():
                ends[first][0] = min(ends[first][0], *(float(values[one].min()) for one in indices))
                ends[first][1] = max(ends[first][1], *(float(values[one].max()) for one in indices))
        counts = {first: np.zeros(_BINS) for first in groups}
        for values in self._values():
            for first, indices in theirs.items():
                for one in indices:
                    counts[first] += np.histogram(values[one], _BINS, (ends[first][0], ends[first][1]))[0]
        found: dict[int, Range] = {}
        for first, members in groups.items():
            low, high = ends[first]
            if high > low:
                chosen = _range(counts[first], low, high, recipe)
                found |= dict.fromkeys(members, chosen)
        return found

    def shifts(self) -> dict[int, NDArray[np.float64]]:
        """By the rows of weighted operators: what rounded weights add to each output channel, on the mean."""
        parts = {}
        for row, op in enumerate(self.int8.operators):
            at = self.pairing.rows[row]
            if at is not None and op.code in _WEIGHTED:
                ours, theirs = op.inputs[1], self.floats.operators[at].inputs[1]
                weights = _real(self.int8.tensors[ours]).astype(np.float32)
                outputs = self.floats.operators[at].outputs
                cut = part(self.floats, at, at, outputs, linear=True)
                rounded = part(self.floats, at, at, outputs, {theirs: weights}, linear=True)
                parts[row] = cut.inputs, open_part(cut, "litert fast"), open_part(rounded, "litert fast")
        sums: dict[int, Any] = dict.fromkeys(parts, 0.0)
        for values in self._values():
            for row, (inputs, run, run_rounded) in parts.items():
                given = [values[index] for index in inputs]
                apart = run_rounded(given)[0].astype(np.float64) - run(given)[0]
                sums[row] = sums[row] + apart.mean(axis=tuple(range(apart.ndim - 1)))
        return {row: total / len(self.images) for row, total in sums.items()}

    def written(self, ranges: dict[int, Range], shifts: dict[int, NDArray[np.float64]]) -> bytes:
        """The int8 file with these ranges, and biases in their units."""
        found: dict[int, NewTensor] = {}
        for index, (low, high) in ranges.items():
            scale = np.float32((high - low) / 255)
            zero_point = int(np.clip(round(-128 - low / scale), -128, 127))
            found[index] = NewTensor(np.array([scale]), np.array([zero_point]))
        for row, op in enumerate(self.int8.operators):
            at = self.pairing.rows[row]
            if at is None or op.code not in _WEIGHTED or len(op.inputs) < 3 or op.inputs[2] < 0:
                continue
            stored = self.floats.tensors[self.floats.operators[at].inputs[2]]
            values = stored.data.view(np.float32).astype(np.float64) - shifts.get(row, 0.0)
            entry, weights = (self.int8.tensors[index] for index in op.inputs[:2])
            entry_scale = found[entry.index].scales[0] if entry.index in found else entry.scales[0]
            scales = np.float64(entry_scale) * weights.scales.astype(np.float64)
            steps = np.clip(np.round(values / scales), -(2**31), 2**31 - 1).astype(np.int32)
            found[op.inputs[2]] = NewTensor(scales.astype(np.float32), data=steps)
        return rewritten(self.int8.content, found)

    def _groups(self) -> dict[int, list[int]]:
        """Int8 tensors whose range may be chosen, by the first of those that must share it."""
        first = {index: index for index in self.pairing.tensors}
        fixed = set(self.int8.inputs)
        for op in self.int8.operators:
            computed = [index for index in (*op.inputs, *op.outputs) if index in first]
            if op.code in _SAME_RANGE:
                ends = {first[index] for index in computed}
                first = {index: min(ends) if end in ends else end for index, end in first.items()}
            elif op.code not in _FREE:
                fixed |= set(computed)
        held = {first[index] for index in fixed}
        found: dict[int, list[int]] = {}
        for index, end in first.items():
            if end not in held:
                found.setdefault(end, []).append(index)
        return found

    def _values(self) -> Iterator[Values]:
        """Of each image, all that the float model computes."""
        entry = self.floats.inputs[0]
        for image in self.images:
            given = image.reshape(self.floats.tensors[entry].shape)
            yield {entry: given, **dict(zip(self._whole.outputs, self._run([given]), strict=True))}


def _range(counts: NDArray[np.float64], low: float, high: float, recipe: QuantizeRecipe) -> Range:
    """The range for values with this histogram from `low` to `high`; it holds 0, which int8 must be able to say."""
    edges = np.linspace(low, high, _BINS + 1)
    if recipe.calibration == "percentile":
        beyond, total = (1 - recipe.percentile) / 2, counts.sum()
        below = np.cumsum(counts)
        least = edges[np.searchsorted(below, beyond * total, side="right")] if low < 0 else low
        most = edges[np.searchsorted(below, (1 - (beyond if low < 0 else 2 * beyond)) * total) + 1]
        return min(0.0, float(least)), max(0.0, float(most))
    values = (edges[1:] + edges[:-1]) / 2
    tried = [(min(0.0, low * share), max(0.0, high * share)) for share in _SHRINK]
    errors = [float(counts @ np.square(values - _as_int8(values, *one))) for one in tried]
    return tried[int(np.argmin(errors))]


def _as_int8(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    scale = (high - low) / 255
    zero = np.clip(np.round(-128 - low / scale), -128, 127)
    return np.asarray((np.clip(np.round(values / scale) + zero, -128, 127) - zero) * scale)


def _real(tensor: FileTensor) -> NDArray[np.float64]:
    """An int8 constant in real units."""
    along = [1] * len(tensor.shape)
    if tensor.scales.size > 1:
        along[tensor.axis] = tensor.scales.size
    return np.asarray(tensor.data.view(np.int8).reshape(tensor.shape) * tensor.scales.astype(np.float64).reshape(along))
