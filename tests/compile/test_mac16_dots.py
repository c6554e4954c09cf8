"""Dot products of every length: what MAC16's hardware loop holds, and the order of the weights."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgekit.compile.codegen import needed_helpers
from edgekit.compile.convolutions.mac16_dots import Dots, dots_of

ALL = [
    dots_of(taps, step, begun, frozenset(range(3, taps, hole)))
    for taps in range(2, 700, 2)
    for step in (taps, 3 * taps)
    for begun, hole in ((False, 1000), (True, 1000), (True, 4))
]


def test_every_tap_has_its_place_among_the_weights() -> None:
    for dots in ALL:
        assert sorted(dots.order) == list(range(dots.taps))


def test_a_hardware_loop_of_the_esp32_holds_a_position_whatever_the_length() -> None:
    for dots in ALL:
        blocks = [dict(dots.helper.macros)[name] for name in ("BEGIN", "GO_ON")]
        for block in blocks:
            inside = re.search(r"loopnez[^\n]*\n(.*)\"1:", block, re.DOTALL)
            assert inside
            assert 3 * inside[1].count("\n") <= 256 - 4  # of 3 bytes each, in front of LEND


def test_no_m_register_is_read_within_two_instructions_of_its_load() -> None:
    for dots in ALL:
        if dots.holes and dots.stay:
            continue  # a wait here and there, instead of the products left out
        for first in (True, False):
            turn = dots._loop(first)
            for at, line in enumerate(twice := turn + turn):
                loaded = re.match(r"mula.*\.ldinc (m\d)", line)
                if loaded and at < len(turn):
                    for later in twice[at + 1 : at + 3]:
                        assert loaded[1] not in re.sub(r"ldinc m\d", "", later), (dots, line, later)


@pytest.mark.parametrize("taps", [4, 8, 12, 16, 20, 36, 40, 72, 76, 144, 200, 288])
def test_the_portable_fallback_gives_the_same_sums(taps: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(taps)
    for dots, count in ((dots_of(taps, taps), 5), (dots_of(taps, 4, begun=True), 3)):
        first = 77 if dots.begun else 0
        x = rng.integers(-12750, 12751, dots.step * 2 * count + dots.taps + 4)
        w = rng.integers(-9000, 9001, (2, dots.taps))
        at = np.arange(2 * count)[:, None] * dots.step + np.arange(dots.taps)
        wanted = (first + (x[at].reshape(2, count, -1) * w[:, None]).sum(axis=2)).ravel()
        assert sums_in_c(dots, x, w[:, dots.order], first, count, tmp_path) == wanted.astype(np.int32).tolist()


def sums_in_c(dots: Dots, x: np.ndarray, w: np.ndarray, first: int, count: int, folder: Path) -> list[int]:
    x_, w_ = (",".join(map(str, values.ravel().tolist())) for values in (x, w))
    (folder / "dots.c").write_text(
        f"""#include <stdio.h>
#include <stdint.h>
{needed_helpers([dots.helper], {})}
static const int16_t x[] = {{{x_}}}, w[] = {{{w_}}};
int main(void) {{
  int32_t sums[{2 * count}];
  {dots.helper.name}(x, w, {first}, sums, {count}, 2);
  for (int i = 0; i < {2 * count}; ++i) printf("%d\\n", (int)sums[i]);
}}
"""
    )
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-o", "dots"]
    subprocess.run(["gcc", *flags, "dots.c"], cwd=folder, check=True)
    said = subprocess.run(["./dots"], cwd=folder, check=True, capture_output=True, text=True).stdout
    return [int(line) for line in said.split()]
