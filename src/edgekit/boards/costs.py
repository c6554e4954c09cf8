"""What takes time on a board: the cycles of its core, and those that it waits for flash.

    cycles = instructions + taken branches, early uses of loads, multiplications and cache misses, each by its cost

A core executes code and reads constants in flash through a cache, a line at a time. The classic ESP32's costs were
fitted to times that others have published (tools/validate_cycles, README.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run did."""

    instructions: int = 0
    taken: int = 0  # branches, jumps, calls and returns that went elsewhere than on
    used_next: int = 0  # instructions that read what the one before has loaded
    used_after: int = 0  # others that read what the one before that has loaded
    stalls: int = 0  # cycles of waiting for loads, where each result is ready two cycles later: another view of both
    multiplies: int = 0  # with 32-bit factors
    code_misses: int = 0  # of the flash cache
    data_misses: int = 0

    @property
    def misses(self) -> int:
        """Lines of the flash that had to be fetched."""
        return self.code_misses + self.data_misses

    @staticmethod
    def total(counts: Iterable["Counts"]) -> "Counts":
        """The sum."""
        rows = list(counts)
        return Counts(*(sum(getattr(row, field.name) for row in rows) for field in fields(Counts)))

    def shared(self, runs: int) -> "Counts":
        """The mean of so many runs, rounded."""
        return Counts(*(round(getattr(self, field.name) / runs) for field in fields(Counts)))


PLANNED_ERROR = 0.1  # share by which an estimate from a plan alone may be off one from a run's counts


@dataclass(frozen=True, slots=True)
class FlashMode:
    """How the flash is wired and clocked: what a line of its cache costs."""

    name: str  # how the user names it
    title: str
    mode: str  # this and the next in ESP-IDF's words
    freq: str
    miss_cycles: int
    miss_cycles_scoreboard: int  # where loads are waited for as `Counts.stalls` says


@dataclass(frozen=True, slots=True)
class FlashCache:
    """The cache in front of the flash, which replaces the line that was used longest ago."""

    size_bytes: int
    line_bytes: int
    ways: int

    def lines(self, size_bytes: int) -> int:
        """Lines that so many bytes take."""
        return -(-size_bytes // self.line_bytes)

    def evicted_share(self, lines: float, busy: float = 0.0) -> float:
        """Share of the lines that are no longer in the cache when a program that goes round them comes back to each.

        Lines that lie one behind the other fill the sets evenly, and a set that has more of them than ways loses all.

        Args:
            busy: lines elsewhere that are in use meanwhile: its code. Each takes a way of some set.
        """
        sets = self.size_bytes // self.line_bytes // self.ways
        filled, more = divmod(lines, sets)  # so many lines in every set, and one more in some
        if filled > self.ways or lines == 0:
            return 1.0 if lines else 0.0
        taken = min(1.0, busy / sets)
        lost = sum(
            number * held * (1.0 if held > self.ways else taken if held == self.ways else 0.0)
            for held, number in ((filled, sets - more), (filled + 1, more))
        )
        return lost / lines


@dataclass(frozen=True, slots=True)
class Costs:
    """Cycles of a core, and how far off the estimates may be.

    Attributes:
        below, above: shares of an estimate by which real times lay below and above it where programs were not those to
            which the costs were fitted.
    """

    taken: int
    used_next: int
    used_after: int
    multiply: int
    flash_modes: tuple[FlashMode, ...]  # the board's own first
    cache: FlashCache
    below: float
    above: float

    @property
    def planned_band(self) -> tuple[float, float]:
        """Shares of an estimate made without running anything between which the real time is expected."""
        return round((1 - self.below) * (1 - PLANNED_ERROR) - 1, 3), round(
            (1 + self.above) * (1 + PLANNED_ERROR) - 1, 3
        )

    def flash_mode(self, name: str) -> FlashMode:
        """By its name, which the board has."""
        return next(mode for mode in self.flash_modes if mode.name == name)

    def cycles(self, counts: Counts, mode: FlashMode) -> int:
        """Estimated cycles of a run."""
        loads = self.used_next * counts.used_next + self.used_after * counts.used_after
        return self._without_loads(counts) + loads + mode.miss_cycles * counts.misses

    def scoreboard_cycles(self, counts: Counts, mode: FlashMode) -> int:
        """The same where loads are waited for as `Counts.stalls` says."""
        return self._without_loads(counts) + counts.stalls + mode.miss_cycles_scoreboard * counts.misses

    def band(self, counts: Counts, mode: FlashMode) -> tuple[float, float]:
        """Shares of `cycles` between which the real ones are expected, (-0.12, 0.24): what is known of other programs'
        errors around both views of waiting for loads."""
        first = self.cycles(counts, mode)
        low, high = sorted((first, self.scoreboard_cycles(counts, mode)))
        return low / first * (1 - self.below) - 1, high / first * (1 + self.above) - 1

    def _without_loads(self, counts: Counts) -> int:
        return counts.instructions + self.taken * counts.taken + self.multiply * counts.multiplies


# The errors of a program from another compiler were -19 to +5 %: its real times are 5 % below to 23 % above.
LX6 = Costs(
    taken=3,
    used_next=2,
    used_after=1,
    multiply=1,
    flash_modes=(
        FlashMode("dio40", "DIO 40 MHz", "dio", "40m", 938, 966),
        FlashMode("qio80", "QIO 80 MHz", "qio", "80m", 318, 328),
    ),
    cache=FlashCache(0x8000, 32, 2),
    below=0.05,
    above=0.23,
)
