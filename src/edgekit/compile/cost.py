"""What one operator takes in a run, as its kernel estimates it without being run."""

from dataclasses import dataclass, replace

CODE_BYTES = 1000  # of one kernel, roughly: a tenth more or less of few weights is of no account
LOOP_CODE_BYTES = 300  # of one operator that is a loop


@dataclass(frozen=True, slots=True)
class Cost:
    """Estimates for one operator; linear in its sizes, fitted to what was counted on emulated Xtensa.

    Attributes:
        cycles: of the core in a run, as boards/costs.py counts them, with all code and constants at hand: instructions,
            taken branches, loads used too early, multiplications.
        constant_bytes: of weights, channels' scales and tables that a run reads from flash.
        passes: how often a run goes over these constants. Those that fill the flash cache are read anew in each.
        code_bytes: of machine code.
        ram_bytes: of constants that a run reads from RAM, to where they are copied from flash at boot.
    """

    cycles: float
    constant_bytes: int
    passes: float = 1.0
    code_bytes: int = CODE_BYTES
    ram_bytes: int = 0

    @property
    def flash_bytes(self) -> int:
        """Of code and constants."""
        return self.code_bytes + self.constant_bytes + self.ram_bytes

    @property
    def in_ram(self) -> "Cost":
        """The same with all constants in RAM."""
        return replace(self, constant_bytes=0, ram_bytes=self.ram_bytes + self.constant_bytes)


@dataclass(frozen=True, slots=True)
class Rates:
    """Cycles of an operator that is a loop, in and around it: for each byte or value that it writes or reads, for each
    multiplication, for each call."""

    output: float = 30.0
    input: float = 0.0
    mac: float = 17.0
    call: float = 60.0
    passes: float = 1.0  # over its constants

    def cost(self, outputs: int, inputs: int, macs: int) -> Cost:
        """Of a run."""
        cycles = self.call + self.output * outputs + self.input * inputs + self.mac * macs
        return Cost(cycles, 0, self.passes, LOOP_CODE_BYTES)
