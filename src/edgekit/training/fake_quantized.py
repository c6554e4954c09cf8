"""A network that computes in floats what its int8 .tflite computes in whole numbers, and can be trained.

In: the int8 .tflite and the float one that it was made with. Out: a torch module, and the int8 file's tensors as its
training leaves them.

What is modelled of TFLM's arithmetic:

- weights: a scale a row, the row's greatest magnitude / 127, symmetric; batch-norms are in them, as the converter has
  folded them in the float file;
- biases: int32 in units of input scale times weight scale;
- activations: one scale and zero point a tensor, clamped to int8, at zero where a ReLU is fused; what pools, pads and
  reshapes keep their input's;
- rounding: halves away from zero, as TFLM's; of an average pool with the zero point in the sum, of all else without it;
  and MultiplyByQuantizedMultiplier's first rounding, to a fraction of 2^-n of a step where it shifts by n, before that.

What is not: the multipliers' 31 bits and the 20 bits that ADD shifts its inputs by. They, and floats, which hold whole
numbers up to 2^24, decide ties alone. Backwards, rounding counts for nothing (straight-through, Bengio et al. 2013); a
clamped value gives the weights no gradient, and the scales theirs (learned step size, Esser et al., ICLR 2020).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edgekit.errors import EdgekitError
from edgekit.tflite.pairing import paired
from edgekit.tflite.records import FileOperator, FileTensor, TfliteFile
from edgekit.tflite.rewrite import NewTensor
from edgekit.training.quantized_parts import Range, Weighted, rounded

_KEEPS_RANGE = ("PAD", "MAX_POOL_2D", "AVERAGE_POOL_2D", "RESHAPE")
_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_ACTIVATIONS = ("NONE", "RELU")


@dataclass(frozen=True, slots=True)
class _Step:
    """An operator. `ranges`: the tensors whose `Range` its computed inputs and its output have."""

    op: FileOperator
    row: int
    ranges: tuple[int, ...]
    shapes: tuple[tuple[int, ...], ...]  # of its first input and its output
    pads: tuple[int, ...] = ()  # of what it pads around images: left, right, top, bottom


class FakeQuantized(nn.Module):
    """The network, from images [B, C, H, W] in [0, 1] to logits [B, classes] on the output's grid."""

    def __init__(self, int8: TfliteFile, floats: TfliteFile) -> None:
        """Raises EdgekitError where the files are not the same network, or one of other operators than students'."""
        super().__init__()
        self.int8 = int8
        self.steps: list[_Step] = []
        self._range_of = {int8.inputs[0]: int8.inputs[0]}
        ranges = {str(int8.inputs[0]): Range(int8.tensors[int8.inputs[0]], learned=False, relu=False)}
        weighted: dict[str, Weighted] = {}
        rows = paired(int8, floats).rows
        for row, op in enumerate(int8.operators):
            out, relu = op.outputs[0], op.options.get("FusedActivationFunction", "NONE") == "RELU"
            entries = [index for index in op.inputs if index in self._range_of]
            self._check(op, rows[row], entries)
            if op.code in _KEEPS_RANGE:
                self._range_of[out] = self._range_of[entries[0]]
            else:
                self._range_of[out] = out
                ranges[str(out)] = Range(int8.tensors[out], learned=True, relu=relu)
            if op.code in _WEIGHTED:
                theirs = floats.operators[rows[row] or 0]
                weights, bias = (_floats(floats.tensors[index]) for index in theirs.inputs[1:3])
                weighted[str(row)] = Weighted(op, weights, bias, float(int8.tensors[out].scales[0]))
            self.steps.append(self._step(row, op, entries))
        self.ranges, self.weighted = nn.ModuleDict(ranges), nn.ModuleDict(weighted)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        values, scales = {}, {index: self._range(index).scale for index in set(self._range_of.values())}
        entry, (end,) = self.int8.inputs[0], self.int8.outputs
        values[entry] = self._range(entry)(x / scales[entry], scales[entry])
        for step in self.steps:
            inputs = [values[index] for index in step.op.inputs if index in values]
            values[step.op.outputs[0]] = _RUN[step.op.code](self, step, inputs, scales)
        found: Tensor = values[end]
        return found

    def tensors(self) -> Mapping[int, NewTensor]:
        """What the int8 file's tensors are to have, by their indices."""
        found: dict[int, NewTensor] = {}
        for index, owner in self._range_of.items():
            scale = self._range(owner).scale.detach().cpu().numpy().reshape(1)
            found[index] = NewTensor(scale, np.array([self._range(owner).zero_point]))
        for step in self.steps:
            if step.op.code in _WEIGHTED:
                new = self._weighted(step).stored(self._range(step.ranges[0]).scale.detach())
                found |= zip(step.op.inputs[1:3], new, strict=True)
        return found

    def _range(self, index: int) -> Range:
        found = self.ranges[str(index)]
        assert isinstance(found, Range)
        return found

    def _weighted(self, step: _Step) -> Weighted:
        found = self.weighted[str(step.row)]
        assert isinstance(found, Weighted)
        return found

    def _check(self, op: FileOperator, at: int | None, entries: list[int]) -> None:
        """Refuses what a student does not have, and this does not model."""
        kinds = {self.int8.tensors[index].type for index in (*entries, *op.outputs)}
        activation = op.options.get("FusedActivationFunction", "NONE")
        sound = op.code in _RUN and at is not None and kinds == {"INT8"} and activation in _ACTIVATIONS
        sound = sound and len(entries) == (2 if op.code == "ADD" else 1)
        if not sound or (op.code in _WEIGHTED and len(op.inputs) != 3):
            raise EdgekitError(
                f"{op.name} (operator {op.position}) of {self.int8.name}, with {activation}, cannot be trained.",
                f"Train networks of {', '.join(_RUN)} with int8 activations, or set quantize.aware_epochs=0.",
            )

    def _step(self, row: int, op: FileOperator, entries: list[int]) -> _Step:
        ranges = tuple(self._range_of[index] for index in (*entries, op.outputs[0]))
        shapes = tuple(self.int8.tensors[index].shape for index in (entries[0], op.outputs[0]))
        pads: tuple[int, ...] = ()
        if op.code == "PAD":
            (_, top, left, _) = self.int8.tensors[op.inputs[1]].data.view(np.int32).reshape(4, 2).tolist()
            pads = (*left, *top)
        elif op.options.get("Padding") == "SAME":
            pads = (*_same(op, self._window(op)[1], shapes, 2), *_same(op, self._window(op)[0], shapes, 1))
        return _Step(op, row, ranges, shapes, pads)

    def _window(self, op: FileOperator) -> tuple[int, int]:
        """Height and width of what slides over the image."""
        if "FilterHeight" in op.options:
            return op.options["FilterHeight"], op.options["FilterWidth"]
        shape = self.int8.tensors[op.inputs[1]].shape
        return shape[1], shape[2]


