"""How C text is put together, and the helper functions in C that kernels name.

Activations in the arena are unsigned bytes u = q + 128, because Xtensa loads bytes without a sign only. The caller's
input and output are int8; seen as unsigned bytes they are u ^ 0x80.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgekit.compile.ir import Requantization
from edgekit.compile.mac16 import DOTS
from edgekit.compile.winograd_helpers import WINOGRAD_HELPERS

NEXT_CODE = """
/* The next 4 bits, the low half of a byte first. */
static inline uint32_t next_code(const uint8_t **values, int32_t *half) {
  const uint32_t code = *half ? *(*values)++ >> 4 : **values & 15u;
  *half ^= 1;
  return code;
}
"""

# name -> (names that must come before, C)
HELPERS: dict[str, tuple[tuple[str, ...], str]] = {
    "dots": ((), DOTS),
    "next_code": ((), NEXT_CODE),
    "work": (
        (),
        """
/* What every share of a step needs: the window in 16 bits, where its results go, memory for all shares, how many
 * rows of results it makes, and the first of its tiles. */
typedef struct { const int16_t *rows; uint8_t *output, *room; int32_t made, first; } work;
""",
    ),
    "rounding_shift": (
        (),
        """
/* value / 2^exponent, rounded to the nearest, ties away from zero. */
static inline int32_t rounding_shift(int32_t value, int32_t exponent) {
  const int32_t mask = (int32_t)((1u << exponent) - 1u);
  return (value >> exponent) + ((value & mask) > (mask >> 1) + (value < 0));
}
""",
    ),
    "requantize": (
        (),
        """
#if EDGEKIT_HIGH_MULTIPLY
/* value * multiplier / 2^31 * 2^shift, rounded twice as TensorFlow Lite Micro does: upwards, then away from zero. */
static inline int32_t requantize(int32_t value, int32_t multiplier, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
  const int32_t scaled = (int32_t)(((int64_t)(value * (1 << left)) * multiplier + (1 << 30)) >> 31);
  const int32_t mask = (int32_t)((1u << right) - 1u);
  return (scaled >> right) + ((scaled & mask) > (mask >> 1) + (scaled < 0));
}
#else
/* The same out of 16-bit halves, for cores whose multiplier returns the low 32 bits only. */
static int32_t requantize(int32_t value, int32_t multiplier, int32_t shift) {
  const uint32_t negative = value < 0;
  const uint32_t left = (uint32_t)(shift > 0 ? shift : 0), right = (uint32_t)(shift > 0 ? 0 : -shift);
  const uint32_t a = (negative ? 0u - (uint32_t)value : (uint32_t)value) << left, b = (uint32_t)multiplier;
  const uint32_t al = a & 0xffffu, ah = a >> 16, bl = b & 0xffffu, bh = b >> 16, low = al * bl;
  const uint32_t middle = al * bh + ah * bl + (low >> 16) + 16384u - (negative & ((low & 0xffffu) == 0u));
  uint32_t result = 2u * (ah * bh) + (middle >> 15);
  result = (result + (right ? 1u << (right - 1u) : 0u)) >> right;
  return negative ? -(int32_t)result : (int32_t)result;
}
#endif
""",
    ),
    "to_byte": (
        (),
        """
/* value + zero, clamped: an activation's byte. */
static inline uint8_t to_byte(int32_t value, int32_t zero, int32_t low, int32_t high) {
  value += zero;
  return (uint8_t)(value < low ? low : value > high ? high : value);
}
""",
    ),
    "channel": (
        ("requantize", "to_byte"),
        """
/* An output channel: what every sum of it starts with (bias and input zero point), the values between which its result
 * lies strictly between `low` and `high`, its slope there, and its exact scale. */
typedef struct { int32_t bias, start, end; uint32_t scale; int32_t multiplier, shift; } channel;

static EDGEKIT_APART uint8_t worked_out(int32_t value, const channel *to, int32_t low, int32_t high, int32_t zero) {
  return to_byte(requantize(value, to->multiplier, to->shift), zero, low, high);
}

/* The byte for a sum. A short product finds it; what falls close behind an edge between two bytes is worked out. */
static inline uint8_t finish(uint32_t sum, const channel *to, uint8_t low, uint8_t high, uint32_t drop,
                             uint32_t offset, uint32_t zone, int32_t zero) {
  const int32_t value = (int32_t)(sum + (uint32_t)to->bias);
  if (value <= to->start) return low;
  if (value >= to->end) return high;
  const uint32_t scaled = (((uint32_t)value - (uint32_t)to->start) >> drop) * to->scale + offset;
  if (((scaled >> zone) & ((1u << (24u - zone)) - 1u)) == 0) return worked_out(value, to, low, high, zero);
  return (uint8_t)(scaled >> 24);
}
""",
    ),
    "greater": (
        (),
        """
static inline int32_t greater(int32_t best, uint32_t sum) {
  return (int32_t)sum > best ? (int32_t)sum : best;
}
""",
    ),
    "wrapped": (
        (),
        """
/* Where a row lies in memory that holds `lines` rows and then begins again. */
static inline int32_t wrapped(int32_t row, int32_t lines) {
  while (row >= lines) row -= lines;
  return row;
}
""",
    ),
    "least": (
        (),
        """
static inline int32_t least(int32_t a, int32_t b) {
  return a < b ? a : b;
}
""",
    ),
    "gather_rows": (
        ("wrapped",),
        """
