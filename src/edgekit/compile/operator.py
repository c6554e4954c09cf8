"""What the compiler asks of a TFLite operator: how it is read, what C it becomes, what memory it needs.

Each file of ops/ ends with one such entry, which the registry (ops/__init__.py) finds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.codegen import Kernel, Site
from edgekit.compile.cost import Cost, Rates
from edgekit.compile.ir import Op, Tensor
from edgekit.compile.op_reader import OpReader
from edgekit.compile.options import CompileOptions
from edgekit.compile.row_streaming import RowSchedule, StreamedOperator, row_bytes

Numbers = NDArray[np.int64]
Node = TypeVar("Node", bound=Op)


@dataclass(frozen=True, slots=True)
class Operator(Generic[Node]):
    """One TFLite operator. Only the first five must be given: an operator without more is a loop from inputs to output.

    Attributes:
        code: its name in the schema, such as `LEAKY_RELU`.
        resolver_method: what registers it with TFLM's MicroMutableOpResolver.
        node: the class of the graph's node that it becomes. Operators that share one share all that follows `lower`.
        lower: reads it from the file; checks options, recomputes shapes, turns scales into integers. Of an operator of
            several outputs it makes a node for each.
        emit: its C, specialised to its shapes: a function from the inputs to the output.
        options_kind: the schema's name of its options, where `lower` reads any.
        view_offset: at which of the input's bytes the output's lie in one piece, so that both may share their place;
            None of most operators.
        part_offsets: of a concatenation, at which of the output's bytes each input lies in one piece, so that it may be
            made there; None where they are interleaved, and of all other operators.
        c_prefix: what its names in C begin with; the node's name if left out.
        describe: the kernel in words, for people.
        macs: multiplications of one run.
        rates: what it takes in a run, where it is a loop.
        kernel_cost: what its kernel takes; None where it is a loop.
        scratch_bytes: arena bytes that it needs while it runs, given whether the first input is the caller's memory.
        inplace_offset: by how many bytes the output must begin before this input to overlap it; None where it never
            may. The function reads from front to back, so that 0 is right where output element i is written after
            input element i was last read.
        states: what it keeps from run to run; its function takes pointers to them behind that to the output.
        row_schedule: how it goes down its image; None where it cannot work row by row.
        emit_step: of an operator with a row schedule: its functions, and the C of one step, whose number is C, too.
        takes_16x8: True where its activations may be INT16; weights are int8.
        evaluate: its output given its inputs, where it can be worked out while compiling because all are constants.
    """

    code: str
    resolver_method: str
    node: type[Node]
    lower: Callable[[OpReader], Node | tuple[Node, ...]]
    emit: Callable[[Node, Site], Kernel]
    options_kind: str = ""
    view_offset: Callable[[Node], int | None] = lambda _: None
    part_offsets: Callable[[Node], tuple[int, ...] | None] = lambda _: None
    c_prefix: Callable[[Node], str] = lambda op: type(op).__name__.lower()
    describe: Callable[[Node], str] = lambda _: "loop"
    macs: Callable[[Node], int] = lambda _: 0
    rates: Callable[[Node], Rates] = lambda _: Rates()
    kernel_cost: Callable[[Node, CompileOptions], Cost] | None = None
    scratch_bytes: Callable[[Node, bool], int] = lambda _op, _external: 0
    inplace_offset: Callable[[Node, Tensor], int | None] = lambda _op, _tensor: None
    states: Callable[[Node], tuple[Tensor, ...]] = lambda _: ()
    row_schedule: Callable[[Node], RowSchedule | None] = lambda _: None
    emit_step: Callable[[Node, StreamedOperator, str], tuple[Kernel, str]] | None = None
    takes_16x8: bool = False
    evaluate: Callable[[Node, Sequence[Numbers]], Numbers] | None = None

    def cost(self, op: Node, options: CompileOptions) -> Cost:
        """What an operator takes in a run; the constants of a loop are left to whoever knows what it emits."""
        if self.kernel_cost is not None:
            return self.kernel_cost(op, options)
        return self.rates(op).cost(op.output.size, sum(tensor.size for tensor in op.inputs), self.macs(op))

    def says(self, name: str) -> bool:
        """Whether the entry answers one of its optional questions itself."""
        return getattr(self, name) is not type(self).__dataclass_fields__[name].default


def elementwise_operator(
    code: str,
    resolver_method: str,
    node: type[Node],
    lower: Callable[[OpReader], Node],
    emit: Callable[[Node, Site, int], Kernel],
    options_kind: str = "",
    *,
    streams: Callable[[Node], bool] = lambda _: True,
    cycles: float = 30.0,
    takes_16x8: bool = False,
    evaluate: Callable[[Node, Sequence[Numbers]], Numbers] | None = None,
) -> Operator[Node]:
    """The entry of an operator that goes through its elements one by one.

    Args:
        emit: its C, given how many elements one call makes, 0 for all.
        streams: False where it cannot work row by row though its activations are images of one shape.
        cycles: of one element.
        takes_16x8, evaluate: as in `Operator`.
    """

    def row_schedule(op: Node) -> RowSchedule | None:
        shape = op.output.shape
        if len(shape) != 4 or shape[0] != 1 or any(x.shape != shape for x in op.inputs) or not streams(op):
            return None
        if op.output.type != "INT8":
            return None
        return RowSchedule(1, 1, 0, shape[1], 1, shape[1])

    def emit_step(op: Node, streamed: StreamedOperator, step: str) -> tuple[Kernel, str]:
        pointers = ", ".join(rows.at(step) for rows in (*streamed.inputs, streamed.output))
        return emit(op, streamed.site, row_bytes(op.output)), f"{streamed.site.name}({pointers});"

    return Operator(
        code,
        resolver_method,
        node,
        lower,
        lambda op, site: emit(op, site, 0),
        options_kind,
        rates=lambda _: Rates(cycles),
        inplace_offset=elementwise_offset,
        row_schedule=row_schedule,
        emit_step=emit_step,
        takes_16x8=takes_16x8,
        evaluate=evaluate,
    )


def elementwise_offset(op: Op, tensor: Tensor) -> int | None:
    """The in-place offset where output element i is written after input element i was last read: 0, or None where the
    input is broadcast, and an element of it is read again and again."""
    return 0 if tensor.size_bytes == op.output.size_bytes else None
