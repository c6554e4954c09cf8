"""The C that all Winograd kernels share; winograd.py says what it computes. name -> (names that must come before, C).

Two channels travel in one 32-bit word as high * 65536 + low: sums, differences and shifts are exact on both at once,
and `halves` leaves each in its own 16 bits.
"""

BLOCKS = {2: 4, 3: 2}  # tiles side by side -> output channels with which they fill the registers

# One dimension of B^T: tile + 2 bytes d, as many results {0}, {1}, ...
_BEFORE = {
    2: "{0} = d0 - d2; {1} = d1 + d2; {2} = d2 - d1; {3} = d1 - d3;",
    4: """const uint32_t even = d4 - 4u * d2, odd = d3 - 4u * d1, near = d4 - d2, far = 2u * (d3 - d1);
{0} = 4u * (d0 - d2) + near;
{1} = even + odd;
{2} = even - odd;
{3} = near + far;
{4} = near - far;
{5} = d5 - d3 - 2u * far;""",
}
# One dimension of A^T: tile + 2 sums a, `tile` results. The last sum of the larger tile stands for half (winograd.py).
_AFTER = {
    2: "{0} = a0 + a1 + a2; {1} = a1 - a2 - a3;",
    4: """const uint32_t near = a1 + a2, far = a3 + a4, slope = a1 - a2, steep = a3 - a4;
{0} = a0 + near + far;
{1} = slope + 2u * steep;
{2} = near + 4u * far;
{3} = slope + 8u * steep + 2u * a5;""",
}
_UNDO_9 = {2: "", 4: "0x38e38e39u * "}  # 9 * 0x38e38e39 = 1 modulo 2^32


def _moved(text: str, spaces: int) -> str:
    return "\n".join(" " * spaces + line for line in text.split("\n"))


def _input(tile: int, lanes: int, in_bytes: bool) -> str:
    """B^T d B for all channels of one tile, four at a time: columns first, then rows."""
    size = tile + 2
    numbers = range(size)
    passes = ""
    for half in range(2):
        if in_bytes:  # channels that are no multiple of four: words would not be aligned
            load = f"(uint32_t)p[{half}] | (uint32_t)p[{half + 2}] << 16"
        else:
            load = f"(*(const edgekit_word *)(const void *)p >> {8 * half}) & 0x00ff00ffu"
        loads = "\n".join(f"const uint32_t d{i} = {load};\np += row;" for i in numbers)
        rows = " ".join(f"const uint32_t d{i} = from[{i}];" for i in numbers)
        passes += f"""    top = rows;
    for (uint32_t *to = columns; to != columns + {size}; ++to, top += channels) {{
      const uint8_t *p = top;
{_moved(loads, 6)}
{_moved(_BEFORE[tile].format(*(f"to[{i * size}]" for i in numbers)), 6)}
    }}
    out = v + {lanes * half};
    for (const uint32_t *from = columns; from != columns + {size * size}; from += {size}) {{
      {rows}
      uint32_t {", ".join(f"r{i}" for i in numbers)};
{_moved(_BEFORE[tile].format(*(f"r{i}" for i in numbers)), 6)}
      {" ".join(f"*out = halves(r{i}); out += stride;" for i in numbers)}
    }}
"""
    return f"""
static EDGEKIT_APART void winograd{tile}x{lanes}_input{"_bytes" if in_bytes else ""}(const uint8_t *rows, int32_t row,
    int32_t channels, edgekit_word *v, int32_t stride, int32_t quads) {{
  uint32_t columns[{size * size}];
  for (; quads > 0; --quads, rows += 4, v += {2 * lanes}) {{
    const uint8_t *top;
    edgekit_word *out;
{passes}  }}
}}
"""


def _dot(tile: int, lanes: int, quads_at_once: int) -> str:
    """Sums over the channels, element by element: `lanes` tiles and BLOCKS[lanes] output channels at once."""
    elements, block = (tile + 2) ** 2, BLOCKS[lanes]
    sums = [f"a{lane}{k}" for lane in range(lanes) for k in range(block)]
    taps = []
    for tap in range(4 * quads_at_once):
        loads = ", ".join(f"v{lane} = v[{tap // 2 * 2 * lanes + 2 * lane + tap % 2}]" for lane in range(lanes))
        taps.append(f"{{\n  const int32_t {loads};")
        for k in range(block):
            weight = f"w[{block * tap + k}]"
            taps.append("  " + " ".join(f"a{lane}{k} += (uint32_t)(v{lane} * {weight});" for lane in range(lanes)))
        taps.append("}\nEDGEKIT_IN_ORDER")
    stores = " ".join(f"to[{i * elements}] = {name};" for i, name in enumerate(sums))
    return f"""
static EDGEKIT_APART void winograd{tile}x{lanes}_dot{4 * quads_at_once}(const edgekit_half *v, const int16_t *u,
    uint32_t *sums, int32_t groups, int32_t length) {{
  for (const uint32_t *last = sums + {elements}; sums != last; ++sums) {{
    const int16_t *w = u;
    uint32_t *to = sums;
    for (int32_t n = 0; n < groups; ++n, to += {lanes * block * elements}) {{
      uint32_t {", ".join(f"{name} = 0" for name in sums)};
      w = u;
      for (const edgekit_half *end = v + length; v != end;) {{
{_moved(chr(10).join(taps), 8)}
        v += {4 * lanes * quads_at_once};
        w += {4 * block * quads_at_once};
      }}
      {stores}
    }}
    u = w;
  }}
}}
"""


