""".tflite bytes -> a validated `Graph`. Whatever is not understood to the last byte is refused, and named.

Wherever TFLM would refuse the model, or where its arithmetic would leave int32, an `EdgekitError` says so: a program
that this package emits is one whose outputs TFLM defines.
"""

from edgekit.compile.ir import Graph, Op
from edgekit.compile.op_reader import AGAIN, OpReader, Source
from edgekit.compile.ops import OPERATORS
from edgekit.errors import EdgekitError
from edgekit.files import sha256_of
from edgekit.tflite.reader import read_file


def supported_ops() -> tuple[str, ...]:
    """Built-in operator names that the compiler knows, sorted."""
    return tuple(OPERATORS)


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
    unknown = sorted({op.code for op in file.operators} - set(OPERATORS))
    if unknown:
        raise EdgekitError(
            f"The model uses {', '.join(unknown)}, which edgekit.compile does not support.",
            f"Supported: {', '.join(supported_ops())}. Remove the operator, or run the model with TFLM.",
        )
    source.known.add(entry.index)
    ops: list[Op] = []
    for position, op in enumerate(file.operators):
        operator = OPERATORS[op.code]
        ops.append(operator.lower(OpReader(source, op, position, operator.options_kind)))
        source.known.add(ops[-1].output.index)
    exit_ = source.activation(output, "the model's output")
    if exit_.index not in source.known:
        raise EdgekitError("No operator computes the model's output.", AGAIN)
    return Graph(entry, exit_, tuple(ops), bytes.fromhex(sha256_of(file.content)))
