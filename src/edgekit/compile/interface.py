"""What the caller of a compiled model sees: its inputs and outputs in C.

A pointer for the input and one for the output; where there are several of either, a pointer to a struct of pointers.
"""

import re
from dataclasses import dataclass

from edgekit.compile.codegen import Constant, round_up
from edgekit.compile.ir import ELEMENT_BYTES, RANGES, Graph, Tensor
from edgekit.compile.lifetimes import Place
from edgekit.compile.plan import Plan

_PIXEL_SCALE = 1 / 255
_STATE_TYPES = {"INT8": "uint8_t", "INT16": "int16_t"}  # q + 128; others as they are


@dataclass(frozen=True, slots=True)
class End:
    """An input or output as the header declares it.

    Attributes:
        name: `input`, or `input_1` where there are several.
        parameter: that of the function: `input`, or `inputs`.
        element: the C type of its elements.
        first: True for the one that stands for its group.
        is_float: it is one of floats in the .tflite.
        number: among the inputs, or the outputs.
    """

    tensor: Tensor
    name: str
    parameter: str
    element: str
    first: bool
    is_float: bool
    number: int

    @property
    def key(self) -> tuple[str, int]:
        """As the plan knows it."""
        return "input" if self.is_input else "output", self.number

    @property
    def several(self) -> bool:
        """True where it is a pointer of a struct."""
        return self.name != self.parameter

    @property
    def is_input(self) -> bool:
        """False for an output."""
        return self.parameter.startswith("input")

    @property
    def pointer(self) -> str:
        """C of the type of the pointer to it."""
        return f"{'const ' if self.is_input else ''}{self.element} *"

    @property
    def place(self) -> str:
        """C of the pointer as the function finds it: `input`, or `inputs->input_1`."""
        return f"{self.parameter}->{self.name}" if self.several else self.name

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the greatest value of an element."""
        return RANGES[self.tensor.type]

    @property
    def float_pointer(self) -> str:
        """C of the type of the pointer to it where floats go in and out."""
        return f"{'const ' if self.is_input else ''}float *" if self.is_float else self.pointer

    @property
    def element_bytes(self) -> int:
        """Bytes of one element."""
        return ELEMENT_BYTES[self.tensor.type]

    @property
    def takes_pixels(self) -> bool:
        """True for an int8 input whose scale is that of pixels: q = pixel + zero point."""
        of_pixels = abs(self.tensor.quantization.scale / _PIXEL_SCALE - 1) < 1e-3
        return self.is_input and self.tensor.type == "INT8" and of_pixels

    def macro(self, upper: str) -> str:
        """What its macros in the header begin with."""
        return f"{upper}_{self.name.upper()}"

    @property
    def image(self) -> tuple[int, int, int]:
        """Height, width and channels, 1 where it has fewer dimensions."""
        shape = self.tensor.shape
        dimensions = shape[1:] if len(shape) > 1 else shape
        if len(dimensions) > 3:
            return dimensions[0], dimensions[1], dimensions[2]
        height, width, channels = (1,) * (3 - len(dimensions)) + dimensions
        return height, width, channels

    @property
    def called(self) -> str:
        """The tensor's name in the .tflite, as a comment may show it."""
        return comment(self.tensor.name)


def comment(name: str) -> str:
    """A tensor's name as a comment may show it."""
    return re.sub(r"[^A-Za-z0-9_.:/ -]", "_", name)


def ends_of(graph: Graph) -> list[End]:
    """All inputs, then all outputs."""
    found = []
    for region, tensors, floats in (
        ("input", graph.inputs, graph.float_inputs),
        ("output", graph.outputs, graph.float_outputs),
    ):
        parameter = region if len(tensors) == 1 else f"{region}s"
        for number, (tensor, is_float) in enumerate(zip(tensors, floats, strict=True)):
            name = Place(region, number=number).name(graph)
            found.append(End(tensor, name, parameter, f"{tensor.type.lower()}_t", number == 0, is_float, number))
    return found


def parameters(graph: Graph, name: str, *, floats: bool = False) -> str:
    """C of the parameters of `{name}_invoke`, or of `{name}_invoke_float`."""
    prefix = f"{name}_float" if floats else name
    ends = [
        f"const {prefix}_{end.parameter} *{end.parameter}"
        if end.several
        else f"{end.float_pointer if floats else end.pointer}{end.name}"
        for end in ends_of(graph)
        if end.first
    ]
    return ", ".join([*ends, *([f"{name}_state *state"] if graph.states else []), "void *arena"])


def caller_pointer(graph: Graph, place: Place) -> str:
    """C of the pointer to a place outside the arena: `input`, or `inputs->input_1`."""
    name = place.name(graph)
    if place.region == "state":
        return f"state->{name}"
    return name if name == place.region else f"{place.region}s->{name}"


def state_members(graph: Graph) -> list[str]:
    """C of the members of the struct of what outlives a run."""
    kinds = (_STATE_TYPES[state.tensor.type] for state in graph.states)
    return [
        f"{kind} state_{number}[{state.tensor.size}]; /* {comment(state.tensor.name)} */"
        for number, (kind, state) in enumerate(zip(kinds, graph.states, strict=True))
    ]


def state_first(graph: Graph) -> list[tuple[str, Constant | None]]:
    """For each state, the C that gives it its first values, and the constant that this copies."""
    found: list[tuple[str, Constant | None]] = []
    for number, state in enumerate(graph.states):
        values = state.first + (128 if state.tensor.type == "INT8" else 0)
        if len(set(values.tolist())) == 1:
            loop = f"for (int32_t i = 0; i < {len(values)}; ++i)"
            found.append((f"{loop} state->state_{number}[i] = {values[0]};", None))
        else:
            constant = Constant(_STATE_TYPES[state.tensor.type], f"first_{number}", values.tolist())
            found.append((f"memcpy(state->state_{number}, {constant.name}, sizeof {constant.name});", constant))
    return found


def float_room(graph: Graph, plan: Plan) -> tuple[dict[str, int], int]:
    """Where the quantised ends lie in the arena while floats go in and out, and the bytes of all."""
    offsets = {end.name: plan.ends[end.key] for end in ends_of(graph) if end.is_float}
    ends = [offsets[end.name] + end.tensor.size_bytes for end in ends_of(graph) if end.is_float]
    return offsets, max([round_up(end, 4) for end in [plan.arena_bytes, *ends]])