def _same(op: FileOperator, window: int, shapes: tuple[tuple[int, ...], ...], axis: int) -> tuple[int, int]:
    """Rows or columns that TensorFlow's `SAME` pads before and behind."""
    letter = "_HW"[axis]
    stride, dilation = op.options[f"Stride{letter}"], op.options.get(f"Dilation{letter}Factor", 1)
    total = max(0, (shapes[1][axis] - 1) * stride + (window - 1) * dilation + 1 - shapes[0][axis])
    return total // 2, total - total // 2


def _floats(tensor: FileTensor) -> NDArray[np.float32]:
    return tensor.data.view(np.float32).reshape(tensor.shape)


_Scales = Mapping[int, Tensor]


def _weighted(net: FakeQuantized, step: _Step, inputs: list[Tensor], scales: _Scales) -> Tensor:
    """A convolution or a linear layer: sums in whole numbers, then the output's grid."""
    op, entry, end = step.op, scales[step.ranges[0]], scales[step.ranges[-1]]
    weights, biases, weight_scales = net._weighted(step).whole(entry)
    x = inputs[0] / entry
    if op.code == "FULLY_CONNECTED":
        x = x.permute(0, 2, 3, 1).flatten(1) if x.ndim == 4 else x
        sums = functional.linear(x, weights, biases)
    else:
        x = functional.pad(x, step.pads) if any(step.pads) else x
        strides, dilations = (
            tuple(op.options[name.format(side)] for side in "HW") for name in ("Stride{}", "Dilation{}Factor")
        )
        groups = x.shape[1] // weights.shape[1]
        sums = functional.conv2d(x, weights, biases, strides, 0, dilations, groups)
    along = (1, -1, *[1] * (sums.ndim - 2))
    multipliers = (entry * weight_scales.flatten() / end).view(along)
    return net._range(step.ranges[-1])(_first_rounded(sums * multipliers, multipliers), end)  # type: ignore[no-any-return]


