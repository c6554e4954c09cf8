"""What a student takes on the board, worked out before it is trained.

In: its shape. Out: `Cost`, by the compiler's own plan of the file that the shape gives (`tflite.untrained`): RAM and
constants are those of the trained student, milliseconds are estimated as of any program. Pruned weights, which may be
stored compressed, can make it smaller later.
"""

from dataclasses import dataclass

from edgekit.boards.toolchains import sizes_of
from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.ops import operator_of
from edgekit.tflite.untrained import untrained
from edgekit.values.networks import StudentSpec

_UNITS = {"ram": "bytes of RAM", "flash": "bytes of flash", "ms": "ms"}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run takes.

    Attributes:
        flash_bytes: constants and machine code; the code measured by the cross compiler, or estimated without one.
        ram_bytes: arena, input and output, and what weights are in RAM.
        ms: estimated.
        model_bytes: of the .tflite.
    """

    flash_bytes: int
    ram_bytes: int
    ms: float
    model_bytes: int

    def of(self, what: str) -> float:
        """`ram`, `flash` or `ms`."""
        return {"ram": self.ram_bytes, "flash": self.flash_bytes, "ms": self.ms}[what]


COSTS = tuple(_UNITS)  # what a budget limits


@dataclass(frozen=True, slots=True)
class Budget:
    """The most of each that a student may take; None where there is no limit."""

    ram: int | None = None
    flash: int | None = None
    ms: float | None = None

    def excess(self, cost: Cost) -> dict[str, float]:
        """By limit: how far the cost is beyond it, as a share of the limit; negative where there is room."""
        limits = {what: getattr(self, what) for what in COSTS}
        return {what: cost.of(what) / limit - 1 for what, limit in limits.items() if limit is not None}

    def met_by(self, cost: Cost) -> bool:
        """Whether nothing is beyond its limit."""
        return all(over <= 0 for over in self.excess(cost).values())


def said(what: str, value: float) -> str:
    """A cost or a limit in words: `24,100 bytes of RAM`, `12.5 ms`."""
    return f"{value:,.1f} {_UNITS[what]}" if what == "ms" else f"{value:,.0f} {_UNITS[what]}"


def cost_of(spec: StudentSpec, options: CompileOptions, budget: Budget | None = None) -> Cost:
    """What a student of this shape takes, compiled with these options.

    Args:
        budget: where it is exceeded anyway, the code's size is estimated, which saves half a second.
    """
    model = untrained(spec)
    made = compile_model(model, options)
    constant_bytes = sum(one.size_bytes for each in made.constants for one in each)
    code_bytes = sum(operator_of(op).cost(op, options).code_bytes for op in made.graph.ops)
    cost = Cost(constant_bytes + code_bytes, made.caller_ram_bytes, made.estimate.total_ms, len(model))
    if budget is not None and not budget.met_by(cost):
        return cost
    measured = sizes_of(made.files)
    flash_bytes = cost.flash_bytes if measured is None else measured.code_bytes + measured.constant_bytes
    return Cost(flash_bytes, cost.ram_bytes, cost.ms, cost.model_bytes)
