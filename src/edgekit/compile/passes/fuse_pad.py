"""Graph -> graph: a pad before a convolution or a max-pool becomes its own, so that the padded image never exists.

Exact, because a convolution pads with the zero point of its input, as the operator does, and a max-pool looks at
nothing around its image, which is the same where no value of that is below the pad's. PyTorch's exports pad like this
wherever the padding is not that of TensorFlow's SAME.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.ir import RANGES, Graph, Op
from edgekit.compile.ops.add import Add
from edgekit.compile.ops.max_pool_2d import MaxPool
from edgekit.compile.ops.pad import Pad
from edgekit.compile.ops.wide_convolution import WideConvolution

AnyWindow = TypeVar("AnyWindow", Convolution, WideConvolution, MaxPool)


def fuse_pad(graph: Graph) -> Graph:
    """Joins every pad with what is behind it; a pad that nobody reads any more is gone."""
    makers = {op.output.index: op for op in graph.ops}
    ops = [_with_pad(op, makers) for op in graph.ops]
    read = {tensor.index for op in ops for tensor in op.inputs} | {tensor.index for tensor in graph.outputs}
    return replace(graph, ops=tuple(op for op in ops if not isinstance(op, Pad) or op.output.index in read))


def _with_pad(op: Op, makers: dict[int, Op]) -> Op:
    """The operator, joined with the pad before it where both allow that."""
    pad = makers.get(op.inputs[0].index) if op.inputs else None
    if not isinstance(pad, Pad) or not _around_an_image(pad):
        return op
    if isinstance(op, MaxPool):
        return _joined(op, pad) if pad.value <= _least(makers, pad) and _fits(op, pad, op.window) else op
    if isinstance(op, Convolution):
        return _joined(op, pad) if _is_zero(pad) and _fits(op, pad, op.reach) else op
    if isinstance(op, WideConvolution) and not op.transposed:
        return _joined(op, pad) if _is_zero(pad) and _fits(op, pad, op.reach) else op
    return op


def _around_an_image(pad: Pad) -> bool:
    shape = pad.input.shape
    return len(shape) == 4 and shape[0] == 1 and shape[3] == pad.output.shape[3]


def _is_zero(pad: Pad) -> bool:
    return pad.input.quantization == pad.output.quantization and pad.value == pad.input.quantization.zero_point


def _least(makers: dict[int, Op], pad: Pad) -> int:
    """What no value of the image is below."""
    maker = makers.get(pad.input.index)
    return maker.requantization.low if isinstance(maker, Convolution | Add) else RANGES[pad.input.type][0]


def _fits(op: Convolution | WideConvolution | MaxPool, pad: Pad, reach: Sequence[int]) -> bool:
    """True where every window still begins within and reaches the image."""
    image = pad.input
    if op.image != pad.output.shape[1:]:
        return False
    first = [before + own for before, own in zip(pad.before[1:3], op.pad, strict=True)]
    last = [(count - 1) * stride for count, stride in zip(op.result, op.stride, strict=False)]
    return all(
        before < length and step - before < size
        for before, length, step, size in zip(first, reach, last, image.shape[1:3], strict=True)
    )


def _joined(op: AnyWindow, pad: Pad) -> AnyWindow:
    (_, height, width, channels), (_, top, left, _) = pad.input.shape, pad.before
    return replace(
        op,
        origins=pad.origins + op.origins,
        inputs=(pad.input,),
        image=(height, width, channels),
        pad=(op.pad[0] + top, op.pad[1] + left),
    )
