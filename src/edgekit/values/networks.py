"""A teacher's logits, and a student as its shape and numpy arrays: a host without torch can read both."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TeacherLogits:
    """The ensemble's logits, float32 [N, classes], by id."""

    logits: NDArray[np.float32]
    ids: tuple[str, ...]

    def of(self, ids: tuple[str, ...]) -> NDArray[np.float32]:
        """Logits [len(ids), classes] in the order of `ids`. KeyError names the id that has none."""
        rows = {name: row for row, name in enumerate(self.ids)}
        return self.logits[[rows[name] for name in ids]]


Kind = Literal["vgg", "separable", "residual", "inverted"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: a convolution with its batch-norm, or a max-pool of 2x2.

    Attributes:
        name: `1_2`, the second of the first stage; part of its parameters' names.
        size: (height, width) of its input.
        inputs, outputs: channels; of a depthwise convolution and a pool they are the same.
        kernel: its side, 3 or 1. An image is padded by one pixel all around for 3, as PyTorch does.
    """

    name: str
    size: tuple[int, int]
    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    depthwise: bool = False
    relu: bool = True
    pool: bool = False

    @property
    def mixes(self) -> bool:
        """Whether each of its outputs is of all its inputs, so that it may have as many outputs as it likes."""
        return not (self.pool or self.depthwise)

    @property
    def result(self) -> tuple[int, int]:
        """(height, width) of its output."""
        step = 2 if self.pool else self.stride
        return -(-self.size[0] // step), -(-self.size[1] // step)


@dataclass(frozen=True, slots=True)
class Block:
    """Layers one after another. Where there is a shortcut, its layers (none: the input itself) are given the block's
    input too, and their output is added to the block's, with a ReLU behind where `relu`."""

    name: str
    layers: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] | None = None
    relu: bool = False


@dataclass(frozen=True, slots=True)
class StudentSpec:
    """The shape of a student: stages that each halve the image, then mean and linear.

    The kinds of block that a stage is made of:

    - `vgg`: 3x3 convolutions, a 2x2 max-pool behind the last (Simonyan and Zisserman 2015).
    - `separable`: a 3x3 depthwise and a 1x1 convolution (Howard et al. 2017).
    - `residual`: two 3x3 convolutions around a shortcut (He et al. 2016).
    - `inverted`: a 1x1 convolution to `expansion` times the channels, a 3x3 depthwise one, a 1x1 one without ReLU,
      around a shortcut where the shape stays (Sandler et al. 2018).

    All but `vgg` have a 3x3 convolution in front, and the first block of a stage halves the image by its stride.

    Attributes:
        widths: the output channels of every convolution that is not depthwise, in the order of `blocks`, each block's
            shortcut last: what channel pruning left. Empty where they are as `channels` and `expansion` say.
    """

    input_shape: tuple[int, int, int]  # (height, width, channels) of its image
    classes: int  # how many logits it gives
    channels: tuple[int, ...]  # output channels of each stage
    depths: tuple[int, ...]  # blocks in each stage, as many as channels
    block: Kind = "vgg"
    stem_stride: int = 1  # of the first convolution
    expansion: int = 4  # of inverted residuals
    widths: tuple[int, ...] = ()

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All that is before the mean over the image, in order. ValueError: `widths` are not those of its layers."""
        planned = self._planned()
        return _narrowed(planned, self.input_shape[2], self.widths) if self.widths else planned

    @property
    def features(self) -> int:
        """How many the mean over the image gives."""
        return self.blocks[-1].layers[-1].outputs

    def _planned(self) -> tuple[Block, ...]:
        height, width, inputs = self.input_shape
        stem = Layer("stem", (height, width), inputs, self.channels[0], stride=self.stem_stride)
        blocks = [] if self.block == "vgg" else [Block("stem", (stem,))]
        size, inputs = ((height, width), inputs) if self.block == "vgg" else (stem.result, stem.outputs)
        for stage, (outputs, depth) in enumerate(zip(self.channels, self.depths, strict=True), start=1):
            for i in range(1, depth + 1):
                block = self._block(f"{stage}_{i}", size, inputs, outputs, i == 1, i == depth)
                blocks.append(block)
                size, inputs = block.layers[-1].result, outputs
        return tuple(blocks)

    def _block(self, name: str, size: tuple[int, int], inputs: int, outputs: int, first: bool, last: bool) -> Block:
        if self.block == "vgg":
            conv = Layer(name, size, inputs, outputs, stride=self.stem_stride if name == "1_1" else 1)
            pool = Layer(name.partition("_")[0], conv.result, outputs, outputs, pool=True)
            return Block(name, (conv, pool) if last else (conv,))
        stride, same = 2 if first else 1, not first and inputs == outputs
        halved = (-(-size[0] // stride), -(-size[1] // stride))
        if self.block == "separable":
            depthwise = Layer(f"{name}_depthwise", size, inputs, inputs, stride=stride, depthwise=True)
            return Block(name, (depthwise, Layer(f"{name}_pointwise", halved, inputs, outputs, 1)))
        if self.block == "residual":
            body = (
                Layer(f"{name}_a", size, inputs, outputs, stride=stride),
                Layer(f"{name}_b", halved, outputs, outputs, relu=False),
            )
            shortcut = () if same else (Layer(f"{name}_short", size, inputs, outputs, 1, stride, relu=False),)
            return Block(name, body, shortcut, relu=True)
        wide = inputs * self.expansion
        expand = Layer(f"{name}_expand", size, inputs, wide, 1)
        depthwise = Layer(f"{name}_depthwise", size, wide, wide, stride=stride, depthwise=True)
        project = Layer(f"{name}_project", halved, wide, outputs, 1, relu=False)
        return Block(name, (expand, depthwise, project), () if same else None)


def _narrowed(blocks: tuple[Block, ...], inputs: int, widths: tuple[int, ...]) -> tuple[Block, ...]:
    """The same blocks, their convolutions as wide as `widths` say."""
    left, found = iter(widths), []
    for block in blocks:
        layers = tuple(_chained(block.layers, inputs, left))
        shortcut = None if block.shortcut is None else tuple(_chained(block.shortcut, inputs, left))
        outputs = layers[-1].outputs
        if shortcut is not None and outputs != (shortcut[-1].outputs if shortcut else inputs):
            raise ValueError(f"block {block.name} and its shortcut differ in width")
        found.append(replace(block, layers=layers, shortcut=shortcut))
        inputs = outputs
    if next(left, None) is not None:
        raise ValueError("there are more widths than convolutions")
    return tuple(found)


def _chained(layers: tuple[Layer, ...], inputs: int, widths: Iterator[int]) -> Iterator[Layer]:
    """The layers one after another, each on what the one before it gives."""
    for layer in layers:
        outputs = next(widths, 0) if layer.mixes else inputs
        if outputs < 1:
            raise ValueError(f"layer {layer.name} has no width")
        yield replace(layer, inputs=inputs, outputs=outputs)
        inputs = outputs


@dataclass(frozen=True, slots=True)
class Student:
    """A trained student: its spec and its parameters under torch's state_dict names, float32."""

    spec: StudentSpec
    weights: Mapping[str, NDArray[np.float32]]
