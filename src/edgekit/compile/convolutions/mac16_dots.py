"""Dot products on MAC16 without a wait, written out for a length.

In: how many taps a dot product has, and how far apart the positions lie. Out: the helper in C (c/dots.h), and the order
in which it wants the weights.

One instruction multiplies two 16-bit halves, adds to the only accumulator and loads a word into an m register, which is
used at the earliest three instructions later. Up to 16 taps of weights stay in address registers for a whole row of
positions. More of them stream, turned by one as in c/run_dots.h: a word of weights lies half a word behind its word of
the position. A hardware loop runs over the positions, and is written out, up to 72 taps; beyond, chunks are summed up.
"""

from dataclasses import dataclass

from edgekit.compile.codegen import Helper, round_up

_MOST_STAYING, _MOST_TAPS = 16, 72  # taps that find registers; taps whose instructions a hardware loop holds


@dataclass(frozen=True, slots=True)
class Dots:
    """Dot products of `taps` taps each, taken from int16 positions that lie `step` elements apart.

    Attributes:
        taps: rounded up to what chunks of one size hold: more weights have to be there, zeros.
        chunk: taps of each of its equal chunks.
        begun: the sums begin with a number that is given, not with 0.
        holes: taps whose weights are 0 in every row: where weights stay in registers, they are not multiplied.
    """

    taps: int
    chunk: int
    step: int
    begun: bool
    holes: frozenset[int] = frozenset()

    @property
    def stay(self) -> bool:
        """The weights stay in registers."""
        return self.chunk <= _MOST_STAYING

    @property
    def order(self) -> list[int]:
        """The taps as their weights have to lie: where they stream, each chunk's last in front of its first."""
        if self.stay:
            return list(range(self.taps))
        turned = [self.chunk - 1, *range(self.chunk - 1)]
        return [first + tap for first in range(0, self.taps, self.chunk) for tap in turned]

    @property
    def helper(self) -> Helper:
        """The function in C."""
        values = {
            "NAME": "_".join(
                (
                    f"dots{self.taps}_{self.step}",
                    *(("begun",) if self.begun else ()),
                    *(f"no{tap}" for tap in sorted(self.holes) if self.stay),
                )
            ),
            "BEGIN": _as_c(self._block(first=True)),
            "GO_ON": _as_c(self._block(first=False)),
            "TAPS": str(self.taps),
            "CHUNK": str(self.chunk),
            "STEP": str(self.step),
            "TURN": "0" if self.stay else "1",
        }
        return Helper("dots", tuple(values.items()))

    @property
    def cycles(self) -> tuple[float, float]:
        """Of a position, and of a row of positions besides."""
        chunks = self.taps // self.chunk
        position = len(self._loop(first=True)) + (chunks - 1) * len(self._loop(first=False))
        return position, (5 if chunks == 1 else 20) + chunks * (14 + (self.chunk / 2 if self.stay else 3))

    def _block(self, first: bool) -> list[str]:
        """One chunk for a row of positions; leaves the pointer to the weights behind it."""
        words = self.chunk // 2
        lines: list[str] = []
        if not first:
            lines += ["l32i %[w0], %[sums], 0", "wsr.acclo %[w0]"]
        elif not self.stay:
            lines += ["wsr.acclo %[first]"] if self.begun else ["movi %[w0], 0", "wsr.acclo %[w0]"]
        if self.stay:
            lines += [f"l32i %[w{i}], %[w], {4 * i}" for i in range(words)]
            lines += ["ldinc m0, %[x]", "ldinc m1, %[x]"]
        else:
            lines += ["addi %[w], %[w], -4", "ldinc m2, %[w]", "ldinc m0, %[x]", "ldinc m3, %[w]", "ldinc m1, %[x]"]
        lines += ["loopnez %[left], 1f", *self._loop(first), "1:"]
        return [*lines, *_moved("w", 4 * words - (0 if self.stay else 4))]

    def _loop(self, first: bool) -> list[str]:
        """One position: its sum, while the first words of the next position come in."""
        words = self.chunk // 2
        on = _moved("x", 2 * (self.step - self.chunk))
        lines: list[str] = []
        if self.stay:
            if self.begun:
                lines.append("wsr.acclo %[first]")
            for word in range(words):
                m, begins = word % 2, word == 0 and not self.begun
                lines += on if word == words - 2 else []
                if 2 * word + 1 in self.holes and not begins:
                    lines.append(f"mula.da.ll.ldinc m{m}, %[x], m{m}, %[w{word}]")
                    continue
                lines.append(f"{'mul' if begins else 'mula'}.da.ll m{m}, %[w{word}]")
                lines.append(f"mula.da.hh.ldinc m{m}, %[x], m{m}, %[w{word}]")
            return [*lines, "rsr.acclo %[left]", "s32i %[left], %[sums], 0", "addi %[sums], %[sums], 4"]
        anew = ("mov %[left], %[first]" if self.begun else "movi %[left], 0") if first else "l32i %[left], %[sums], 4"
        for word in range(words):
            m, w = word % 2, 2 + word % 2
            lines += [*on, *_moved("w", -4 * words)] if word == words - 2 else []
            lines += [f"mula.dd.lh.ldinc m{w}, %[w], m{m}, m{w}", f"mula.dd.hl.ldinc m{m}, %[x], m{m}, m{5 - w}"]
            lines += [anew] if word == words // 2 else []
        return [*lines, "xsr.acclo %[left]", "s32i %[left], %[sums], 0", "addi %[sums], %[sums], 4"]


def dots_of(taps: int, step: int, begun: bool = False, holes: frozenset[int] = frozenset()) -> Dots:
    """The dot products of `taps` taps, every `step` elements, of which those in `holes` have no weights but 0."""
    chunks = -(-taps // _MOST_TAPS)
    chunk = round_up(-(-taps // chunks), 4)
    return Dots(chunks * chunk, chunk, step, begun, holes)


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
