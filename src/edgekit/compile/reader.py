""".tflite bytes -> a validated `Graph`. Whatever is not understood to the last byte is refused, and named.

Wherever TFLM would refuse the model, or where its arithmetic would leave int32, an `EdgekitError` says so: a program
that this package emits is one whose outputs TFLM defines.
"""

import hashlib
from collections.abc import Callable

from edgekit.compile.graph import Graph, Op
from edgekit.compile.lowering import plain, weighted
from edgekit.compile.source import AGAIN, Source, Task
from edgekit.errors import EdgekitError
from edgekit.tflite.reader import read_file

_LOWERINGS: dict[str, Callable[[Task], Op]] = {
    "ADD": plain.add,
    "AVERAGE_POOL_2D": plain.average_pool,
    "CONV_2D": weighted.conv,
    "DEPTHWISE_CONV_2D": weighted.depthwise,
    "FULLY_CONNECTED": weighted.fully_connected,
    "MAX_POOL_2D": plain.max_pool,
    "MEAN": plain.mean,
    "PAD": plain.pad,
    "RESHAPE": plain.reshape,
    "SOFTMAX": plain.softmax,
}


def supported_ops() -> tuple[str, ...]:
    """Built-in operator names that the compiler knows, sorted."""
    return tuple(sorted(_LOWERINGS))


def read_graph(content: bytes) -> Graph:
    """Reads an int8 .tflite.

    Raises:
        EdgekitError: the file is damaged, not int8, not static, or has an operator that is not supported; the message
            names the operator or the tensor.
    """
    file = read_file(content)
    source = Source(file)
    input_, output = file.ends()
    entry = source.activation(input_, "the model's input")
    if file.tensors[entry.index].data.size:
        raise EdgekitError("The model's input is a constant.", AGAIN)
    unknown = sorted({op.code for op in file.operators} - set(_LOWERINGS))
    if unknown:
        raise EdgekitError(
            f"The model uses {', '.join(unknown)}, which edgekit.compile does not support.",
            f"Supported: {', '.join(supported_ops())}. Remove the operator, or run the model with TFLM.",
        )
    source.known.add(entry.index)
    ops = []
    for position, op in enumerate(file.operators):
        lowered = _LOWERINGS[op.code](Task(source, op, f"{op.code} (operator {position})"))
        source.known.add(lowered.output.index)
        ops.append(lowered)
    exit_ = source.activation(output, "the model's output")
    if exit_.index not in source.known:
        raise EdgekitError("No operator computes the model's output.", AGAIN)
    return Graph(entry, exit_, tuple(ops), hashlib.sha256(content).digest())
