"""CONV_2D, of int8 or INT16 activations."""

from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.convolution import (
    Filter,
    convolution_operator,
    products,
    read_bias,
    read_convolution,
    read_weights,
    read_window,
)
from edgekit.compile.ops.wide_convolution import WideConvolution, read_wide


def lower(reader: OpReader) -> Convolution | WideConvolution:
    """CONV_2D, grouped where the filter has fewer channels than the image."""
    x, y = reader.operand(0), reader.result()
    reader.symmetric(x.quantization, y.quantization)
    weights, scales = read_weights(reader, rank=4, axis=0)
    channels = reader.image(x)[2]
    out, depth = weights.shape[0], weights.shape[3]
    if channels % depth or out % (channels // depth):
        raise reader.error(f"{out} filters of {depth} channels do not fit {channels} channels")
    groups = channels // depth
    if reader.wide:
        window = read_window(reader, x, y, weights, groups)
        return read_wide(reader, (x, y), weights, products(x, scales, y, out), window)
    return read_convolution(reader, x, y, Filter(weights, scales, read_bias(reader, out), groups))


OPERATOR = convolution_operator("CONV_2D", "AddConv2D", "Conv2DOptions", lower)
