"""What the compiler asks of a kernel for convolutions. Each is a frozen value that says which variant was chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from edgekit.compile.codegen import Kernel, Site
from edgekit.compile.convolutions.window import Window
from edgekit.compile.ir import Convolution
from edgekit.compile.options import CompileOptions

CODE_BYTES = 1000  # of one convolution, roughly: a tenth more or less of few weights is of no account


@dataclass(frozen=True, slots=True)
class Cost:
    """Estimates for one convolution: instructions of a run, and bytes of flash for weights and code.

    They are linear, fitted to what was counted on emulated Xtensa (tools/bench_weights counts it again).
    """

    instructions: float
    flash_bytes: int


class ConvolutionKernel(Protocol):
    """Works out a step of a convolution, one or more rows of (pooled) results, from the rows under it (window.py)."""

    c_prefix: ClassVar[str]  # of the names in C

    @classmethod
    def candidates(cls, op: Convolution, options: CompileOptions) -> Sequence[Self]:
        """The variants that may serve this convolution; none where the kernel cannot."""

    def cost(self, op: Convolution, options: CompileOptions) -> Cost:
        """What it takes."""

    def geometry(self, op: Convolution) -> Window:
        """The rows under a step, and the memory that the kernel needs besides."""

    def emit(self, op: Convolution, site: Site) -> Kernel:
        """Constants and C functions, of which the last is `{site.name}_rows`."""

    def describe(self, op: Convolution) -> str:
        """The kernel in words, for people."""
