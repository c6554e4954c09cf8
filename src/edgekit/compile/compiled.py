"""What the compiler gives back: the C, and the values behind it."""

from dataclasses import dataclass

from edgekit.compile.codegen import Constant
from edgekit.compile.estimate import estimated
from edgekit.compile.interface import ends_of, float_room
from edgekit.compile.ir import Graph, Tensor
from edgekit.compile.ops import operator_of
from edgekit.compile.options import CompileOptions
from edgekit.compile.plan import Plan
from edgekit.values.program import Estimate, Layer, Program


@dataclass(frozen=True, slots=True)
class Compiled:
    """A model as C.

    Attributes:
        files: `{name}.h` and `{name}.c` with their text. The header says how to call `{name}_invoke`.
        graph: the operators as they run, max-pools joined with their convolutions.
        plan: where every activation lives.
        constants: what each of the graph's operators keeps in flash: weights, biases, scales, tables.
        notes: what was asked for and could not be had, for people.
    """

    options: CompileOptions
    files: dict[str, str]
    graph: Graph
    plan: Plan
    constants: tuple[tuple[Constant, ...], ...]
    notes: tuple[str, ...] = ()

    @property
    def estimate(self) -> Estimate:
        """What each of the graph's operators takes in a run."""
        return estimated(
            self.graph,
            self.plan.stream,
            [sum(one.size_bytes for one in each if not one.in_ram) for each in self.constants],
            self.options,
        )

    @property
    def caller_ends_bytes(self) -> int:
        """Inputs and outputs as the .tflite has them. Where all inputs are floats, outputs may lie on them."""
        inputs, outputs = (
            sum(
                4 * end.tensor.size if end.is_float else end.tensor.size_bytes
                for end in ends_of(self.graph)
                if end.is_input is wanted
            )
            for wanted in (True, False)
        )
        return max(inputs, outputs) if all(self.graph.float_inputs) else inputs + outputs

    @property
    def kept_bytes(self) -> int:
        """RAM that is taken between runs, too: state, and constants that are copied to RAM."""
        return self.graph.state_bytes + self.ram_constant_bytes

    @property
    def shared_ram_bytes(self) -> int:
        """An arena that inputs and outputs lie in, and what is kept between runs."""
        return self.plan.shared_bytes + self.kept_bytes

    @property
    def caller_ram_bytes(self) -> int:
        """The least that runs the model as the .tflite has it: ends that are floats lie beside the arena."""
        if any(end.is_float for end in ends_of(self.graph)):
            return float_room(self.graph, self.plan)[1] + self.kept_bytes + self.caller_ends_bytes
        return self.shared_ram_bytes

    @property
    def ram_constant_bytes(self) -> int:
        """Of constants that are copied to RAM."""
        return sum(one.size_bytes for each in self.constants for one in each if one.in_ram)

    @property
    def program(self) -> Program:
        """Its steps and its memory, for people and scripts."""
        layers = tuple(
            Layer(
                op.label,
                " + ".join(origin.code for origin in op.origins),
                operator_of(op).describe(op),
                operator_of(op).macs(op),
                self.plan.live_bytes(step),
                sum(span.size for span in self.plan.spans if span.scratch and span.first <= step <= span.last),
                sum(constant.size_bytes for constant in constants),
                _where(self.graph, self.plan, op.output),
            )
            for step, (op, constants) in enumerate(zip(self.graph.ops, self.constants, strict=True))
        )
        ends_bytes = self.graph.input_bytes + self.graph.output_bytes
        return Program(
            self.plan.arena_bytes,
            ends_bytes,
            self.plan.spans,
            layers,
            state_bytes=self.graph.state_bytes,
            ram_constant_bytes=self.ram_constant_bytes,
            estimate=self.estimate,
        )


def _where(graph: Graph, plan: Plan, tensor: Tensor) -> str:
    place = plan.places[tensor.index]
    if place.region != "arena":
        return place.name(graph)
    lines = plan.stream.lines.get(tensor.index) if plan.stream else None
    return f"{place.offset} ({lines.count} rows)" if lines else str(place.offset)
