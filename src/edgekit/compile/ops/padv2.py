"""PADV2: padding with a constant of the output's quantisation, of up to four dimensions."""

from dataclasses import replace

import numpy as np

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops import pad
from edgekit.compile.ops.pad import Pad, read_pad


def lower(reader: OpReader) -> Pad:
    """TFLM wants input, output and constant to be quantised alike."""
    y = reader.result()
    raw, value = reader.constant(2, "INT8", np.int8)
    if value.size != 1:
        raise reader.error(f"it pads with {value.size} values instead of one")
    constant = reader.source.activation(raw.index, f"input 2 of {reader.label}")
    if constant.quantization != y.quantization:
        raise reader.error("the value that it pads with and the output differ in scale or zero point")
    return read_pad(reader, y, int(value.ravel()[0]))


OPERATOR = replace(pad.OPERATOR, code="PADV2", resolver_method="AddPadV2", lower=lower)
