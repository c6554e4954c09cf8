"""Graph operators -> C functions, one module a family. In: an operator and where its tensors lie. Out: C text."""

from collections.abc import Callable
from typing import Any

from edgekit.compile import convolutions
from edgekit.compile.codegen import Kernel, Site
from edgekit.compile.graph import (
    Add,
    Convolution,
    Mean,
    Op,
    Pad,
    Pool,
    Reshape,
    Softmax,
    Tensor,
)
from edgekit.compile.kernels import add, simple
from edgekit.compile.row_streaming import RowSchedule, StreamedOperator

_KERNELS: dict[type, Callable[[Any, Site], Kernel]] = {
    Convolution: convolutions.whole_image,
    Pool: simple.pool,
    Mean: simple.mean,
    Softmax: simple.softmax,
    Add: add.add,
    Pad: simple.pad,
    Reshape: simple.reshape,
}


def kernel_of(op: Op, site: Site) -> Kernel:
    """The C of one operator, specialised to its shape."""
    return _KERNELS[type(op)](op, site)


def described(op: Op) -> str:
    """The kernel chosen for an operator, in words for the printed plan."""
    return convolutions.kernel_of(op).describe(op) if isinstance(op, Convolution) else "plain loop"


def c_prefix(op: Op) -> str:
    """Of the operator's names in C."""
    return convolutions.kernel_of(op).c_prefix if isinstance(op, Convolution) else type(op).__name__.lower()


def scratch_bytes(op: Op, external: bool) -> int:
    """Arena bytes that the operator's kernel needs while it runs; `external`: its input is the caller's memory."""
    return convolutions.scratch_bytes(op, external) if isinstance(op, Convolution) else 0


def inplace_offset(op: Op, tensor: Tensor) -> int | None:
    """By how many bytes the output must begin before this input to overlap it safely; None where it never may."""
    match op:
        case Convolution():
            return convolutions.inplace_offset(op)
        case Pool():
            return simple.pool_lead(op)
        case Add() | Softmax():  # element i of the output is written after element i of the input was last read
            return 0 if tensor.size == op.output.size else None
    return None


def row_schedule(op: Op) -> RowSchedule | None:
    """How an operator goes down its image; None where it cannot work row by row."""
    match op:
        case Convolution():
            return convolutions.row_schedule(op)
        case Add():
            return add.row_schedule(op)
    return None


def streamed_step(streamed: StreamedOperator, step: str) -> tuple[Kernel, str]:
    """The functions of a streamed operator, and the C of one step."""
    op, site = streamed.op, streamed.site
    if isinstance(op, Add):
        return add.streamed(op, site, streamed.inputs, streamed.output, step)
    assert isinstance(op, Convolution)
    kernel, work = convolutions.streamed(op, site, streamed.inputs[0], streamed.output, streamed.scratch, step)
    return kernel, work
