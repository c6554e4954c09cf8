"""What can be said of a .tflite without a compiler on the machine: its operators, what it costs, what is in the way."""

from dataclasses import dataclass

from edgekit.values.program import Estimate


@dataclass(frozen=True, slots=True)
class InspectedTensor:
    """An input or output, of the model or of an operator.

    Attributes:
        scale, zero_point: None where it has none, or more than one.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    scale: float | None
    zero_point: int | None


@dataclass(frozen=True, slots=True)
class InspectedOperator:
    """One operator of the file.

    Attributes:
        becomes: what the compiler makes of it: `code`, `a constant`, `the float entry`, `the state`; empty where it is
            in the way.
        obstacle: why it is; empty where it is not.
        cycles, estimated_ms, flash_misses: of a run, estimated; None where it leaves no code of its own: of operators
            that become one, the first has them.
    """

    position: int
    name: str
    outputs: tuple[InspectedTensor, ...]
    becomes: str
    obstacle: str
    cycles: int | None = None
    estimated_ms: float | None = None
    flash_misses: int | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """A .tflite.

    Attributes:
        obstacles: all that keeps it from being compiled, and what to do; none where it compiles.
        parameters, macs, weight_bytes: of its convolutions and linear layers; None where the file does not tell.
        ram_bytes: state of the compiled model, and an arena that its inputs and outputs lie in; None where it does not
            compile.
        constant_bytes: what the compiled model keeps in flash besides its code.
        code_bytes, flash_bytes: code, and code with constants, as a cross compiler made them; None without one.
        apart_ram_bytes: what `compile --max-ram` goes by: arena, inputs, outputs, state and weights in RAM, each apart.
        tflm_arena_bytes: None where TFLM does not run it.
        estimate: of what a run takes; None where it does not compile.
    """

    sha256: str
    file_bytes: int
    inputs: tuple[InspectedTensor, ...]
    outputs: tuple[InspectedTensor, ...]
    operators: tuple[InspectedOperator, ...]
    obstacles: tuple[str, ...]
    parameters: int | None
    macs: int | None
    weight_bytes: int | None
    ram_bytes: int | None
    constant_bytes: int | None
    code_bytes: int | None
    flash_bytes: int | None
    apart_ram_bytes: int | None
    tflm_arena_bytes: int | None
    estimate: Estimate | None
