"""What one may ask of the compiler."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from edgekit.boards.board import ESP32
from edgekit.errors import EdgekitError

Optimize = Literal["size", "speed"]
Target = Literal["generic", "esp32"]
Compress = Literal["auto", "never"]
Weights = Literal["auto", "flash", "ram"]
FLASH_MODES = tuple(mode.name for mode in ESP32.costs.flash_modes)

# of the C library, which `{name}.h` would hide
C_HEADERS = {
    "assert", "complex", "ctype", "errno", "fenv", "float", "inttypes", "iso646", "limits", "locale", "math",
    "setjmp", "signal", "stdalign", "stdarg", "stdatomic", "stdbool", "stddef", "stdint", "stdio", "stdlib",
    "stdnoreturn", "string", "tgmath", "threads", "time", "uchar", "wchar", "wctype",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """What to compile for. The outputs are the same bytes whatever is chosen.

    Attributes:
        name: C identifier, the prefix of everything that the header declares; not the name of one of C's own headers.
        optimize: `size` for the smallest program, `speed` for the fewest instructions.
        target: `generic` for any core, `esp32` for the classic ESP32's.
        profile: True calls `{name}_step(i)` before operator i works and `{name}_step({NAME}_STEPS)` at the end; whoever
            links the program defines that function.
        compress: `auto` stores a layer's weights compressed where it pays (kernel_selection.py); `never` does not.
        labels: what the values of the only output stand for, in order; none leaves them out of the C.
        weights: where they are while the program runs: `flash`; `ram`, as far as `max_ram` allows; or `auto`, in RAM
            where that saves time, if it was asked for: by `max_ram`, or by optimizing for speed on the ESP32.
        max_ram: bytes that arena, inputs, outputs and weights in RAM may take together; None for what the board has.
        flash_mode: how the board reads its flash, `dio40` or `qio80`: kernels are chosen for it.

    Raises:
        EdgekitError: a value that is not one of these.
    """

    name: str = "model"
    optimize: Optimize = "size"
    target: Target = "generic"
    profile: bool = False
    compress: Compress = "auto"
    labels: tuple[str, ...] = ()
    weights: Weights = "auto"
    max_ram: int | None = None
    flash_mode: str = FLASH_MODES[0]

    @property
    def may_use_ram(self) -> bool:
        """Whether weights may be in RAM."""
        wanted = self.max_ram is not None or (self.optimize == "speed" and self.target == "esp32")
        return self.weights == "ram" or (self.weights == "auto" and wanted)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", self.name):
            raise EdgekitError(
                f"{self.name!r} is not a C identifier.", "Use a letter, then letters, digits and underscores."
            )
        if self.name.lower() in C_HEADERS:
            raise EdgekitError(f"{self.name}.h is a header of C itself.", "Choose another name.")
        if any("\0" in label for label in self.labels):
            raise EdgekitError("A label has a zero in it, where C ends a text.", "Give it another name.")
        for what, value, known in (
            ("optimize for", self.optimize, get_args(Optimize)),
            ("compile for", self.target, get_args(Target)),
            ("compress", self.compress, get_args(Compress)),
            ("keep weights in", self.weights, get_args(Weights)),
            ("estimate for the flash mode", self.flash_mode, FLASH_MODES),
        ):
            if value not in known:
                raise EdgekitError(f"edgekit cannot {what} {value!r}.", f"Choose {' or '.join(known)}.")


FOR_BOARD = CompileOptions(target="esp32")
"""What a classic ESP32 gets where nothing else is asked for; all others get portable C."""
