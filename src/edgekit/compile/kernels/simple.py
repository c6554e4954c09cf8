"""The operators without weights: pools, mean, softmax, pad, reshape."""

from edgekit.compile.codegen import (
    Constant,
    Kernel,
    Site,
    byte_range,
    indent,
)
from edgekit.compile.graph import (
    Mean,
    Pad,
    Pool,
    Reshape,
    Softmax,
)


def pool(op: Pool, site: Site) -> Kernel:
    """Max and average pool; a window is cut to the image, and an average counts what is left of it."""
    height, width, channels = op.image
    rows, columns, _ = op.result
    value = site.read(f"input[(i * {width} + j) * {channels} + c]")
    if op.kind == "max":
        start = "int32_t result = 0;"
        step = f"const int32_t value = {value};\nif (value > result) result = value;"
        end = ""
    else:
        # TFLM rounds ties away from zero of q, not of u
        start = "const int32_t count = (bottom - top) * (right - left);\nint32_t result = -128 * count;"
        step = f"result += {value};"
        end = "result = (result > 0 ? result + count / 2 : result - count / 2) / count + 128;\n"
    low, high = op.low + 128, op.high + 128
    body = f"""{start}
for (int32_t i = top; i < bottom; ++i) {{
  for (int32_t j = left; j < right; ++j) {{
{indent(step, 4)}
  }}
}}
{end}{site.write("*output++", f"(uint8_t)(result < {low} ? {low} : result > {high} ? {high} : result)")}"""
    function = f"""static void {site.name}(const uint8_t *input, uint8_t *output) {{
  for (int32_t y = 0; y < {rows}; ++y) {{
    const int32_t y0 = y * {op.stride[0]} - {op.pad[0]}, top = y0 > 0 ? y0 : 0;
    const int32_t bottom = y0 + {op.window[0]} < {height} ? y0 + {op.window[0]} : {height};
    for (int32_t x = 0; x < {columns}; ++x) {{
      const int32_t x0 = x * {op.stride[1]} - {op.pad[1]}, left = x0 > 0 ? x0 : 0;
      const int32_t right = x0 + {op.window[1]} < {width} ? x0 + {op.window[1]} : {width};
      for (int32_t c = 0; c < {channels}; ++c) {{
{indent(body, 8)}
      }}
    }}
  }}
}}
"""
    return Kernel((), (), function)


def pool_lead(op: Pool) -> int:
    """Result row y may overwrite all image rows in front of its own window."""
    row, image_row = op.result[1] * op.result[2], op.image[1] * op.image[2]
    return max(0, *((y + 1) * row - max(0, y * op.stride[0] - op.pad[0]) * image_row for y in range(op.result[0])))


def mean(op: Mean, site: Site) -> Kernel:
    """The mean of every channel over all positions."""
    scaling = op.requantization
    zero = op.positions * (op.input.quantization.zero_point + 128)
    scaled = f"requantize(sum, {scaling.multipliers[0]}, {scaling.shifts[0]})"
    function = f"""static void {site.name}(const uint8_t *input, uint8_t *output) {{
  for (int32_t c = 0; c < {op.channels}; ++c) {{
    int32_t sum = -{zero};
    for (int32_t i = 0; i < {op.positions}; ++i) sum += {site.read(f"input[i * {op.channels} + c]")};
    {site.write("output[c]", f"to_byte({scaled}, {byte_range(scaling)})")}
  }}
}}
"""
    return Kernel(("requantize", "to_byte"), (), function)


def softmax(op: Softmax, site: Site) -> Kernel:
    """exp by table (inputs have 256 values), the sum in Q12.19, its reciprocal by Newton's method."""
    table = f"{site.name}_exp"
    function = f"""static void {site.name}(const uint8_t *input, uint8_t *output) {{
  for (int32_t row = 0; row < {op.rows}; ++row, input += {op.depth}, output += {op.depth}) {{
    int32_t best = 0;
    for (int32_t c = 0; c < {op.depth}; ++c) {{
      const int32_t value = {site.read("input[c]")};
      if (value > best) best = value;
    }}
    int32_t sum = 0;
    for (int32_t c = 0; c < {op.depth}; ++c) {{
      const int32_t below = best - {site.read("input[c]")};
      if (below < {len(op.table)}) sum += rounding_shift({table}[below], 12);
    }}
    int32_t headroom = 0;
    for (uint32_t bits = (uint32_t)sum; bits < 0x80000000u; bits <<= 1) ++headroom;
    const int32_t scale = reciprocal(((uint32_t)sum << headroom) - 0x80000000u);
    const int32_t exponent = 12 - headroom + 31 - 8;
    for (int32_t c = 0; c < {op.depth}; ++c) {{
      const int32_t below = best - {site.read("input[c]")};
      int32_t value = 0;
      if (below < {len(op.table)} && exponent < 32) {{
        value = rounding_shift(high_multiply(scale, {table}[below]), exponent);
      }}
      {site.write("output[c]", "(uint8_t)(value > 255 ? 255 : value)")}
    }}
  }}
}}
"""
    return Kernel(("rounding_shift", "reciprocal"), (Constant("int32_t", table, op.table),), function)


def pad(op: Pad, site: Site) -> Kernel:
    """Up to four dimensions, the value being the output's zero point."""
    ones = (1,) * (4 - len(op.output.shape))
    sizes, before = ones + op.input.shape, (0,) * len(ones) + op.before
    loops = "\n".join(f"for (int32_t i{a} = 0; i{a} < {n}; ++i{a}) {{" for a, n in enumerate(ones + op.output.shape))
    inside = " && ".join(f"i{a} >= {b} && i{a} < {b + n}" for a, (b, n) in enumerate(zip(before, sizes, strict=True)))
    function = f"""static void {site.name}(const uint8_t *input, uint8_t *output) {{
{indent(loops, 2)}
    const uint8_t value = ({inside}) ? (uint8_t){site.read("*input++")} : {op.value + 128};
    {site.write("*output++", "value")}
  }}}}}}}}
}}
"""
    return Kernel((), (), function)


def reshape(op: Reshape, site: Site) -> Kernel:
    """A copy; where both ends share their place, the emitter leaves it out."""
    if site.input_flips[0] == site.output_flip:
        body = f"memcpy(output, input, {op.input.size});"
    else:
        body = f"for (int32_t i = 0; i < {op.input.size}; ++i) output[i] = (uint8_t)(input[i] ^ 0x80);"
    return Kernel((), (), f"static void {site.name}(const uint8_t *input, uint8_t *output) {{\n  {body}\n}}\n")
