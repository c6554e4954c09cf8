"""Damaged files through every loader; the same code runs by the thousand in tools/fuzz_loaders."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgekit.errors import EdgekitError
from edgekit.testing.fuzz import fuzz, outcome, outcomes
from edgekit.testing.loaders import LOADERS, Loader
from edgekit.testing.mutants import json_text

MUTATIONS = {"tflite (compile)": 1000, "tflite (TFLM)": 20, "tflite (LiteRT)": 20}  # 60 of the others


@pytest.mark.parametrize("name", LOADERS)
def test_a_damaged_file_is_accepted_or_refused_in_a_line_that_names_it(name: str) -> None:
    count = MUTATIONS.get(name, 60)
    tally = fuzz(name, count, seed=1)
    assert tally.faults == {}
    assert tally.refused + tally.accepted == count
    assert min(tally.refused, tally.accepted) > 0  # neither nonsense nor whole files alone


def raising(error: BaseException) -> Callable[[Path], None]:
    def read(_: Path) -> None:
        raise error

    return read


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (EdgekitError("/in/a.json is damaged.", "Copy it again."), "refused"),
        (EdgekitError("It is damaged.", "Copy it again."), "refused without the file's name"),
        (EdgekitError("/in/a.json is damaged."), "refused in many lines or without a hint"),
        (EdgekitError("/in/a.json\nis damaged.", "Copy it again."), "refused in many lines or without a hint"),
        (RecursionError("too deep"), "traceback: RecursionError: too deep at test_fuzz.py:"),
        (SystemExit(3), "traceback: SystemExit"),
    ],
)
def test_only_a_line_that_names_the_file_with_a_hint_counts_as_a_refusal(error: BaseException, found: str) -> None:
    assert outcome(Loader("a.json", list, json_text, raising(error)), Path("/in/a.json")).startswith(found)


@pytest.mark.parametrize(
    ("ends", "fault"),
    [
        ("os.abort()", "crashes: the process ended with -6"),
        ("os._exit(0)", "crashes: the process ended with 0"),
        ("time.sleep(60)", "hangs: no end after 0.2 s"),
    ],
)
def test_a_process_that_ends_or_hangs_is_a_fault_of_the_mutation_at_hand(ends: str, fault: str) -> None:
    command = (sys.executable, "-P", "-c", f"import os, time; print('ready\\naccepted\\nrefused', flush=True); {ends}")
    *before, (number, found) = outcomes(command, 10, 20, limit_s=0.2)
    assert before == [(10, "accepted"), (11, "refused")]
    assert (number, found[: len(fault)]) == (12, fault)


def test_whole_files_that_a_loader_refuses_end_the_fuzzing() -> None:
    with pytest.raises(RuntimeError, match="KeyError: 'no such loader'"):
        fuzz("no such loader", 3)
