"""Variables of a .tflite as the compiler takes them: an activation that is read, an activation that is written.

In: the records of a file, its operators. Out: the same without VAR_HANDLE and CALL_ONCE; with copies where a variable
is written too early.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from edgekit.compile.ir import Op
from edgekit.tflite.records import TfliteFile
from edgekit.tflite.variables import Variables, variables_of


def without_handles(file: TfliteFile) -> tuple[TfliteFile, Variables]:
    """The file whose operators read and assign its variables, and these. Raises as `variables_of`."""
    variables = variables_of(file)
    kept = tuple(op for op in file.operators if op.code not in ("VAR_HANDLE", "CALL_ONCE"))
    return replace(file, operators=kept), variables


@dataclass(frozen=True, slots=True, eq=False)
class ReadVariable(Op):
    """A variable as an activation. `copied`: it is still read when its variable is written again."""

    copied: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class AssignVariable(Op):
    """An activation into a variable."""


def with_copies(ops: Sequence[Op], is_view: Callable[[Op], bool]) -> tuple[Op, ...]:
    """The operators; what is read of a variable is copied where the variable is written while that is still read.

    Args:
        is_view: True of an operator whose output lies in its input.
    """
    return tuple(
        replace(op, copied=_is_read_late(op, ops[position + 1 :], is_view)) if isinstance(op, ReadVariable) else op
        for position, op in enumerate(ops)
    )


def _is_read_late(read: ReadVariable, behind: Sequence[Op], is_view: Callable[[Op], bool]) -> bool:
    same, written = {read.output.index}, False
    for op in behind:
        written = written or (isinstance(op, AssignVariable) and op.output.index == read.input.index)
        if any(tensor.index in same for tensor in op.inputs):
            if written:
                return True
            if is_view(op):
                same.add(op.output.index)
    return False
