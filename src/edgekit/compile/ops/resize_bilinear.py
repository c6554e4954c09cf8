"""RESIZE_BILINEAR of an image, in TFLM's fixed point: weights are 1024ths."""

from dataclasses import dataclass

from edgekit.compile.codegen import Constant, Kernel, Site
from edgekit.compile.ir import Op, Tensor
from edgekit.compile.op_reader import OpReader
from edgekit.compile.operator import Operator

_ONE = 1 << 10


@dataclass(frozen=True, slots=True)
class Mix:
    """Of one row or column of the output: the two of the input that it lies between, and 1024ths of the second."""

    first: int
    second: int
    weight: int


@dataclass(frozen=True, slots=True, eq=False)
class ResizeBilinear(Op):
    """Every output lies between four inputs."""

    rows: tuple[Mix, ...]
    columns: tuple[Mix, ...]


def lower(reader: OpReader) -> ResizeBilinear:
    """The rows and columns as ResizeBilinearInteger mixes them."""
    x, y = reader.operand(0), reader.result()
    height, width, channels = reader.image(x)
    rows, columns = reader.new_size(1)
    reader.expect(y, (1, rows, columns, channels))
    corners, half_pixel = bool(reader.option("AlignCorners")), bool(reader.option("HalfPixelCenters"))
    if corners and half_pixel:
        raise reader.error("aligned corners and half pixel centers exclude each other")
    mixes = (_mixes(reader, *sizes, corners, half_pixel) for sizes in ((height, rows), (width, columns)))
    return ResizeBilinear(reader.origins, (x,), y, *mixes)


def _mixes(reader: OpReader, size: int, wanted: int, corners: bool, half_pixel: bool) -> tuple[Mix, ...]:
    whole, parts = (size - 1, wanted - 1) if corners and wanted > 1 else (size, wanted)
    scale = (_ONE * whole + parts // 2) // parts
    mixes = []
    for index in range(wanted):
        place = index * scale + (scale // 2 - _ONE // 2 if half_pixel else 0)
        first, second = max(int(place / _ONE), 0), min(int((place + _ONE - 1) / _ONE), size - 1)
        if first >= size:  # TFLM then reads beyond the image
            raise reader.error(f"resizing {size} to {wanted} leaves the image in TFLM's arithmetic")
        mixes.append(Mix(first, second, place - _ONE * first if second > first else 0))
    return tuple(mixes)


def emit(op: ResizeBilinear, site: Site) -> Kernel:
    """Rounded half away from zero of q, not of q + 128."""
    _, _, width, channels = op.input.shape
    tables = []
    for name, mixes, step in (("rows", op.rows, width * channels), ("columns", op.columns, channels)):
        numbers = [number for mix in mixes for number in (mix.first * step, mix.second * step, mix.weight)]
        tables.append(Constant("int32_t", f"{site.name}_{name}", numbers))
    values = [
        f"({site.read(f'input[{row} + {column} + c]')} - 128)"
        for row in ("top", "bottom")
        for column in ("left", "right")
    ]
    function = f"""static void {site.name}(const uint8_t *input, uint8_t *output) {{
  for (int32_t y = 0; y < {len(op.rows)}; ++y) {{
    const int32_t top = {tables[0].name}[3 * y], bottom = {tables[0].name}[3 * y + 1];
    const int32_t below = {tables[0].name}[3 * y + 2], above = {_ONE} - below;
    for (int32_t x = 0; x < {len(op.columns)}; ++x) {{
      const int32_t left = {tables[1].name}[3 * x], right = {tables[1].name}[3 * x + 1];
      const int32_t after = {tables[1].name}[3 * x + 2], before = {_ONE} - after;
      for (int32_t c = 0; c < {channels}; ++c) {{
        const int32_t sum = above * ({values[0]} * before + {values[1]} * after) +
                            below * ({values[2]} * before + {values[3]} * after);
        const int32_t value = (sum + (sum > 0 ? {_ONE * _ONE // 2} : -{_ONE * _ONE // 2})) / {_ONE * _ONE};
        {site.write("*output++", "(uint8_t)(value + 128)")}
      }}
    }}
  }}
}}
"""
    return Kernel((), tuple(tables), function)


def inplace_offset(op: ResizeBilinear, _: Tensor) -> int:
    """In place, a row may overwrite all rows in front of those that are still to be read."""
    row, image_row = op.output.size // len(op.rows), op.input.size // op.input.shape[1]
    return max((y + 1) * row - mix.first * image_row for y, mix in enumerate(op.rows))


OPERATOR = Operator(
    "RESIZE_BILINEAR",
    "AddResizeBilinear",
    ResizeBilinear,
    lower,
    emit,
    options_kind="ResizeBilinearOptions",
    inplace_offset=inplace_offset,
)
