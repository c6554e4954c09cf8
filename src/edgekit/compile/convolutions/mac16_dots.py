"""Dot products on MAC16 without a stall, written out for a length.

In: how many taps a dot product has, and how far apart the positions lie. Out: the helper in C (c/dots.h), and the order
in which it wants the weights.

One instruction multiplies two 16-bit halves, adds to the only accumulator and loads a word into an m register, which
can be used without waiting three instructions later. A product of two streams needs a load for each multiplication, so
that a third of the time is lost (esp-dsp's dsps_dotprod_s16). Here up to 18 taps of the weights stay in address
registers for a whole row of positions: a product with them needs half a load. Longer dot products alternate between
words of weights that stay and words that stream, up to 36 taps; beyond, they are summed up in chunks.
"""

from dataclasses import dataclass

from edgekit.compile.codegen import Helper, round_up

_MOST_STAYING, _MOST_TAPS = 16, 36  # taps of a chunk whose weights all stay; taps of a chunk


@dataclass(frozen=True, slots=True)
class Dots:
    """Dot products of `taps` taps each, taken from int16 positions that lie `step` elements apart.

    Attributes:
        taps: rounded up to what chunks of one size hold: more weights have to be there, zeros.
        chunk: taps of each of its equal chunks.
    """

    taps: int
    chunk: int
    step: int

    @property
    def mixed(self) -> bool:
        """Every other word of a chunk's weights streams."""
        return self.chunk > _MOST_STAYING

    @property
    def order(self) -> list[int]:
        """The taps as their weights have to lie: of each chunk first the words that stay, then those that stream."""
        if not self.mixed:
            return list(range(self.taps))
        words = [
            word
            for first in range(0, self.taps // 2, self.chunk // 2)
            for parity in range(2)
            for word in range(first + parity, first + self.chunk // 2, 2)
        ]
        return [2 * word + half for word in words for half in range(2)]

    @property
    def helper(self) -> Helper:
        """The function in C."""
        values = {
            "NAME": f"dots{self.taps}_{self.step}",
            "FIRST": _as_c(self._block(first=True)),
            "NEXT": _as_c(self._block(first=False)),
            "TAPS": str(self.taps),
            "CHUNK": str(self.chunk),
            "STEP": str(self.step),
            "BESIDE": str(self.chunk // 2 if self.mixed else 2),
            "AHEAD": "2" if self.mixed else "4",
            "BEHIND": str(self.chunk // 2 if self.mixed else 0),
        }
        return Helper("dots", tuple(values.items()))

    @property
    def cycles(self) -> tuple[float, float]:
        """Of a position, and of a row of positions besides: the instructions written out below, of which none waits."""
        chunks = self.taps // self.chunk
        position = len(self._loop(first=True)) + (chunks - 1) * len(self._loop(first=False))
        return position, chunks * (len(self._weights()) + 14) + 10

    def _block(self, first: bool) -> list[str]:
        """One chunk for a row of positions; leaves the pointer to the weights behind it."""
        words = self.chunk // 2
        lines = [] if first else ["l32i %[w0], %[sums], 0", "wsr.acclo %[w0]"]
        lines += [*self._weights(), "ldinc m0, %[x]", "ldinc m1, %[x]", "loopnez %[left], 1f"]
        lines += [*self._loop(first), "1:"]
        return [*lines, f"addi %[w], %[w], {2 * words if self.mixed else 4 * words}"]

    def _weights(self) -> list[str]:
        """Loads the words that stay, and the first that streams."""
        words = self.chunk // 2
        stay = words // 2 if self.mixed else words
        lines = [f"l32i %[w{i}], %[w], {4 * i}" for i in range(stay)]
        return [*lines, f"addi %[w], %[w], {4 * stay - 4}", "ldinc m2, %[w]"] if self.mixed else lines

    def _loop(self, first: bool) -> list[str]:
        """One position: its sum, while the first words of the next position come in."""
        words = self.chunk // 2
        stream = words // 2 if self.mixed else 0
        lines: list[str] = []
        for word in range(words):
            m, number = word % 2, word // 2
            streams = self.mixed and m == 1
            factor = f"m{2 + number % 2}" if streams else f"%[w{number if self.mixed else word}]"
            kind = "dd" if streams else "da"
            if word == words - 2:
                lines += _moved("x", 2 * (self.step - self.chunk))
            if streams and number == stream - 1:
                lines += _moved("w", -4 * stream)
            if streams and (number < stream - 1 or stream % 2 == 0):
                lines.append(f"mula.dd.ll.ldinc m{2 + (number + 1) % 2}, %[w], m1, {factor}")
            else:
                lines.append(f"{'mul' if first and word == 0 else 'mula'}.{kind}.ll m{m}, {factor}")
            lines.append(f"mula.{kind}.hh.ldinc m{m}, %[x], m{m}, {factor}")
            if not first and word == words // 2:
                lines.append("l32i %[left], %[sums], 4")
        if stream % 2:
            lines.append("ldinc m2, %[w]")
        return [
            *lines,
            f"{'rsr' if first else 'xsr'}.acclo %[left]",
            "s32i %[left], %[sums], 0",
            "addi %[sums], %[sums], 4",
        ]


def dots_of(taps: int, step: int) -> Dots:
    """The dot products of `taps` taps, every `step` elements."""
    chunks = -(-taps // _MOST_TAPS)
    chunk = round_up(-(-taps // chunks), 4)
    return Dots(chunks * chunk, chunk, step)


def _moved(pointer: str, distance: int) -> list[str]:
    """Instructions that add a distance in bytes."""
    lines: list[str] = []
    while not -128 <= distance <= 127:
        pages = min(max((distance + 128) // 256, -128), 127)
        lines.append(f"addmi %[{pointer}], %[{pointer}], {256 * pages}")
        distance -= 256 * pages
    return [*lines, f"addi %[{pointer}], %[{pointer}], {distance}"] if distance else lines


def _as_c(lines: list[str]) -> str:
    """As adjacent C strings."""
    return "\n".join(f'"{line}\\n"' for line in lines)
