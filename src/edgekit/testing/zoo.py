"""Other people's models: each compiled in every way, run beside TFLM under the sanitizers, its memory beside TFLM's.

In: a .tflite. Out: a `Finding`.
"""

import pickle
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.options import Optimize, Target
from edgekit.errors import EdgekitError
from edgekit.executor.child import python
from edgekit.runtimes.tflm import arena_bytes_apart
from edgekit.testing import native_c
from edgekit.testing.rows import bytes_of, corner_rows

WAYS = tuple(product(get_args(Optimize), get_args(Target)))
_FLAGS = ("-O1", *native_c.SANITIZERS)


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a model.

    Attributes:
        obstacles: why it does not compile; empty where it does.
        differing: those of `WAYS` whose outputs are not TFLM's, in words.
        compared: input sets that were run; 0 where TFLM does not run the model.
        arena_bytes, ends_bytes, kept_bytes: compiled for size: the arena, inputs and outputs beside it as the file has
            them, and what is kept between runs: state, constants in RAM.
        ram_bytes: of what is kept and of an arena that inputs and outputs lie in, as they do in TFLM's (floats beside
            it).
        tflm_bytes: TFLM's arena; None where it does not run the model.
    """

    name: str
    obstacles: str = ""
    differing: tuple[str, ...] = ()
    compared: int = 0
    arena_bytes: int = 0
    ends_bytes: int = 0
    kept_bytes: int = 0
    ram_bytes: int = 0
    tflm_bytes: int | None = None

    @property
    def share(self) -> float | None:
        """RAM as a part of TFLM's arena."""
        return self.ram_bytes / self.tflm_bytes if self.ram_bytes and self.tflm_bytes else None


def examined(path: Path, count: int = 50, seed: int = 0) -> Finding:
    """A model, compiled in each of `WAYS` and compared with TFLM on the corners and on `count` random inputs.

    Of every second one inputs and outputs lie in the arena.
    """
    content = path.read_bytes()
    tflm_bytes = arena_bytes_apart(content) if content[4:8] == b"TFL3" else None
    try:
        compiled = [compile_model(content, CompileOptions(f"m{i}", *way)) for i, way in enumerate(WAYS)]
    except EdgekitError as error:
        return Finding(path.name, str(error), tflm_bytes=tflm_bytes)
    small = compiled[0]
    sizes = (
        small.plan.arena_bytes,
        small.caller_ends_bytes,
        small.graph.state_bytes,
        small.caller_ram_bytes,
        tflm_bytes,
    )
    rows = corner_rows(small.graph, count, seed)
    wanted = tflm_apart(content, rows)
    if wanted is None:
        return Finding(path.name, "", (), 0, *sizes)
    with tempfile.TemporaryDirectory() as folder:
        files = [one.files for one in compiled]
        program = native_c.build(files, Path(folder), flags=_FLAGS, sharing=range(1, len(files), 2))
        jobs = [(i, rows) for i in range(len(WAYS))]
        outputs = native_c.run(program, jobs, [bytes_of(small.graph)[1]] * len(WAYS))
    unlike = [" for ".join(way) for way, mine in zip(WAYS, outputs, strict=True) if not np.array_equal(mine, wanted)]
    return Finding(path.name, "", tuple(unlike), len(rows), *sizes)


def tflm_apart(content: bytes, rows: NDArray[np.int8]) -> NDArray[np.int8] | None:
    """TFLM's outputs from a child process; None where it does not run the model, or ends its process on it."""
    words = python("-c", "from edgekit.testing import zoo; zoo._answer()")
    done = subprocess.run(words, input=pickle.dumps((content, rows)), capture_output=True, check=False)
    return pickle.loads(done.stdout) if done.returncode == 0 else None


def _answer() -> None:
    """What the child does."""
    sys.stdout.buffer.write(pickle.dumps(native_c.tflm(*pickle.load(sys.stdin.buffer))))
