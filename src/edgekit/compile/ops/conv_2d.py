"""CONV_2D."""

from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops.convolution import Filter, convolution_operator, read_bias, read_convolution, read_weights


def lower(reader: OpReader) -> Convolution:
    """CONV_2D, grouped where the filter has fewer channels than the image."""
    x = reader.operand(0)
    weights, scales = read_weights(reader, rank=4, axis=0)
    channels = reader.image(x)[2]
    out, depth = weights.shape[0], weights.shape[3]
    if channels % depth or out % (channels // depth):
        raise reader.error(f"{out} filters of {depth} channels do not fit {channels} channels")
    return read_convolution(reader, x, Filter(weights, scales, read_bias(reader, out), channels // depth))


OPERATOR = convolution_operator("CONV_2D", "AddConv2D", "Conv2DOptions", lower)
