"""Variables of a .tflite, which outlive a run: VAR_HANDLE names them, the subgraph of a CALL_ONCE may give them first
values.

In: the records of a file. Out: which tensor stands for which variable, and what each begins with. Wherever TFLM would
not say what a variable holds, an `EdgekitError`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edgekit.errors import EdgekitError
from edgekit.tflite.records import FileOperator, FileTensor, TfliteFile

HANDLED = ("VAR_HANDLE", "CALL_ONCE", "READ_VARIABLE", "ASSIGN_VARIABLE")  # operators of variables alone
_STATES = "Export the streaming model with variables that are assigned once, before the first run and in each run."
_AGAIN = "Export and convert the model again."


@dataclass(frozen=True, slots=True)
class Variables:
    """The file's variables.

    Attributes:
        handles: the name that a tensor stands for.
        first: by name, the constant that each begins with, or an activation whose zero point it begins with.
    """

    handles: Mapping[int, str] = field(default_factory=dict)
    first: Mapping[str, FileTensor] = field(default_factory=dict)


def variables_of(file: TfliteFile) -> Variables:
    """The variables of a file, of which all subgraphs but the first serve to give them their first values.

    Raises:
        EdgekitError: they do more, or nobody could say what a variable holds.
    """
    if not file.others and not any(op.code in HANDLED for op in file.operators):
        return Variables()
    _check_containers(file)
    handles = _handles(file.operators)
    first: dict[str, FileTensor] = {}
    called_once = [op for op in file.operators if op.code == "CALL_ONCE"]
    for op in called_once:
        first |= _assigned_once(file, int(op.options.get("InitSubgraphIndex", 0)), _label(op))
    if len({op.options.get("InitSubgraphIndex") for op in called_once}) != len(file.others):
        raise EdgekitError(
            f"{file.name} has {1 + len(file.others)} subgraphs, of which CALL_ONCE does not run all.",
            "Export it without control flow and with a single signature.",
        )
    late = max((op.position for op in called_once), default=-1)
    writers: Counter[str] = Counter()
    for op in file.operators:
        if op.code not in ("READ_VARIABLE", "ASSIGN_VARIABLE"):
            continue
        name = _variable(op, handles)
        if op.position < late:
            raise EdgekitError(f"{_label(op)} uses variable {name!r} before CALL_ONCE gives it a value.", _STATES)
        if op.code == "ASSIGN_VARIABLE":
            writers[name] += 1
            if writers[name] > 1:
                raise EdgekitError(f"{_label(op)} is a second writer of variable {name!r}.", _STATES)
            if name not in first and len(op.inputs) > 1 and 0 <= op.inputs[1] < len(file.tensors):
                first[name] = file.tensors[op.inputs[1]]
    for op in file.operators:
        if op.code == "READ_VARIABLE" and _variable(op, handles) not in first:
            raise EdgekitError(
                f"{_label(op)} reads variable {_variable(op, handles)!r}, which nothing gives a value.", _STATES
            )
    return Variables(handles, first)


def _assigned_once(file: TfliteFile, number: int, label: str) -> dict[str, FileTensor]:
    """The constants that the subgraph of a CALL_ONCE assigns."""
    if not 1 <= number <= len(file.others):
        raise EdgekitError(f"{label} runs subgraph {number}, which is not there or is the model itself.", _AGAIN)
    graph = file.others[number - 1]
    handles = _handles(graph.operators)
    first: dict[str, FileTensor] = {}
    for op in graph.operators:
        if op.code == "VAR_HANDLE":
            continue
        index = op.inputs[1] if op.code == "ASSIGN_VARIABLE" and len(op.inputs) > 1 else -1
        constant = graph.tensors[index] if 0 <= index < len(graph.tensors) else None
        if constant is None or not constant.data.size:
            raise EdgekitError(
                f"Subgraph {number} of {label} has {_label(op)}, where only constants may be assigned.", _STATES
            )
        name = _variable(op, handles)
        if name in first:
            raise EdgekitError(f"Subgraph {number} of {label} has a second writer of variable {name!r}.", _STATES)
        first[name] = constant
    return first


def _handles(operators: Sequence[FileOperator]) -> dict[int, str]:
    return {
        op.outputs[0]: str(op.options.get("SharedName", ""))
        for op in operators
        if op.code == "VAR_HANDLE" and op.outputs
    }


def _check_containers(file: TfliteFile) -> None:
    """Refuses two containers for one name: which of them TFLM then takes depends on the order of its search."""
    containers: dict[str, set[str | None]] = {}
    for graph in (file, *file.others):
        for op in graph.operators:
            if op.code == "VAR_HANDLE":
                containers.setdefault(str(op.options.get("SharedName", "")), set()).add(op.options.get("Container"))
    for name, found in containers.items():
        if len(found) > 1:
            raise EdgekitError(f"{file.name} has variable {name!r} in {len(found)} containers.", _STATES)


def _variable(op: FileOperator, handles: Mapping[int, str]) -> str:
    name = handles.get(op.inputs[0]) if op.inputs else None
    if name is None:
        raise EdgekitError(f"{_label(op)} names no VAR_HANDLE.", _AGAIN)
    return name


def _label(op: FileOperator) -> str:
    return f"{op.code} (operator {op.position})"
