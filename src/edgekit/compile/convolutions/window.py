"""The rows that a convolution sees: copied with their padding, so that no kernel checks a border.

A kernel works in steps. A step reads the `rows` under it, which lie one behind the other, and makes `made` rows of the
result; the next step's window lies `step` image rows further down.
"""

from dataclasses import dataclass

from edgekit.compile.codegen import round_up
from edgekit.compile.row_streaming import RowSchedule


@dataclass(frozen=True, slots=True)
class Window(RowSchedule):
    """Geometry of one step; sizes in bytes where not in rows.

    Attributes:
        row: a padded row.
        left: padding at its beginning.
        used: image bytes in it; what follows is padding again.
        image_row: of the image.
        zero: the byte that stands for 0.
        extra_bytes: memory that the kernel needs besides.
        overreads: the kernel reads bytes behind the last row, though it does not use them.
    """

    row: int
    left: int
    used: int
    image_row: int
    zero: int
    extra_bytes: int
    overreads: bool

    @property
    def size(self) -> int:
        """Bytes of one window, up to where `extra_bytes` may begin."""
        return round_up(self.rows * self.row, 4)

    def gathers(self, external: bool) -> bool:
        """False where a single row of results, which needs no padding, is computed where it lies.

        All else is copied, which costs little beside the multiplications, and lets the output overwrite the image.
        `external`: the image is the caller's memory.
        """
        apart = self.rows > 1 and self.row != self.image_row  # rows do not lie one behind the other
        padded = self.top > 0 or self.row != self.used or self.rows > self.image_rows
        return external or self.steps > 1 or apart or padded or self.overreads

    def gather(self, rows: str, image: str, step: str, flip: int, lines: int) -> str:
        """C that copies the rows under a step.

        `flip` is 0x80 where the image is the caller's; it begins again after `lines` rows.
        """
        first = f"{step} * {self.step}" + (f" - {self.top}" if self.top else "")
        return (
            f"gather_rows({rows}, {image}, {lines}, {first}, {self.rows}, {self.image_rows}, {self.image_row}, "
            f"{self.row}, {self.left}, {self.used}, {self.zero}, {flip:#x});"
        )
