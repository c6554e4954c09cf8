"""The graph between reader and emitter: frozen values, integers only, every shape and padding worked out.

Three TFLite operators become one `Convolution`: a depthwise convolution is a grouped one, a fully connected layer is a
1x1 convolution over a row of `batches` positions. Scales are gone except at the two ends of the model.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from edgekit.values.model import Quantization

if TYPE_CHECKING:
    from edgekit.compile.convolutions.protocol import ConvolutionKernel


@dataclass(frozen=True, slots=True)
class Tensor:
    """An int8 activation.

    Attributes:
        index: position in the .tflite's tensor list; its identity.
        name: for messages; never printed into C.
        shape: all dimensions, batch first.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    quantization: Quantization

    @property
    def size(self) -> int:
        """Elements, which are bytes."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Requantization:
    """int32 sums to int8: per channel multiplier / 2^31 * 2^shift, then the zero point, then the clamp."""

    multipliers: tuple[int, ...]
    shifts: tuple[int, ...]
    zero_point: int
    low: int
    high: int


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """A (grouped) convolution over an image, and the max-pool behind it where one was fused.

    Attributes:
        weights: int8 [O, kh, kw, I / groups].
        bias: int32 [O].
        image: (height, width, channels) of the input; `result` likewise, before pooling.
        pad: rows above and columns left of the image.
        pool: window of the fused max-pool, whose stride is its size; (1, 1) where there is none.
        kernel: what works it out; None before one is selected.
    """

    label: str
    input: Tensor
    output: Tensor
    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    image: tuple[int, int, int]
    result: tuple[int, int, int]
    groups: int
    stride: tuple[int, int]
    dilation: tuple[int, int]
    pad: tuple[int, int]
    requantization: Requantization
    pool: tuple[int, int] = (1, 1)
    kernel: "ConvolutionKernel | None" = None

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The activations that it reads."""
        return (self.input,)

    @property
    def reach(self) -> tuple[int, int]:
        """Rows and columns that one kernel window spans, dilation included."""
        _, height, width, _ = self.weights.shape
        return (height - 1) * self.dilation[0] + 1, (width - 1) * self.dilation[1] + 1

    @property
    def pooled(self) -> tuple[int, int]:
        """Rows and columns of the result after the pool."""
        return self.result[0] // self.pool[0], self.result[1] // self.pool[1]

    @property
    def used_columns(self) -> int:
        """Columns of the result that the pool looks at."""
        return self.pooled[1] * self.pool[1]

    @property
    def macs(self) -> int:
        """Multiplications of one run, padding counted."""
        return self.result[0] * self.result[1] * int(self.weights.size)


@dataclass(frozen=True, slots=True)
class Pool:
    """MAX_POOL_2D or AVERAGE_POOL_2D; the fields as in `Convolution`."""

    label: str
    input: Tensor
    output: Tensor
    kind: Literal["max", "average"]
    image: tuple[int, int, int]
    result: tuple[int, int, int]
    window: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    low: int
    high: int

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The activations that it reads."""
        return (self.input,)


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean over all `positions` of an image, channel by channel."""

    label: str
    input: Tensor
    output: Tensor
    positions: int
    channels: int
    requantization: Requantization

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The activations that it reads."""
        return (self.input,)


@dataclass(frozen=True, slots=True)
class Softmax:
    """Softmax over the last dimension. `table`: exp by distance from the row's maximum, Q0.31."""

    label: str
    input: Tensor
    output: Tensor
    rows: int
    depth: int
    table: tuple[int, ...]

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The activations that it reads."""
        return (self.input,)


@dataclass(frozen=True, slots=True, eq=False)
class Add:
    """Element-wise sum with broadcasting.

    Attributes:
        operands: two activations, or an activation and an int8 constant.
        shapes: both operands' shapes and the output's, all of the same length.
        zero_points: of the operands.
        scalings: (multiplier, shift) of the operands.
        requantization: of their sum.
    """

    label: str
    operands: tuple[Tensor | NDArray[np.int8], Tensor | NDArray[np.int8]]
    output: Tensor
    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    zero_points: tuple[int, int]
    scalings: tuple[tuple[int, int], tuple[int, int]]
    requantization: Requantization

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The activations that it reads."""
        return tuple(operand for operand in self.operands if isinstance(operand, Tensor))


@dataclass(frozen=True, slots=True)
class Pad:
    """Constant padding. `shape` is the input's and `before` the padding's, both of the output's rank."""

    label: str
    input: Tensor
    output: Tensor
    before: tuple[int, ...]
    value: int

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The activations that it reads."""
        return (self.input,)


@dataclass(frozen=True, slots=True)
class Reshape:
    """The same bytes under another shape."""

    label: str
    input: Tensor
    output: Tensor

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The activations that it reads."""
        return (self.input,)


Op = Convolution | Pool | Mean | Softmax | Add | Pad | Reshape


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A model: one int8 input, one int8 output, operators in an order in which they can run."""

    input: Tensor
    output: Tensor
    ops: tuple[Op, ...]
    sha256: bytes = field(repr=False)
