"""Graph operators -> C functions, one module a family. In: an operator and where its tensors lie. Out: C text."""

from collections.abc import Callable
from typing import Any

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
from edgekit.compile.kernels import add, convolution, simple
from edgekit.compile.kernels.by_channel import ByChannel
from edgekit.compile.kernels.by_tile import ByTile
from edgekit.compile.kernels.one_channel import OneChannel
from edgekit.compile.kernels.text import Kernel, Site
from edgekit.compile.kernels.turns import pace_of
from edgekit.compile.kernels.winograd import Winograd

__all__ = ["Kernel", "Site", "described", "inplace_offset", "kernel_of", "pace_of", "scratch_bytes"]


_KERNELS: dict[type, Callable[[Any, Site], Kernel]] = {
    Convolution: convolution.convolution,
    OneChannel: convolution.convolution,
    Winograd: convolution.convolution,
    ByChannel: convolution.convolution,
    ByTile: convolution.convolution,
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
    return convolution.described(op) if isinstance(op, Convolution) else "plain loop"


def scratch_bytes(op: Op, external: bool) -> int:
    """Arena bytes that the operator's kernel needs while it runs; `external`: its input is the caller's memory."""
    return convolution.scratch_bytes(op, external) if isinstance(op, Convolution) else 0


def inplace_offset(op: Op, tensor: Tensor) -> int | None:
    """By how many bytes the output must begin before this input to overlap it safely; None where it never may."""
    match op:
        case Convolution():
            return convolution.inplace_offset(op)
        case Pool():
            return simple.pool_lead(op)
        case Add() | Softmax():  # element i of the output is written after element i of the input was last read
            return 0 if tensor.size == op.output.size else None
    return None
