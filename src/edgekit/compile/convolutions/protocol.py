"""Convolutions in the graph, and what the compiler asks of a kernel for them.

Three operators become one node: a depthwise convolution is a grouped one, a fully connected layer is a 1x1 convolution
over a row of `batches` positions. A kernel is a frozen value that says which variant was chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Kernel, Site
from edgekit.compile.convolutions.window import Window
from edgekit.compile.cost import Cost
from edgekit.compile.ir import Op, Requantization
from edgekit.compile.options import CompileOptions

CHANNEL_BYTES = 24  # of an output channel's bias and scales (c/channel.h)


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
        in_ram: whether its weights are in RAM.
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
    in_ram: bool = False

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


class ConvolutionKernel(Protocol):
    """Works out a step of a convolution, one or more rows of (pooled) results, from the rows under it (window.py)."""

    c_prefix: ClassVar[str]  # of the names in C

    @classmethod
    def candidates(cls, op: Convolution, options: CompileOptions) -> Sequence[Self]:
        """The variants that may serve this convolution; none where the kernel cannot."""

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """What it takes of each run, on the core that `options` name."""

    def geometry(self, op: Convolution) -> Window:
        """The rows under a step, and the memory that the kernel needs besides."""

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """Constants and C functions, of which the last is `{site.name}_rows`."""

    def describe(self, op: Convolution) -> str:
        """The kernel in words, for people."""


def window_of(
    op: Convolution,
    made: int,
    conv_rows: int,
    conv_columns: int,
    extra_bytes: int,
    overreads: bool = False,
    reads_first: bool = False,
) -> Window:
    """The window under `conv_rows` x `conv_columns` results before pooling, which give `made` rows after it."""
    channels = op.image[2]
    row = ((conv_columns - 1) * op.stride[1] + op.reach[1]) * channels
    left = op.pad[1] * channels
    return Window(
        rows=(conv_rows - 1) * op.stride[0] + op.reach[0],
        row=row,
        left=left,
        used=min(op.image[1] * channels, row - left),
        top=op.pad[0],
        step=conv_rows * op.stride[0],
        made=made,
        steps=-(-op.pooled[0] // made),
        image_rows=op.image[0],
        image_row=op.image[1] * channels,
        zero=op.input.quantization.zero_point + 128,
        extra_bytes=extra_bytes,
        overreads=overreads,
        reads_first=reads_first,
    )
