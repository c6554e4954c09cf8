"""Convolutions of every kind: dense, grouped, depthwise, fully connected, with or without a max-pool behind.

Sum of a window, with weights w and input bytes u = q + 128, z = zero point + 128:

    bias + sum w * (u - z)  =  [sum (w + 128) * u]  -  128 * [sum u]  +  [bias - z * sum w]

so that the loop multiplies unsigned bytes only. `sum u` is worked out once a position for all output channels, the last
bracket at build time. Padding is copied in front of the kernel with u = z, where the terms vanish: no bounds checks.
Sums are uint32_t and may wrap on the way; the reader has made sure that the end result fits into int32_t.
"""

from collections.abc import Callable

import numpy as np

from edgekit.compile.graph import Convolution
from edgekit.compile.kernels.text import Kernel, Site, array, byte_range, indent

_CHANNELS = 4  # output channels summed at once; with two positions they fill the 14 registers of an Xtensa (kernels.md)
_UNROLL = (
    6  # neighbouring taps written out; measured on the emulated lx106: 2 -> 3.84, 4 -> 3.60, 6 -> 3.44, 8 -> 3.45 a MAC
)
_MOST_UNROLLED_TAPS = 25


def convolution(op: Convolution, site: Site) -> Kernel:
    """The kernel of one convolution."""
    depthwise = _is_depthwise(op)
    body = _depthwise(op, site) if depthwise else _dense(op, site)
    flat = op.weights.reshape(len(op.weights), -1).astype(np.int64)
    folded = op.bias.astype(np.int64) - (op.input.quantization.zero_point + 128) * flat.sum(axis=1)
    scaling = op.requantization
    channels = [
        f"{{{bias}, {multiplier}, {shift}}}"
        for bias, multiplier, shift in zip(folded, scaling.multipliers, scaling.shifts, strict=True)
    ]
    if depthwise:
        weights = array("int8_t", f"{site.name}_weights", flat.ravel())
    else:
        weights = array("uint8_t", f"{site.name}_weights", _interleaved(op) + 128)
    helpers = ("channel", *(("gather_rows",) if site.has_scratch else ()), *(("greater",) if op.pool != (1, 1) else ()))
    return Kernel(helpers, weights + array("channel", f"{site.name}_channels", channels), body)


def described(op: Convolution) -> str:
    """The kernel chosen, in words."""
    if _is_depthwise(op):
        return "depthwise"
    abreast = min(2, op.result[1]) if op.pool == (1, 1) else 1 + (op.pool[1] % 2 == 0)
    return f"direct, {abreast} x {min(_CHANNELS, len(op.weights) // op.groups)}"


def _is_depthwise(op: Convolution) -> bool:
    return (
        op.groups == op.image[2] == op.result[2]
        and op.weights.shape[1] * op.weights.shape[2] <= _MOST_UNROLLED_TAPS
        and op.pool == (1, 1)
    )


def scratch_bytes(op: Convolution, foreign: bool) -> int:
    """Room for the padded rows under one row of results.

    A single row of results that needs no padding is computed where it lies. All else is copied, which costs little
    beside the multiplications, and lets the output overwrite the image (`lead`).
    """
    rows, columns = _window_rows(op)
    if foreign or any(op.pad) or rows > op.image[0] or columns > op.image[1] or op.result[0] // op.pool[0] > 1:
        return rows * columns * op.image[2]
    return 0


def lead(op: Convolution) -> int | None:
    """Result row y may overwrite all image rows in front of those that row y + 1 starts with."""
    if not scratch_bytes(op, foreign=False):
        return None
    rows = op.result[0] // op.pool[0]
    step = op.pool[0] * op.stride[0]
    row, image_row = op.output.size // rows, op.image[1] * op.image[2]
    return max(((y + 1) * row - max(0, (y + 1) * step - op.pad[0]) * image_row for y in range(rows - 1)), default=0)


def _window_rows(op: Convolution) -> tuple[int, int]:
    """Rows under one row of (pooled) results, and columns under all of it."""
    used = op.result[1] // op.pool[1] * op.pool[1]
    return (op.pool[0] - 1) * op.stride[0] + op.reach[0], (used - 1) * op.stride[1] + op.reach[1]


