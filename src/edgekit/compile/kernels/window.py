"""The rows that a convolution sees: copied with their padding, so that no kernel checks a border.

A kernel works in steps. A step reads the `rows` under it, which lie one behind the other, and makes `made` rows of the
result; the next step's window lies `step` image rows further down.
"""

from dataclasses import dataclass

from edgekit.compile.graph import Convolution


@dataclass(frozen=True, slots=True)
class Window:
    """Geometry of one step; sizes in bytes where not in rows.

    Attributes:
        row: a padded row.
        left: padding at its beginning.
        used: image bytes in it; what follows is padding again.
        top: rows of padding above the image.
        image_rows, image_row: of the image.
        zero: the byte that stands for 0.
    """

    rows: int
    row: int
    left: int
    used: int
    top: int
    step: int
    made: int
    steps: int
    image_rows: int
    image_row: int
    zero: int

    @property
    def size(self) -> int:
        """Bytes of one window."""
        return self.rows * self.row

    def gather(self, rows: str, image: str, step: str, flip: int, lines: int) -> str:
        """C that copies the rows under a step.

        `flip` is 0x80 where the image is the caller's; it begins again after `lines` rows.
        """
        first = f"{step} * {self.step}" + (f" - {self.top}" if self.top else "")
        return (
            f"gather_rows({rows}, {image}, {lines}, {first}, {self.rows}, {self.image_rows}, {self.image_row}, "
            f"{self.row}, {self.left}, {self.used}, {self.zero}, {flip:#x});"
        )


def window_of(op: Convolution, made: int, conv_rows: int, conv_columns: int) -> Window:
    """The window under `conv_rows` x `conv_columns` results before pooling, which give `made` rows after it."""
    channels = op.image[2]
    row = ((conv_columns - 1) * op.stride[1] + op.reach[1]) * channels
    left = op.pad[1] * channels
    rows = op.result[0] // op.pool[0]
    return Window(
        rows=(conv_rows - 1) * op.stride[0] + op.reach[0],
        row=row,
        left=left,
        used=min(op.image[1] * channels, row - left),
        top=op.pad[0],
        step=conv_rows * op.stride[0],
        made=made,
        steps=-(-rows // made),
        image_rows=op.image[0],
        image_row=op.image[1] * channels,
        zero=op.input.quantization.zero_point + 128,
    )