def _output(tile: int, pool: int) -> str:
    """A^T m A in place, `count` tiles of sums one behind the other: the results, or their maximum in every window."""
    size = tile + 2
    first = f"""for (uint32_t *p = m; p != m + {size}; ++p) {{
      {" ".join(f"const uint32_t a{i} = p[{i * size}];" for i in range(size))}
{_moved(_AFTER[tile].format(*(f"p[{i * size}]" for i in range(tile))), 6)}
    }}"""
    loads = " ".join(f"const uint32_t a{i} = p[{i}];" for i in range(size))
    undo = _UNDO_9[tile]
    if pool == 1:
        second = f"""for (int32_t i = 0; i < {tile}; ++i, p += {size}, to += {tile}) {{
      {loads}
      uint32_t {", ".join(f"r{i}" for i in range(tile))};
{_moved(_AFTER[tile].format(*(f"r{i}" for i in range(tile))), 6)}
      {" ".join(f"to[{i}] = {undo}r{i};" for i in range(tile))}
    }}"""
    else:
        windows = range(tile // pool)
        rows = ""
        for row in range(pool):
            pairs = [f"greater((int32_t)({undo}r{2 * w}), {undo}r{2 * w + 1})" for w in windows]
            bests = [
                f"best{w} = " + (f"greater(best{w}, (uint32_t){pair})" if row else pair) for w, pair in enumerate(pairs)
            ]
            rows += f"""
      {{
        {loads}
        uint32_t {", ".join(f"r{i}" for i in range(tile))};
{_moved(_AFTER[tile].format(*(f"r{i}" for i in range(tile))), 8)}
        {"; ".join(bests)};
        p += {size};
      }}"""
        second = f"""for (int32_t i = 0; i < {tile}; i += {pool}, to += {tile // pool}) {{
      int32_t {", ".join(f"best{w}" for w in windows)};{rows}
      {" ".join(f"to[{w}] = (uint32_t)best{w};" for w in windows)}
    }}"""
    name = f"winograd{tile}_output" + ("" if pool == 1 else "_pooled")
    return f"""
static EDGEKIT_APART void {name}(uint32_t *m, int32_t count) {{
  for (; count > 0; --count, m += {size * size}) {{
    {first}
    const uint32_t *p = m;
    uint32_t *to = m;
    {second}
  }}
}}
"""


# One dimension of G, as winograd.py scales it: three taps g, six results.
_FILTER = """const uint32_t outer = 0u - 4u * (g0 + g2), inner = 4u * g1, far = g0 + 4u * g2, steep = 2u * g1;
{0} = 6u * g0;
{1} = outer - inner;
{2} = outer + inner;
{3} = far + steep;
{4} = far - steep;
{5} = 12u * g2;"""


def _filter() -> str:
    """G g G^T of one output channel, two input channels at a time; each lies as winograd4x1_input leaves its own."""
    return f"""
static EDGEKIT_APART void winograd4_filter(const edgekit_word *taps, edgekit_word *to, int32_t pairs) {{
  uint32_t columns[18];
  for (int32_t pair = 0; pair < pairs; ++pair, taps += 9, ++to) {{
    const edgekit_word *w = taps;
    for (uint32_t *column = columns; column != columns + 18; column += 6, ++w) {{
      const uint32_t g0 = joined(w[0]), g1 = joined(w[3]), g2 = joined(w[6]);
{_moved(_FILTER.format(*(f"column[{i}]" for i in range(6))), 6)}
    }}
    edgekit_word *out = to;
    for (const uint32_t *row = columns; row != columns + 6; ++row) {{
      const uint32_t g0 = row[0], g1 = row[6], g2 = row[12];
      uint32_t r0, r1, r2, r3, r4, r5;
{_moved(_FILTER.format(*(f"r{i}" for i in range(6))), 6)}
      {" ".join(f"*out = halves(r{i}); out += pairs;" for i in range(6))}
    }}
  }}
}}
"""


WINOGRAD_HELPERS: dict[str, tuple[tuple[str, ...], str]] = {
    "words": (
        (),
        """
/* Two 16-bit numbers in one word of the arena, the little end first. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "These kernels need a little-endian core."
#endif
#if defined(__GNUC__)
typedef uint32_t __attribute__((may_alias)) edgekit_word;
typedef int16_t __attribute__((may_alias)) edgekit_half;
#else
typedef uint32_t edgekit_word;
typedef int16_t edgekit_half;
#endif
static inline uint32_t halves(uint32_t sum) { return (sum + 0x8000u) ^ 0x8000u; }
""",
    ),
    **{
        f"winograd{tile}x{lanes}_input{suffix}": (("words",), _input(tile, lanes, bool(suffix)))
        for tile in _BEFORE
        for lanes in (1, *BLOCKS)
        for suffix in ("", "_bytes")
    },
    **{
        f"winograd{tile}x{lanes}_dot{4 * quads}": (("words",), _dot(tile, lanes, quads))
        for tile in _BEFORE
        for lanes in BLOCKS
        for quads in (1, 2)
    },
    "joined": (
        ("words",),
        """
static inline uint32_t joined(uint32_t both) { return (both ^ 0x8000u) - 0x8000u; } /* undoes `halves` */
""",
    ),
    "winograd4_filter": (("joined",), _filter()),
    **{f"winograd{tile}_output": ((), _output(tile, 1)) for tile in _BEFORE},
    **{f"winograd{tile}_output_pooled": (("greater",), _output(tile, 2)) for tile in _BEFORE},
}
