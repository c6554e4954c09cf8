"""QUANTIZE between whole numbers: another scale, zero point or width. That from float stands at the ends alone and is
left out (float_ends.py)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Kernel, Site
from edgekit.compile.fixed_point import quantize_multiplier, requantized, scaled
from edgekit.compile.ir import ELEMENT_BYTES, RANGES, Op, Tensor
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator
from edgekit.compile.ops.byte_table import ByteTable

_KNOWN = {  # those that TFLM's kernel has, to what from what
    "INT8": ("INT8", "UINT8", "INT16", "INT32"),
    "UINT8": ("INT8",),
    "INT16": ("INT8", "INT16", "INT32"),
    "INT32": ("INT8", "INT16"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Quantize(Op):
    """Numbers of more than a byte, or into such. `multiplier`, `shift`: of what is above the input's zero point."""

    multiplier: int
    shift: int


def lower(reader: OpReader) -> Quantize | ByteTable:
    """The scale as PrepareQuantizeReference computes it. From one byte to another it is a table."""
    if len(reader.op.inputs) != 1:
        raise reader.error(f"it has {len(reader.op.inputs)} inputs instead of one")
    every = tuple(ELEMENT_BYTES)
    x, y = reader.operand(0, every), reader.result(every)
    reader.expect(y, x.shape)
    if x.type not in _KNOWN.get(y.type, ()):
        raise reader.error(f"TFLM does not quantise {x.type} to {y.type}", "Convert with int8 or float ends.")
    multiplier, shift = quantize_multiplier(x.quantization.scale / y.quantization.scale)
    _check(reader, x, y, shift)
    if ELEMENT_BYTES[x.type] > 1 or ELEMENT_BYTES[y.type] > 1:
        return Quantize(reader.origins, (x,), y, multiplier, shift)
    least, greatest = RANGES[y.type]
    values = (
        scaled(q - x.quantization.zero_point, multiplier, shift) + y.quantization.zero_point
        for q in range(RANGES[x.type][0], RANGES[x.type][1] + 1)
    )
    return ByteTable(reader.origins, (x,), y, tuple(max(least, min(greatest, value)) - least for value in values))


def _check(reader: OpReader, x: Tensor, y: Tensor, shift: int) -> None:
    """Refuses what could leave int32."""
    least, greatest = RANGES[x.type]
    if x.type == "INT32" and x.quantization.zero_point == 0 and shift < 0:
        return  # halved at least: the zero point has room
    bound = max(greatest - x.quantization.zero_point, x.quantization.zero_point - least)
    reader.check_sum(bound, shift)
    if (bound << max(0, shift)) + abs(y.quantization.zero_point) > RANGES["INT32"][1]:
        raise reader.error("its zero point does not fit into 32 bits beside its sums")


def evaluate(op: Quantize, values: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Of whole numbers."""
    scaled_values = requantized(values[0] - op.input.quantization.zero_point, op.multiplier, op.shift)
    return np.clip(scaled_values + op.output.quantization.zero_point, *RANGES[op.output.type])


def emit(op: Quantize, site: Site) -> Kernel:
    """Scales value after value."""
    (x,), y = op.inputs, op.output
    least, greatest = RANGES[y.type]
    if x.type == "INT8":  # in memory as q + 128
        pointer, value = "input", f"({site.read('input[i]')} - {x.quantization.zero_point + 128})"
    else:
        pointer = f"((const {x.type.lower()}_t *)(const void *)input)"
        value = f"({pointer}[i] - {x.quantization.zero_point})" if x.quantization.zero_point else f"{pointer}[i]"
    clamped = f"value < {least} ? {least} : value > {greatest} ? {greatest} : value"
    store = {
        "INT8": site.write("output[i]", f"(uint8_t)(({clamped}) + 128)"),
        "INT32": "((int32_t *)(void *)output)[i] = value;",
    }.get(y.type, f"(({y.type.lower()}_t *)(void *)output)[i] = ({y.type.lower()}_t)({clamped});")
    function = f"""static void {site.name}(const uint8_t *input, uint8_t *output) {{
  for (int32_t i = 0; i < {x.size}; ++i) {{
    const int32_t value = requantize({value}, {op.multiplier}, {op.shift}) + {y.quantization.zero_point};
    {store}
  }}
}}
"""
    return Kernel(("requantize",), (), function)


OPERATOR: Operator[Any] = Operator("QUANTIZE", "AddQuantize", Quantize, lower, emit, evaluate=evaluate, takes_16x8=True)
