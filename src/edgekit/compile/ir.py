"""The graph between reader and emitter: frozen values, integers only, every shape and padding worked out.

Each file of ops/ has the node that its operator becomes. Three operators share one, which stands here because passes
and kernels look into it: a depthwise convolution is a grouped one, a fully connected layer is a 1x1 convolution over a
row of `batches` positions. Scales are gone except at the two ends of the model.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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


@dataclass(frozen=True, slots=True)
class Origin:
    """An operator of the .tflite: `CONV_2D`, the third in the file."""

    code: str
    position: int


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """A node of the graph.

    Attributes:
        origins: the file's operators that it stands for.
        inputs: the activations that it reads, in the order in which its C function takes them.
    """

    origins: tuple[Origin, ...]
    inputs: tuple[Tensor, ...]
    output: Tensor

    @property
    def input(self) -> Tensor:
        """The first of the inputs; of most operators the only one."""
        return self.inputs[0]

    @property
    def label(self) -> str:
        """For messages: `CONV_2D (operator 2) + MAX_POOL_2D (operator 3)`."""
        return " + ".join(f"{origin.code} (operator {origin.position})" for origin in self.origins)


@dataclass(frozen=True, slots=True, eq=False)
class Convolution(Op):
    """A (grouped) convolution over an image, and the max-pool behind it where one was fused.

    Attributes:
        weights: int8 [O, kh, kw, I / groups].
        bias: int32 [O].
        image: (height, width, channels) of the input; `result` likewise, before pooling.
        pad: rows above and columns left of the image.
        pool: window of the fused max-pool, whose stride is its size; (1, 1) where there is none.
        kernel: what works it out; None before one is selected.
    """

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


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A model: one int8 input, one int8 output, operators in an order in which they can run."""

    input: Tensor
    output: Tensor
    ops: tuple[Op, ...]
    sha256: bytes = field(repr=False)
