"""Graph -> graph: every convolution with the kernel that pays, by estimates of its cycles and its bytes of flash.

The rule. Optimizing for size takes the candidate with the least bytes^2 * cycles: one of half the bytes may take up to
four times the cycles. Optimizing for speed takes the least bytes * cycles^4. Cycles are those at the flash mode.
"""

from dataclasses import replace

from edgekit.compile.convolutions import KERNELS
from edgekit.compile.convolutions.protocol import Convolution, ConvolutionKernel
from edgekit.compile.estimate import cycles_alone
from edgekit.compile.ir import Graph
from edgekit.compile.options import CompileOptions


def select_kernels(graph: Graph, options: CompileOptions) -> Graph:
    """The graph with a kernel for each of its convolutions."""
    return replace(
        graph,
        ops=tuple(
            replace(op, kernel=_selected(op, options)) if isinstance(op, Convolution) else op for op in graph.ops
        ),
    )


def _selected(op: Convolution, options: CompileOptions) -> ConvolutionKernel:
    bytes_, cycles = (2.0, 1.0) if options.optimize == "size" else (1.0, 4.0)

    def price(kernel: ConvolutionKernel) -> float:
        cost = kernel.cost(op, options)
        return float(cost.flash_bytes**bytes_ * cycles_alone(cost, options) ** cycles)

    return min((kernel for kind in KERNELS for kernel in kind.candidates(op, options)), key=price)