def _interleaved(op: Convolution) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Weights in the order in which the kernel reads them: block of output channels, tap, channel of the block."""
    per_group = len(op.weights) // op.groups
    taps = op.weights.reshape(op.groups, per_group, -1).astype(np.int64)
    blocks = [
        taps[group, first : first + _CHANNELS].T.ravel()
        for group in range(op.groups)
        for first in range(0, per_group, _CHANNELS)
    ]
    return np.concatenate(blocks)


def _rows_of(op: Convolution, site: Site) -> tuple[str, int]:
    """C that leaves `rows` pointing at the first row under result row y, and the bytes from one row to the next."""
    step = op.pool[0] * op.stride[0]
    image_row = op.image[1] * op.image[2]
    if not site.has_scratch:
        return f"const uint8_t *rows = input + y * {step * image_row};", image_row
    count, columns = _window_rows(op)
    row = columns * op.image[2]
    left = op.pad[1] * op.image[2]
    return (
        f"gather_rows(rows, input, y * {step} - {op.pad[0]}, {count}, {op.image[0]}, {image_row}, {row}, {left}, "
        f"{min(image_row, row - left)}, {op.input.quantization.zero_point + 128}, {site.input_flips[0]:#x});"
    ), row


def _signature(site: Site) -> str:
    scratch = ", uint8_t *rows" if site.has_scratch else ""
    return f"static EDGEKIT_APART void {site.name}(const uint8_t *input, uint8_t *output{scratch})"


def _depthwise(op: Convolution, site: Site) -> str:
    """One channel after the other, all taps unrolled."""
    rows, row = _rows_of(op, site)
    height, width, channels = op.result
    _, kernel_height, kernel_width, _ = op.weights.shape
    down, right = op.dilation[0] * row, op.dilation[1] * channels
    taps = [
        f"sum += (uint32_t)(x[{ky * down + kx * right}] * w[{ky * kernel_width + kx}]);"
        for ky in range(kernel_height)
        for kx in range(kernel_width)
    ]
    return f"""{_signature(site)} {{
  for (int32_t y = 0; y < {height}; ++y) {{
    {rows}
    for (int32_t column = 0; column < {width}; ++column) {{
      const uint8_t *x = rows + column * {op.stride[1] * channels};
      const int8_t *w = {site.name}_weights;
      for (int32_t c = 0; c < {channels}; ++c, ++x, w += {len(taps)}) {{
        uint32_t sum = 0;
{indent(chr(10).join(taps), 8)}
        {site.write("*output++", f"finish(sum, &{site.name}_channels[c], {byte_range(op.requantization)})")}
      }}
    }}
  }}
}}
"""


def _dense(op: Convolution, site: Site) -> str:
    """Two positions and four output channels at once; with a pool, one of its windows at a time."""
    rows, row = _rows_of(op, site)
    pool_height, pool_width = op.pool
    height, width, out = op.result[0] // pool_height, op.result[1] // pool_width, op.result[2]
    position = op.stride[1] * op.image[2]  # bytes from one position to the next
    if op.pool == (1, 1):
        abreast = min(2, width)
        tile = [q * position for q in range(abreast)]
        # an odd last position is computed together with its neighbour, once more
        columns = f"for (int32_t next = 0; next < {width}; next += {abreast}) {{"
        columns += f"\n  const int32_t column = next > {width - abreast} ? {width - abreast} : next;"
    else:
        abreast = 2 if pool_width % 2 == 0 else 1
        tile = [r * op.stride[0] * row + q * position for r in range(pool_height) for q in range(pool_width)]
        columns = f"for (int32_t column = 0; column < {width}; ++column) {{"

    per_group = out // op.groups
    whole, rest = per_group // _CHANNELS * _CHANNELS, per_group % _CHANNELS
    dots, blocks = [], []
    for count, opening in ((_CHANNELS, f"for (int32_t c = 0; c < {whole}; c += {_CHANNELS}) {{"), (rest, "{")):
        if count and (count == rest or whole):
            dots.append(_dot(op, site, row, count, abreast))
            blocks.append(f"{opening}\n{indent(_block(op, site, tile, count, abreast), 2)}\n}}")
    group = "\n".join(
        [
            *(f"windows[{i}] = 128u * {site.name}_sum(x + {offset});" for i, offset in enumerate(tile)),
            *blocks,
        ]
    )
    if op.groups > 1:
        group = f"for (int32_t g = 0; g < {op.groups}; ++g, x += {op.weights.shape[3]}) {{\n{indent(group, 2)}\n}}"
    body = f"""{columns}
  const uint8_t *x = rows + column * {pool_width * position};
  const uint8_t *w = {site.name}_weights;
  const channel *to = {site.name}_channels;
  uint8_t *out = output + (y * {width} + column) * {out};
{indent(group, 2)}
}}"""
    return f"""{_window_sum(op, site, row)}
{"".join(dots)}
{_signature(site)} {{
  uint32_t windows[{len(tile)}], sums[{abreast * min(_CHANNELS, per_group)}];
  for (int32_t y = 0; y < {height}; ++y) {{
    {rows}
{indent(body, 4)}
  }}
}}
"""


def _block(op: Convolution, site: Site, tile: list[int], channels: int, abreast: int) -> str:
    """The results of `channels` output channels at all positions of a tile."""
    dot = f"{site.name}_dot{channels}"
    close = byte_range(op.requantization)
    lines = []
    if op.pool == (1, 1):
        lines.append(f"{dot}(x, w, sums);")
        lines += [
            site.write(
                f"out[{p * op.result[2] + k}]", f"finish(sums[{p * channels + k}] - windows[{p}], to + {k}, {close})"
            )
            for p in range(abreast)
            for k in range(channels)
        ]
    else:
        lines.append("int32_t " + ", ".join(f"best{k} = INT32_MIN" for k in range(channels)) + ";")
        for first in range(0, len(tile), abreast):
            lines.append(f"{dot}(x + {tile[first]}, w, sums);")
            lines += [
                f"best{k} = greater(best{k}, sums[{p * channels + k}] - windows[{first + p}]);"
                for p in range(abreast)
                for k in range(channels)
            ]
        lines += [site.write(f"out[{k}]", f"finish((uint32_t)best{k}, to + {k}, {close})") for k in range(channels)]
    lines.append(f"w += {op.weights[0].size * channels}, to += {channels}, out += {channels};")
    return "\n".join(lines)


def _dot(op: Convolution, site: Site, row: int, channels: int, abreast: int) -> str:
    """C of a function that sums (w + 128) * u over a window, at `abreast` positions for `channels` channels each.

    A function of its own, so that its loop has all the registers.
    """
    position = op.stride[1] * op.image[2]
    names = [f"a{p}{k}" for p in range(abreast) for k in range(channels)]

    def taps(count: int) -> str:
        lines = []
        for tap in range(count):
            loads = ", ".join(f"u{p} = v[{tap + p * position}]" for p in range(abreast))
            lines.append(f"{{\n  const uint32_t {loads};")
            for k in range(channels):
                products = " ".join(f"a{p}{k} += u{p} * w[{tap * channels + k}];" for p in range(abreast))
                lines.append(f"  {products}")
            lines.append("}\nEDGEKIT_IN_ORDER")
        return "\n".join([*lines, f"v += {count};", f"w += {count * channels};"])

    name = f"{site.name}_dot{channels}"
    return f"""static EDGEKIT_APART void {name}(const uint8_t *v, const uint8_t *w, uint32_t *sums) {{
  uint32_t {", ".join(f"{sum_} = 0" for sum_ in names)};
{indent(_walk(op, row, taps), 2)}
{indent(chr(10).join(f"sums[{i}] = {sum_};" for i, sum_ in enumerate(names)), 2)}
}}
"""


def _window_sum(op: Convolution, site: Site, row: int) -> str:
    def taps(count: int) -> str:
        return "\n".join([*(f"sum += v[{tap}];" for tap in range(count)), f"v += {count};"])

    return f"""static EDGEKIT_APART uint32_t {site.name}_sum(const uint8_t *v) {{
  uint32_t sum = 0;
{indent(_walk(op, row, taps), 2)}
  return sum;
}}
"""


def _walk(op: Convolution, row: int, taps: Callable[[int], str]) -> str:
    """C that leads `v` over a window; `taps(n)` gives the C for the next n bytes, and leaves `v` behind them."""
    _, kernel_height, kernel_width, depth = op.weights.shape
    channels = op.image[2]
    if depth == channels and op.dilation[1] == 1:  # the bytes of a window's row lie side by side
        line = _run(kernel_width * depth, taps)
        line_bytes = kernel_width * depth
    else:
        step = op.dilation[1] * channels - depth
        line = f"for (int32_t kx = 0; kx < {kernel_width}; ++kx) {{\n{indent(_run(depth, taps), 2)}\n  v += {step};\n}}"
        line_bytes = kernel_width * op.dilation[1] * channels
    if kernel_height == 1:
        return line
    step = op.dilation[0] * row - line_bytes
    return f"for (int32_t ky = 0; ky < {kernel_height}; ++ky) {{\n{indent(line, 2)}\n  v += {step};\n}}"


def _run(count: int, taps: Callable[[int], str]) -> str:
    at_once = max(n for n in range(1, _UNROLL + 1) if count % n == 0)
    if at_once == count:
        return taps(count)
    return f"for (int32_t n = 0; n < {count // at_once}; ++n) {{\n{indent(taps(at_once), 2)}\n}}"
