"""Graph -> graph: every convolution in the form that pays."""

from dataclasses import replace

from edgekit.compile.graph import Convolution, Graph
from edgekit.compile.kernels import direct, one_channel, winograd
from edgekit.compile.options import CompileOptions


def choose(graph: Graph, options: CompileOptions) -> Graph:
    """The graph with its convolutions in the forms that pay."""
    return replace(graph, ops=tuple(_form(op, options) if isinstance(op, Convolution) else op for op in graph.ops))


def _form(op: Convolution, options: CompileOptions) -> Convolution:
    """The form with the fewest instructions; optimizing for size, of those whose weights stay small."""
    forms: list[tuple[float, Convolution]] = [(direct.instructions(op), op)]
    forms += [(one_channel.instructions(form), form) for form in one_channel.forms(op)]
    if options.optimize == "speed":
        forms += [(winograd.instructions(form), form) for form in winograd.forms(op)]
    return min(forms, key=lambda pair: pair[0])[1]
