"""The TFLite operators that the compiler knows, one file each: whatever ends with `OPERATOR = Operator(...)` is found.

Files without an entry hold what several operators share; `BY_NODE = Operator(...)` is that of a node that they share.
"""

import pkgutil
from importlib import import_module
from typing import Any

from edgekit.compile.ir import Op
from edgekit.compile.operator import Operator
from edgekit.compile.row_streaming import RowSchedule


def _found(name: str) -> list[Operator[Any]]:
    modules = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    entries: list[Operator[Any]] = [getattr(module, name) for module in modules if hasattr(module, name)]
    return sorted(entries, key=lambda entry: entry.code)


OPERATORS = {entry.code: entry for entry in _found("OPERATOR")}
"""By the names of the schema, sorted."""

_BY_NODE = {entry.node: entry for entry in (*OPERATORS.values(), *_found("BY_NODE"))}


def operator_of(op: Op) -> Operator[Any]:
    """The entry that knows a node of the graph; of operators that share it, one for all."""
    return _BY_NODE[type(op)]


def row_schedule(op: Op) -> RowSchedule | None:
    """How an operator goes down its image; None where it cannot work row by row."""
    return operator_of(op).row_schedule(op)
