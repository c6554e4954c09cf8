"""Graph -> graph: a pad before a convolution becomes the convolution's own, so that the padded image never exists.

Exact, because a convolution pads with the zero point of its input, as the operator does. PyTorch's exports pad like
this wherever the padding is not that of TensorFlow's SAME.
"""

from dataclasses import replace

from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.ir import Graph, Op
from edgekit.compile.ops.pad import Pad
from edgekit.compile.ops.wide_convolution import WideConvolution

Padded = Convolution | WideConvolution


def fuse_pad(graph: Graph) -> Graph:
    """Joins every pad with the convolutions behind it; a pad that nobody reads any more is gone."""
    pads = {op.output.index: op for op in graph.ops if isinstance(op, Pad)}
    ops: list[Op] = []
    for op in graph.ops:
        pad = pads.get(op.inputs[0].index) if op.inputs else None
        ops.append(_joined(op, pad) if pad and isinstance(op, Padded) and _fits(op, pad) else op)
    read = {tensor.index for op in ops for tensor in op.inputs} | {tensor.index for tensor in graph.outputs}
    return replace(graph, ops=tuple(op for op in ops if not isinstance(op, Pad) or op.output.index in read))


def _fits(convolution: Padded, pad: Pad) -> bool:
    """True where the pad goes around an image with zero, and every window still begins within and reaches the image."""
    image = pad.input
    around = len(image.shape) == 4 and image.shape[0] == 1 and image.shape[3] == pad.output.shape[3]
    zero = image.quantization == pad.output.quantization and pad.value == image.quantization.zero_point
    backwards = isinstance(convolution, WideConvolution) and convolution.transposed
    if backwards or not (around and zero and convolution.image == pad.output.shape[1:]):
        return False
    first = [before + own for before, own in zip(pad.before[1:3], convolution.pad, strict=True)]
    last = [(count - 1) * stride for count, stride in zip(convolution.result, convolution.stride, strict=False)]
    return all(
        before < reach and step - before < size
        for before, reach, step, size in zip(first, convolution.reach, last, image.shape[1:3], strict=True)
    )


def _joined(convolution: Padded, pad: Pad) -> Op:
    (_, height, width, channels), (_, top, left, _) = pad.input.shape, pad.before
    return replace(
        convolution,
        origins=pad.origins + convolution.origins,
        inputs=(pad.input,),
        image=(height, width, channels),
        pad=(convolution.pad[0] + top, convolution.pad[1] + left),
    )
