"""Damaged files by the thousand through a loader, in a child process: it may crash or hang, and is then replaced.

In: a loader's name, how many mutations, a seed. Out: a `Tally`. Each mutation follows from the loader, the seed and its
own number, so that one that failed can be made again alone.
"""

import os
import random
import select
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.errors import EdgekitError, in_a_line
from edgekit.executor.child import python

if TYPE_CHECKING:
    from edgekit.testing.loaders import Loader

_LIMIT_S = 90  # of one mutation: a trial in a child process may take 60
_START_S = 300  # of the imports, the whole examples and what is compiled on the first call
_MOST_BYTES = 8 << 30  # of addresses; torch alone takes some
_MOST_FAULTS = 20  # then a loader is given up: each costs a new process
_WORK = "from edgekit.testing.fuzz import work; work()"


@dataclass(slots=True)
class Tally:
    """What became of the mutations. `faults`: the number of each that was neither refused in words nor accepted, and
    what happened."""

    refused: int = 0
    accepted: int = 0
    seconds: float = 0.0
    faults: dict[int, str] = field(default_factory=dict)


def fuzz(loader: str, mutations: int, seed: int = 0, first: int = 0) -> Tally:
    """Reads the mutations `first`, `first` + 1, ... of the loader. RuntimeError: its whole examples are refused."""
    tally, begun, number = Tally(), time.monotonic(), first
    while number < first + mutations and len(tally.faults) < _MOST_FAULTS:
        command = python("-c", _WORK, loader, str(seed), str(number), str(first + mutations))
        for row, found in outcomes(command, number, first + mutations):
            match found:
                case "refused":
                    tally.refused += 1
                case "accepted":
                    tally.accepted += 1
                case fault:
                    tally.faults[row] = fault
            number = row + 1
    tally.seconds = time.monotonic() - begun
    return tally


def outcomes(
    command: Sequence[str | Path], first: int, end: int, *, limit_s: float = _LIMIT_S, start_s: float = _START_S
) -> Iterator[tuple[int, str]]:
    """What a child says of the mutations from `first` to before `end`, a line each after `ready`; ends early with the
    one at which it crashed, or took longer than `limit_s`. RuntimeError: it never was ready."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as said:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, cwd=folder, bufsize=0)
        assert child.stdout is not None
        number, heard, ready = first - 1, b"", False
        try:
            while number < end - 1:
                if not select.select([child.stdout], [], [], limit_s if ready else start_s)[0]:
                    yield number + 1, f"hangs: no end after {limit_s if ready else start_s} s"
                    return
                piece = os.read(child.stdout.fileno(), 65536)
                if not piece:
                    break
                *lines, heard = (heard + piece).split(b"\n")
                for line in lines:
                    if ready:
                        number += 1
                        yield number, line.decode(errors="replace")
                    ready = True
            code = child.wait()
            said.seek(0)
            last_words = in_a_line(said.read()[-400:].decode(errors="replace"))
            if not ready:
                raise RuntimeError(f"{command[-4:]}: {last_words}")
            if number < end - 1:
                yield number + 1, f"crashes: the process ended with {code}: {last_words}"
        finally:
            child.kill()
            child.wait()


def work() -> None:
    """What the child does: reads the whole examples, then a line to stdout for each mutation."""
    loader_name, seed, first, end = sys.argv[1], *map(int, sys.argv[2:])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what native libraries print is no answer
    import resource  # Windows has none

    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    warnings.simplefilter("ignore")
    from edgekit.testing.loaders import LOADERS  # here: it imports torch and all else

    loader = LOADERS[loader_name]
    path, wholes = loader.place(Path.cwd()), loader.wholes()
    for whole in wholes:
        path.write_bytes(whole)
        loader.read(path)
    print("ready", file=answers, flush=True)
    for number in range(first, end):
        rng = random.Random(f"{loader_name} {seed} {number}")
        path.write_bytes(loader.mutate(rng, rng.choice(wholes)))
        print(outcome(loader, path), file=answers, flush=True)


def outcome(loader: "Loader", path: Path) -> str:
    """How the loader takes the file at its path: `accepted`, `refused`, or the fault in words."""
    try:
        loader.read(path)
    except EdgekitError as error:
        _, *listed = error.message.split("\n")  # what is in a compiler's way is a list below its line
        if not all(line.startswith("- ") for line in listed) or not error.hint:
            return f"refused in many lines or without a hint: {error.message!r:.200}"
        named = loader.is_bytes or str(path) in error.message
        return "refused" if named else f"refused without the file's name: {error.message:.200}"
    except BaseException as error:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else ""
        return f"traceback: {type(error).__name__}: {error} at {where}".replace("\n", " ")[:300]
    return "accepted"