def _first_rounded(steps: Tensor, multipliers: Tensor) -> Tensor:
    """To the fraction of a step that MultiplyByQuantizedMultiplier shifts away afterwards."""
    exponents = torch.frexp(multipliers.detach()).exponent.clamp(max=0)
    fractions = torch.ldexp(torch.ones_like(steps[:1]), exponents)  # 2^-n
    return rounded(steps / fractions) * fractions


def _add(net: FakeQuantized, step: _Step, inputs: list[Tensor], scales: _Scales) -> Tensor:
    end = scales[step.ranges[-1]]
    return net._range(step.ranges[-1])((inputs[0] + inputs[1]) / end, end)  # type: ignore[no-any-return]


def _average(net: FakeQuantized, step: _Step, inputs: list[Tensor], scales: _Scales) -> Tensor:
    grid, scale, option = net._range(step.ranges[-1]), scales[step.ranges[-1]], step.op.options
    window, strides = ((option[f"{name}Height"], option[f"{name}Width"]) if name == "Filter" else
                       (option["StrideH"], option["StrideW"]) for name in ("Filter", "Stride"))  # fmt: skip
    means = functional.avg_pool2d(rounded(inputs[0] / scale), window, strides)
    found: Tensor = grid.clamped(rounded(means + grid.zero_point) - grid.zero_point) * scale
    return found


def _mean(net: FakeQuantized, step: _Step, inputs: list[Tensor], scales: _Scales) -> Tensor:
    end = scales[step.ranges[-1]]
    means = inputs[0].mean((2, 3), keepdim=len(step.shapes[1]) == 4)
    return net._range(step.ranges[-1])(means / end, end)  # type: ignore[no-any-return]


def _max(net: FakeQuantized, step: _Step, inputs: list[Tensor], scales: _Scales) -> Tensor:
    option = step.op.options
    window, strides = (option["FilterHeight"], option["FilterWidth"]), (option["StrideH"], option["StrideW"])
    return functional.max_pool2d(inputs[0], window, strides)


def _pad(net: FakeQuantized, step: _Step, inputs: list[Tensor], scales: _Scales) -> Tensor:
    return functional.pad(inputs[0], step.pads)


def _reshape(net: FakeQuantized, step: _Step, inputs: list[Tensor], scales: _Scales) -> Tensor:
    return inputs[0].permute(0, 2, 3, 1).flatten(1) if inputs[0].ndim == 4 else inputs[0].flatten(1)


_RUN: Mapping[str, Callable[[FakeQuantized, _Step, list[Tensor], _Scales], Tensor]] = {
    **dict.fromkeys(_WEIGHTED, _weighted),
    "ADD": _add, "MEAN": _mean, "AVERAGE_POOL_2D": _average, "MAX_POOL_2D": _max, "PAD": _pad, "RESHAPE": _reshape,
}  # fmt: skip