/* Copies `count` image rows, from row `top` on, to `rows`, with `zero` wherever the window leaves the image. */
static EDGEKIT_APART void gather_rows(uint8_t *rows, const uint8_t *image, int32_t lines, int32_t top, int32_t count,
                        int32_t height, int32_t image_row, int32_t row, int32_t left, int32_t used, uint8_t zero,
                        uint8_t flip) {
  for (int32_t i = 0; i < count; ++i, rows += row) {
    const int32_t y = top + i;
    const int32_t outside = y < 0 || y >= height;
    const int32_t from = outside ? row : left, to = left + used;
    for (int32_t j = 0; j < from; ++j) rows[j] = zero;
    if (outside) continue;
    const uint8_t *source = image + wrapped(y, lines) * image_row;
    if (flip) {
      for (int32_t j = 0; j < used; ++j) rows[left + j] = (uint8_t)(source[j] ^ flip);
    } else {
      memcpy(rows + left, source, (size_t)used);
    }
    for (int32_t j = to; j < row; ++j) rows[j] = zero;
  }
}
""",
    ),
    "reciprocal": (
        ("high_multiply",),
        """
static inline int32_t saturating_shift(int32_t value, int32_t exponent) {
  const int32_t limit = (1 << (31 - exponent)) - 1;
  return value > limit ? INT32_MAX : value < -limit ? INT32_MIN : value * (1 << exponent);
}

/* 1 / x as Q0.31 for x = (1 + excess / 2^31), by three steps of Newton's method (gemmlowp). */
static int32_t reciprocal(uint32_t excess) {
  const int32_t half = (int32_t)((excess >> 1) + 0x40000000u);
  int32_t x = 1515870810 + high_multiply(half, -1010580540);
  for (int32_t i = 0; i < 3; ++i) {
    x += saturating_shift(high_multiply(x, (1 << 29) - high_multiply(half, x)), 2);
  }
  return saturating_shift(x, 1);
}
""",
    ),
    "high_multiply": (
        (),
        """
/* a * b / 2^31, rounded to the nearest. */
static int32_t high_multiply(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}
""",
    ),
}


_ELEMENT_BYTES = {
    "unsigned char": 1, "int8_t": 1, "uint8_t": 1, "int16_t": 2, "int32_t": 4, "channel": 24,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant array of the generated C.

    Attributes:
        c_type: of an element, one of `_ELEMENT_BYTES`.
        values: a number for each element, or the members of a struct.
    """

    c_type: str
    name: str
    values: Sequence[int | tuple[int, ...]]

    @property
    def size_bytes(self) -> int:
        """Bytes of flash."""
        return len(self.values) * _ELEMENT_BYTES[self.c_type]

    def definition(self, linkage: str = "static ") -> str:
        """The C that defines it, 20 elements a line."""
        texts = [
            str(value) if isinstance(value, int) else f"{{{', '.join(map(_literal, value))}}}" for value in self.values
        ]
        lines = [", ".join(texts[i : i + 20]) for i in range(0, len(texts), 20)]
        return f"{linkage}const {self.c_type} {self.name}[{len(texts)}] = {{\n  " + ",\n  ".join(lines) + "};\n"


def _literal(number: int) -> str:
    """C reads -2147483648 as the negative of a number that no int holds."""
    return "INT32_MIN" if number == -(2**31) else str(number)


@dataclass(frozen=True, slots=True)
class Site:
    """Where an operator stands.

    Attributes:
        name: C identifier of its function, unique in the source.
        input_flips: for each input, 0x80 where it is the caller's memory, else 0.
        output_flip: likewise.
        has_scratch: True where the planner gave it scratch memory.
        output_row: bytes from one row of the output to the next.
    """

    name: str
    input_flips: tuple[int, ...]
    output_flip: int
    has_scratch: bool
    output_row: int = 0

    def read(self, expression: str, operand: int = 0) -> str:
        """The byte q + 128 of an input, given the C of the byte in memory."""
        return f"({expression} ^ 0x80)" if self.input_flips[operand] else expression

    def write(self, target: str, value: str) -> str:
        """A statement that stores a byte q + 128 (of type uint8_t) in the output."""
        return f"{target} = (uint8_t)({value} ^ 0x80);" if self.output_flip else f"{target} = {value};"

    def signature(self, extra: str = "") -> str:
        """C of the head of a row kernel; `extra` parameters begin with a comma."""
        return f"static EDGEKIT_APART void {self.name}_rows(const uint8_t *rows, uint8_t *output{extra})"


@dataclass(frozen=True, slots=True)
class Kernel:
    """An operator's C: constants, function, and the helpers that they need.

    The function's parameters are its inputs, its output, then its scratch rows where it has any.
    """

    helpers: tuple[str, ...]
    constants: tuple[Constant, ...]
    function: str


def needed_helpers(names: Iterable[str]) -> str:
    """The C of the helpers named and of those that they need, each once and in order."""
    chosen: dict[str, str] = {}

    def choose(name: str) -> None:
        before, text = WINOGRAD_HELPERS[name] if name in WINOGRAD_HELPERS else HELPERS[name]
        for other in before:
            choose(other)
        chosen.setdefault(name, text)

    for name in names:
        choose(name)
    return "".join(chosen.values())


def byte_range(requantization: Requantization) -> str:
    """Zero point and clamp as arguments of `to_byte` and `finish`, in units of u = q + 128."""
    return ", ".join(str(value + 128) for value in (requantization.zero_point, requantization.low, requantization.high))


def indent(text: str, spaces: int) -> str:
    """Every line moved to the right."""
    return "\n".join(" " * spaces + line if line else line for line in text.split("\n"))


def round_up(count: int, unit: int) -> int:
    """The next multiple of `unit`."""
    return -(-count // unit) * unit
