"""Graph operators -> C functions, one module a family. In: an operator and where its tensors lie. Out: C text."""

from edgekit.compile.graph import Add, Convolution, Mean, Op, Pad, Pool, Reshape, Softmax
from edgekit.compile.kernels import convolution, simple
from edgekit.compile.kernels.text import Kernel, Site

__all__ = ["Kernel", "Site", "kernel_of", "scratch_bytes"]


def kernel_of(op: Op, site: Site) -> Kernel:
    """The C of one operator, specialised to its shape."""
    match op:
        case Convolution():
            return convolution.convolution(op, site)
        case Pool():
            return simple.pool(op, site)
        case Mean():
            return simple.mean(op, site)
        case Softmax():
            return simple.softmax(op, site)
        case Add():
            return simple.add(op, site)
        case Pad():
            return simple.pad(op, site)
        case Reshape():
            return simple.reshape(op, site)


def scratch_bytes(op: Op, foreign: bool) -> int:
    """Arena bytes that the operator's kernel needs while it runs; `foreign`: its input is the caller's memory."""
    return convolution.scratch_bytes(op, foreign) if isinstance(op, Convolution) else 0
