"""The rows that a convolution sees: copied with their padding, so that no kernel checks a border.

A kernel works in steps. A step reads the `rows` under it, which lie one behind the other, and makes `made` rows of the
result; the next step's window lies `step` image rows further down.
"""

from dataclasses import dataclass

from edgekit.compile.codegen import round_up
from edgekit.compile.row_streaming import RowLayout, RowSchedule, RowsInMemory


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
        reads_first: the kernel has read all rows under a step before it writes the first of its results.
    """

    row: int
    left: int
    used: int
    image_row: int
    zero: int
    extra_bytes: int
    overreads: bool
    reads_first: bool = False

    @property
    def size(self) -> int:
        """Bytes of one window, up to where `extra_bytes` may begin."""
        return round_up(self.rows * self.row, 4)

    def gathers(self, external: bool) -> bool:
        """False where a single row of results, which needs no padding, is computed where it lies.

        All else is copied, which costs little beside the multiplications, and lets the output overwrite the image; but
        for kernels that read first, over which it may write in any case.
        `external`: the image is the caller's memory.
        """
        apart = self.rows > 1 and self.row != self.image_row  # rows do not lie one behind the other
        padded = self.top > 0 or self.row != self.used or self.rows > self.image_rows
        return external or (self.steps > 1 and not self.reads_first) or apart or padded or self.overreads

    @property
    def layout(self) -> RowLayout | None:
        """That of the window; None where it is narrower than the image, or bytes behind it are read."""
        if self.overreads or self.row < self.left + self.image_row:
            return None
        return RowLayout(self.row, self.left, self.zero)

    def scratch_bytes(self, copies: bool) -> int:
        """Room for the rows, where they are copied, and for what the kernel needs besides."""
        return (self.size if copies else 0) + self.extra_bytes

    def first_row(self, step: str) -> str:
        """C of the number of the image row that a step begins with."""
        return f"{step} * {self.step}" + (f" - {self.top}" if self.top else "")

    def gather(self, rows: str, image: RowsInMemory, step: str, flip: int) -> str:
        """C that copies the rows under a step. `flip` is 0x80 where the image is the caller's."""
        first, height = self.first_row(step), str(self.image_rows)
        if image.first != "0":
            first, height = f"{first} - {image.first}", f"{height} - {image.first}"
        return (
            f"gather_rows({rows}, {image.at(image.first)}, {first}, {self.rows}, {height}, {image.layout.row}, "
            f"{self.row}, {self.left}, {self.used}, {self.zero}, {flip:#x});"
        )
