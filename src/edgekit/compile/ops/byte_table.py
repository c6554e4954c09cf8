"""What operators share whose output depends on one input: of a byte, a table of 256, worked out when C is made.

It is written as memory has the bytes, the caller's int8 or the arena's q + 128, so that C only looks up. Of INT16 the
result is calculated (wide_elements.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Constant, Kernel, Site
from edgekit.compile.ir import RANGES, Op
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator, elementwise_operator
from edgekit.compile.ops.wide_elements import WideElements
from edgekit.values.model import Quantization


@dataclass(frozen=True, slots=True, eq=False)
class ByteTable(Op):
    """The output's bytes q + 128 by the input's. `table`: 256 of them."""

    table: tuple[int, ...]


def table_operator(
    code: str,
    resolver_method: str,
    function_of: Callable[[OpReader, Quantization, Quantization], Callable[[int], int]],
    options_kind: str = "",
    wide_value: Callable[[OpReader, Quantization, Quantization], tuple[str, tuple[str, ...]]] | None = None,
) -> Operator[Any]:
    """The entry of an operator of one activation, element by element.

    Args:
        function_of: given the quantization of input and output, the function from an int8 value to the output's, which
            is clamped to int8 here.
        wide_value: likewise the C of an INT16 output given `x`, and the helpers that it calls; None: TFLM has none.
    """

    def lower(reader: OpReader) -> ByteTable | WideElements:
        if len(reader.op.inputs) != 1:
            raise reader.error(f"it has {len(reader.op.inputs)} inputs instead of one")
        x, y = reader.operand(0), reader.result()
        reader.expect(y, x.shape)
        if wide_value is not None and reader.wide:
            reader.symmetric(x.quantization, y.quantization)
            return WideElements(reader.origins, (x,), y, *wide_value(reader, x.quantization, y.quantization))
        function = function_of(reader, x.quantization, y.quantization)
        table = tuple(max(-128, min(127, function(q))) + 128 for q in range(-128, 128))
        return ByteTable(reader.origins, (x,), y, table)

    entry: Operator[Any] = elementwise_operator(
        code,
        resolver_method,
        ByteTable,
        lower,
        _emit,
        options_kind,
        cycles=13.0,
        takes_16x8=wide_value is not None,
        evaluate=evaluate,
    )
    return replace(entry, c_prefix=lambda op: op.origins[0].code.lower(), describe=lambda _: "table")


def evaluate(op: ByteTable, values: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """What the table has for each."""
    table = np.array(op.table, np.int64) + RANGES[op.output.type][0]
    return np.asarray(table[values[0] - RANGES[op.input.type][0]])


def _emit(op: ByteTable, site: Site, elements: int) -> Kernel:
    """Looks up byte after byte."""
    (flip,) = site.input_flips
    values = [op.table[byte ^ flip] ^ site.output_flip for byte in range(256)]
    function = f"""static void {site.name}(const uint8_t *input, uint8_t *output) {{
  for (int32_t i = 0; i < {elements or op.output.size}; ++i) output[i] = {site.name}_table[input[i]];
}}
"""
    return Kernel((), (Constant("uint8_t", f"{site.name}_table", values),), function)
