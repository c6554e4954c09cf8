"""Convolutions of every kind: which kernel serves which, and the walk down a whole image.

Kernels work row by row on a window of padded rows (window.py) and end with bytes (rounding.py).
"""

from dataclasses import replace

import numpy as np

from edgekit.compile.graph import Convolution
from edgekit.compile.kernels import (
    by_channel,
    by_tile,
    depthwise,
    direct,
    one_channel,
    winograd,
)
from edgekit.compile.kernels.by_channel import ByChannel
from edgekit.compile.kernels.by_tile import ByTile
from edgekit.compile.kernels.one_channel import OneChannel
from edgekit.compile.kernels.rounding import FastRequant, staircase
from edgekit.compile.kernels.text import (
    Kernel,
    Rows,
    Site,
    indent,
)
from edgekit.compile.kernels.window import Window
from edgekit.compile.kernels.winograd import Winograd


def convolution(op: Convolution, site: Site) -> Kernel:
    """The kernel of one convolution over its whole image."""
    window, _ = geometry(op)
    site = replace(site, output_row=op.output.size // (op.result[0] // op.pool[0]))
    rows = rows_of(op, site)
    helpers = rows.helpers
    to = f"output + y * {window.made * site.output_row}"
    if gathers(op, external=bool(site.input_flips[0])):
        work = turn(op, site, "input", window.image_rows, to, "scratch", "y")
        helpers = (*helpers, "gather_rows")
    else:
        work = _call(op, site, f"input + y * {window.step * window.image_row}", to, "scratch", "y")
    scratch = ", uint8_t *scratch" if site.has_scratch else ""
    walk = f"""static void {site.name}(const uint8_t *input, uint8_t *output{scratch}) {{
  for (int32_t y = 0; y < {window.steps}; ++y) {{
{indent(work, 4)}
  }}
}}
"""
    return Kernel(helpers, rows.constants, f"{rows.functions}\n{walk}")


def turn(op: Convolution, site: Site, image: str, lines: int, to: str, scratch: str, y: str) -> str:
    """C of step `y`: gathers the rows under it and works on them.

    Args:
        image: C of a pointer to the image, which begins again after `lines` rows.
        to, scratch: C of pointers, to where the step's rows belong and to `scratch_bytes` of memory.
    """
    window, _ = geometry(op)
    gather = window.gather(scratch, image, y, site.input_flips[0], lines)
    return f"{gather}\n{_call(op, site, scratch, to, f'{scratch} + {_aligned(window.size)}', y)}"


def _call(op: Convolution, site: Site, rows: str, to: str, extra: str, y: str) -> str:
    window, extra_bytes = geometry(op)
    arguments = [rows, to]
    if extra_bytes:
        arguments.append(f"(uint32_t *)(void *)({extra})")
    if window.made > 1:
        rest = op.result[0] // op.pool[0] % window.made
        arguments.append(f"{y} < {window.steps - 1} ? {window.made} : {rest}" if rest else str(window.made))
    return f"{site.name}_rows({', '.join(arguments)});"


def described(op: Convolution) -> str:
    """The kernel chosen, in words."""
    if isinstance(op, ByChannel):
        return by_channel.described(op)
    if isinstance(op, ByTile):
        return by_tile.described(op)
    if isinstance(op, Winograd):
        return winograd.described(op)
    if isinstance(op, OneChannel):
        return "Winograd F(2x2), one channel"
    if depthwise.fits(op):
        return "depthwise"
    return f"direct, {direct.positions_abreast(op)} x {min(direct.CHANNELS, len(op.weights) // op.groups)}"


def geometry(op: Convolution) -> tuple[Window, int]:
    """The window of the operator's kernel, and the bytes that the kernel needs besides."""
    if isinstance(op, ByChannel):
        return by_channel.geometry(op)
    if isinstance(op, ByTile):
        return by_tile.geometry(op)
    if isinstance(op, Winograd):
        return winograd.geometry(op)
    if isinstance(op, OneChannel):
        return one_channel.geometry(op)
    return depthwise.geometry(op) if depthwise.fits(op) else direct.geometry(op)


def gathers(op: Convolution, external: bool) -> bool:
    """False where a single row of results, which needs no padding, is computed where it lies.

    All else is copied, which costs little beside the multiplications, and lets the output overwrite the image (see
    `inplace_offset`).
    """
    window, _ = geometry(op)
    apart = window.rows > 1 and window.row != window.image_row  # rows do not lie one behind the other
    padded = window.top > 0 or window.row != window.used or window.rows > window.image_rows
    beyond = isinstance(op, ByTile | Winograd) and op.image[2] % 4 != 0  # reads channels by fours, past the last too
    return external or window.steps > 1 or apart or padded or beyond


def scratch_bytes(op: Convolution, external: bool) -> int:
    """Room for the window and for what the kernel needs besides."""
    window, extra = geometry(op)
    return (_aligned(window.size) if gathers(op, external) else 0) + extra


def inplace_offset(op: Convolution) -> int | None:
    """The rows of one step may overwrite all image rows in front of those that the next step starts with."""
    if not gathers(op, external=False):
        return None
    window, _ = geometry(op)
    row = op.output.size // (op.result[0] // op.pool[0])
    rest = [
        (y + 1) * window.made * row - max(0, (y + 1) * window.step - window.top) * window.image_row
        for y in range(window.steps - 1)
    ]
    return max(0, *rest) if rest else 0


def rows_of(op: Convolution, site: Site) -> Rows:
    """The row kernel in the operator's form."""
    if isinstance(op, ByChannel):
        return by_channel.by_channel(op, site, staircase(op.requantization, op.bias.astype(np.int64)))
    if isinstance(op, ByTile):
        return by_tile.by_tile(op, site, _staircase(op))
    if isinstance(op, OneChannel):
        return one_channel.one_channel(op, site, _staircase(op))
    if isinstance(op, Winograd):
        return winograd.winograd(op, site, _staircase(op))
    kernel = depthwise.depthwise if depthwise.fits(op) else direct.direct
    return kernel(op, site, _staircase(op))


def _staircase(op: Convolution) -> FastRequant:
    """The rounding of sums of w * u, whose missing part is bias - z * sum w."""
    sums = op.weights.reshape(len(op.weights), -1).astype(np.int64).sum(axis=1)
    return staircase(op.requantization, op.bias.astype(np.int64) - (op.input.quantization.zero_point + 128) * sums)


def _aligned(size: int) -> int:
    return -(-size // 4) * 4
