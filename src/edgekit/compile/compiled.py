"""What the compiler gives back: the C, and the values behind it."""

from dataclasses import dataclass

from edgekit.compile.codegen import Constant
from edgekit.compile.ir import Graph
from edgekit.compile.options import CompileOptions
from edgekit.compile.plan import Plan


@dataclass(frozen=True, slots=True)
class Compiled:
    """A model as C.

    Attributes:
        files: `{name}.h` and `{name}.c` with their text. The header says how to call `{name}_invoke`.
        graph: the operators as they run, max-pools joined with their convolutions.
        plan: where every activation lives.
        constants: what each of the graph's operators keeps in flash: weights, biases, scales, tables.
    """

    options: CompileOptions
    files: dict[str, str]
    graph: Graph
    plan: Plan
    constants: tuple[tuple[Constant, ...], ...]
