""".tflite bytes -> a validated `Graph`. Whatever is not understood to the last byte is refused, and named.

Wherever TFLM would refuse the model, or where its arithmetic would leave int32, an `EdgekitError` says so: a program
that this package emits is one whose outputs TFLM defines.
"""

from dataclasses import dataclass
from pathlib import Path

from edgekit.compile.constant_folding import folded
from edgekit.compile.float_ends import without_float_ends
from edgekit.compile.ir import ELEMENT_BYTES, Graph, Op, Tensor
from edgekit.compile.obstacles import Obstacles, unknown
from edgekit.compile.op_reader import OpReader
from edgekit.compile.ops import OPERATORS, operator_of
from edgekit.compile.source import AGAIN, Source, capital
from edgekit.compile.variables import with_copies, without_handles
from edgekit.errors import EdgekitError
from edgekit.files import sha256_of
from edgekit.tflite.reader import read_file
from edgekit.tflite.records import TfliteFile


def supported_ops() -> tuple[str, ...]:
    """Built-in operator names that the compiler knows, sorted."""
    return tuple(OPERATORS)


def read_graph(content: bytes | Path) -> Graph:
    """Reads an int8 .tflite, given its bytes or its path.

    Raises:
        EdgekitError: the file is damaged, not int8, not static, or has an operator that is not supported; the message
            names the operator or the tensor.
    """
    survey = surveyed(read_file(content, whole=True))
    survey.obstacles.raise_any(survey.file.name)
    return survey.graph


@dataclass(frozen=True, slots=True)
class Survey:
    """What became of a file. `file`: what is left to be compiled; `graph`: sound where there are no obstacles."""

    file: TfliteFile
    graph: Graph
    obstacles: Obstacles


def surveyed(whole: TfliteFile) -> Survey:
    """All of a file, with its float ends, however much of it cannot be compiled."""
    read, variables = without_handles(whole)
    ends = without_float_ends(folded(read))
    file = ends.file
    source = Source(file, variables=variables)
    obstacles = Obstacles()
    inputs, ops = _inputs(source, obstacles), _ops(source, obstacles)
    computed = {tensor.index: tensor for tensor in (*inputs, *(op.output for op in ops))}
    outputs = _outputs(source, obstacles, computed)
    sha256, states = bytes.fromhex(sha256_of(file.content)), tuple(source.states.values())
    ops = with_copies(ops, lambda op: operator_of(op).view_offset(op) is not None)
    graph = Graph(inputs, outputs, ops, sha256, ends.float_inputs, ends.float_outputs, states)
    return Survey(file, graph, obstacles)


def _ops(source: Source, obstacles: Obstacles) -> tuple[Op, ...]:
    """The operators, lowered. What one that fails would compute counts as known, so that it is named once."""
    ops: list[Op] = []
    for op in source.file.operators:
        operator = OPERATORS.get(op.code)
        reader = OpReader(source, op, operator.options_kind, operator.takes_16x8) if operator else OpReader(source, op)
        with obstacles.noted(op.position):
            if operator is None:
                raise unknown(op, reader.label)
            lowered = operator.lower(reader)
            ops += lowered if isinstance(lowered, tuple) else (lowered,)
        source.known |= set(op.outputs)
    return tuple(ops)


def _inputs(source: Source, obstacles: Obstacles) -> tuple[Tensor, ...]:
    """The model's inputs, known from here on."""
    tensors = []
    for index, called in _ends("input", source.file.inputs):
        with obstacles.noted():
            tensors.append(source.activation(index, called, tuple(ELEMENT_BYTES)))
            if source.file.tensors[index].data.size:
                raise EdgekitError(f"{capital(called)} is a constant.", AGAIN)
            if index in source.known:
                raise EdgekitError(f"{capital(called)} is another input, too.", AGAIN)
        source.known.add(index)
    return tuple(tensors)


def _outputs(source: Source, obstacles: Obstacles, computed: dict[int, Tensor]) -> tuple[Tensor, ...]:
    """The model's outputs among what is computed."""
    tensors = []
    for index, called in _ends("output", source.file.outputs):
        if index in computed:
            tensors.append(computed[index])
        elif index not in source.known:
            with obstacles.noted():
                source.activation(index, called, tuple(ELEMENT_BYTES))  # which may say more
                raise EdgekitError(f"No operator computes {called}.", AGAIN)
    return tuple(tensors)


def _ends(what: str, indices: tuple[int, ...]) -> list[tuple[int, str]]:
    """Each with what messages call it. EdgekitError where there are none."""
    if not indices:
        raise EdgekitError(f"The model has no {what}.", AGAIN)
    if len(indices) == 1:
        return [(indices[0], f"the model's {what}")]
    return [(index, f"the model's {what} {number}") for number, index in enumerate(indices)]
