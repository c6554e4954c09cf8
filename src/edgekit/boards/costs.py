"""What takes time on a board: the cycles of its core, and those that it waits for flash.

    cycles = instructions + branch * taken branches + load_use[n] * loads whose result is used n instructions later
           + multiply * multiplications + flash_line_cycles * lines that are read from flash

A core executes code and reads constants in flash through a cache, a line at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Costs:
    """Cycles of a core, beside one for each instruction, and its flash cache.

    Attributes:
        branch: of a taken branch, a jump, a call, a return.
        load_use: of a load whose result the next instruction uses, of one used by the instruction after that.
        multiply: of a 32-bit multiplication.
        flash_line_cycles: by flash mode, of a line that is not in the cache; the first mode is the board's default.
        line_bytes, cache_bytes, ways: of the cache, which replaces the line that was used longest ago.
        band: percent by which an estimate may be below and above what a board takes, as published times say.
    """

    branch: int
    load_use: tuple[int, int]
    multiply: int
    flash_line_cycles: Mapping[str, int]
    line_bytes: int
    cache_bytes: int
    ways: int
    band: tuple[int, int]

    @property
    def default_flash_mode(self) -> str:
        """The mode in which flash is read where none is named."""
        return next(iter(self.flash_line_cycles))

    def lines(self, size_bytes: int) -> int:
        """Lines that so many bytes take."""
        return -(-size_bytes // self.line_bytes)

    def evicted_share(self, lines: float) -> float:
        """Share of the lines that are no longer in the cache when a program that goes round them comes back to each.

        Lines that lie one behind the other fill the sets evenly, and a set that has more of them than ways loses all.
        """
        ways = self.cache_bytes // self.line_bytes
        beyond = lines - ways
        if beyond <= 0:
            return 0.0
        sets = ways // self.ways
        return min(1.0, beyond * (self.ways + 1) / lines) if beyond < sets else 1.0
