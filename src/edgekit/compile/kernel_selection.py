"""Graph -> graph: every convolution with the kernel that pays, by estimates of its instructions and its bytes of flash.

The rule. Optimizing for size takes the candidate with the least bytes^2 * instructions: one of half the bytes may take
up to four times the instructions. Optimizing for speed takes the least bytes * instructions^4.
"""

from dataclasses import dataclass, replace

from edgekit.compile.convolutions import KERNELS
from edgekit.compile.convolutions.protocol import ConvolutionKernel, Cost
from edgekit.compile.ir import Convolution, Graph
from edgekit.compile.options import CompileOptions


@dataclass(frozen=True, slots=True)
class Candidate:
    """A kernel that may serve a convolution, with what it takes."""

    kernel: ConvolutionKernel
    cost: Cost


def select_kernels(graph: Graph, options: CompileOptions) -> Graph:
    """The graph with a kernel for each of its convolutions."""
    return replace(
        graph,
        ops=tuple(
            replace(op, kernel=_selected(op, options)) if isinstance(op, Convolution) else op for op in graph.ops
        ),
    )


def _selected(op: Convolution, options: CompileOptions) -> ConvolutionKernel:
    candidates = [
        Candidate(kernel, kernel.cost(op, options)) for kind in KERNELS for kernel in kind.candidates(op, options)
    ]
    bytes_, instructions = (2.0, 1.0) if options.optimize == "size" else (1.0, 4.0)
    return min(
        candidates,
        key=lambda one: one.cost.flash_bytes**bytes_ * one.cost.instructions**instructions,
    ).kernel
