"""A compiled model as a report shows it.

In: `Compiled`. Out: a `Program`: the arena over its steps, and its layers.
"""

from edgekit.compile.layers import layers_of
from edgekit.compile.options import Compiled
from edgekit.report.figures_board import Block
from edgekit.report.sections import Layer, Program


def program_of(compiled: Compiled) -> Program:
    """What the plan and the layers say."""
    plan = compiled.plan
    return Program(
        plan.arena_bytes,
        compiled.graph.input.size + compiled.graph.output.size,
        tuple(
            Block(span.offset, span.size, span.first, span.last, "scratch" if span.scratch else "activation")
            for span in plan.spans
        ),
        tuple(Layer(layer.op, layer.macs, layer.bytes, layer.weight_bytes) for layer in layers_of(compiled)),
    )
