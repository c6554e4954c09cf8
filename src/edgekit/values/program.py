"""A compiled model as values: what its steps multiply, weigh and keep alive, and what its arena holds over time."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A run of arena bytes and when it is needed: from step `first` to step `last`, both included."""

    offset: int
    size: int
    first: int
    last: int
    scratch: bool = False  # rows that belong to one operator alone, not an activation that the next one reads

    @property
    def kind(self) -> str:
        """In words."""
        return "scratch" if self.scratch else "activation"


@dataclass(frozen=True, slots=True)
class Layer:
    """One step of the program.

    `place` is where its output begins: an offset in the arena, `output` or `input` (the caller's memory). `rows` behind
    it: its operator is streamed, and only so many rows of the output live at once.
    """

    name: str  # the .tflite's operators with their numbers, `CONV_2D (operator 0) + MAX_POOL_2D (operator 1)`
    op: str  # the same without the numbers
    kernel: str  # what computes it, in words
    macs: int  # multiplications of one run, padding counted
    bytes: int  # of the arena that are in use while it runs, scratch among them
    scratch_bytes: int  # of these, the rows that it needs for itself
    weight_bytes: int  # its constants in flash: weights, biases, scales, tables
    place: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a program takes on a board, layer by layer: estimated, never timed.

    Attributes:
        board: for people.
        flash_mode: how the board reads its flash; `flash_title` for people.
        band: shares of the estimate by which the real time is expected to lie below and above it, (-0.1, 0.2).
        cycles: of each layer, waits for flash included.
        flash_misses: lines that each layer reads from flash.
    """

    board: str
    clock_hz: int
    flash_mode: str
    flash_title: str
    band: tuple[float, float]
    cycles: tuple[int, ...]
    flash_misses: tuple[int, ...]

    @property
    def layers_ms(self) -> tuple[float, ...]:
        """Of each layer, in milliseconds."""
        return tuple(round(each * 1e3 / self.clock_hz, 3) for each in self.cycles)

    @property
    def total_ms(self) -> float:
        """Of a run, in milliseconds."""
        return round(sum(self.cycles) * 1e3 / self.clock_hz, 3)

    @property
    def range_ms(self) -> tuple[float, float]:
        """Between which the real time is expected."""
        low, high = (self.total_ms * (1 + share) for share in self.band)
        return low, high


@dataclass(frozen=True, slots=True)
class TwoCores:
    """What a run takes on a board where two cores share the work: estimated, never timed. What it costs that the cores
    meet, of which the board's operating system makes a task that sleeps and wakes, is in none of these.

    Attributes:
        waiting_cycles: of each core: of the first for the second's share of a layer; of the second for the first's, and
            for all that the first does alone.
        meetings: how often the first hands out work and waits for its end.
    """

    cycles: int
    clock_hz: int
    waiting_cycles: tuple[int, int]
    meetings: int

    @staticmethod
    def of_layers(
        alone: Sequence[int], first: Sequence[int], second: Sequence[int], clock_hz: int, meetings: int
    ) -> "TwoCores":
        """From the cycles of each layer: what the first core does alone, its share of the rest, the second's share."""
        waits = [theirs - own for own, theirs in zip(first, second, strict=True)]  # of the first core
        waiting = sum(max(0, each) for each in waits), sum(alone) + sum(max(0, -each) for each in waits)
        return TwoCores(sum(alone) + sum(map(max, first, second)), clock_hz, waiting, meetings)

    @property
    def total_ms(self) -> float:
        """In milliseconds."""
        return round(self.cycles * 1e3 / self.clock_hz, 3)

    @property
    def waiting(self) -> tuple[float, float]:
        """Shares of the time in which each core waits for the other."""
        first, second = (round(each / self.cycles, 4) for each in self.waiting_cycles)
        return first, second


@dataclass(frozen=True, slots=True)
class Program:
    """A model as compiled C: its arena over its steps, and its layers, with what each is estimated to take.
    `instructions` or `us` say what each layer cost where it was profiled."""

    arena_bytes: int
    ends_bytes: int  # of its input and output
    spans: tuple[Span, ...]
    layers: tuple[Layer, ...]
    instructions: tuple[int, ...] | None = None
    us: tuple[float, ...] | None = None
    state_bytes: int = 0  # what it keeps from run to run
    ram_constant_bytes: int = 0  # of constants that are copied to RAM
    estimate: Estimate | None = None

    @property
    def ram_bytes(self) -> int:
        """Arena, state, input, output, and constants that are copied to RAM."""
        return self.arena_bytes + self.ends_bytes + self.state_bytes + self.ram_constant_bytes
