"""The flash cache as the estimate sees it is the one of the chip, line by line."""

from collections import OrderedDict

import pytest

from edgekit.boards.board import ESP32

CACHE = ESP32.costs.cache


def evicted(lines: int) -> float:
    """Share of the lines that miss when a program goes round them for the second time; sets are filled in turn."""
    sets = CACHE.size_bytes // CACHE.line_bytes // CACHE.ways
    cache = [OrderedDict[int, None]() for _ in range(sets)]
    misses = 0
    for turn in range(2):
        for line in range(lines):
            one = cache[line % sets]
            misses += turn and line not in one
            one[line] = None
            one.move_to_end(line)
            if len(one) > CACHE.ways:
                one.popitem(last=False)
    return misses / lines


@pytest.mark.parametrize("lines", [1, 500, 1024, 1025, 1100, 1400, 1535, 1536, 1537, 4000])
def test_what_a_loop_evicts_is_what_a_simulated_cache_evicts(lines: int) -> None:
    assert CACHE.evicted_share(lines) == pytest.approx(evicted(lines))
