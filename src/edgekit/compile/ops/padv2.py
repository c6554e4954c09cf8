"""PADV2: padding with a constant of the output's quantisation, of up to four dimensions."""

from dataclasses import replace

from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops import pad
from edgekit.compile.ops.pad import Pad, read_pad


def lower(reader: OpReader) -> Pad:
    """TFLM wants input, output and constant to be quantised alike."""
    y = reader.result()
    constant, value = reader.constant_operand(2)
    if value.size != 1:
        raise reader.error(f"it pads with {value.size} values instead of one")
    if constant.quantization != y.quantization and not reader.wide:
        raise reader.error("the value that it pads with and the output differ in scale or zero point")
    return read_pad(reader, y, int(value.ravel()[0]))


OPERATOR = replace(pad.OPERATOR, code="PADV2", resolver_method="AddPadV2", lower=lower)
