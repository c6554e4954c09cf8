"""Compiled C beside TensorFlow Lite Micro on this computer, many models in one program.

In: models, drawn by seed. Out: the seeds of those whose output bytes differ. A test of a new operator draws networks of
it onto a `Builder` (`Random` has the others) and expects `differing_in_any_mode(...)` to be empty.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.ir import Graph
from edgekit.compile.options import Optimize, Target
from edgekit.compile.reader import read_graph
from edgekit.errors import EdgekitError
from edgekit.testing import native_c
from edgekit.testing.rows import bytes_of, random_rows


class Case(NamedTuple):
    """A model, and the seed of its inputs."""

    seed: int
    content: bytes
    graph: Graph


def cases(draw: Callable[[int], bytes], seeds: Iterable[int]) -> list[Case]:
    """The models that these seeds draw, without those whose sums could leave int32 or whose scales TFLM refuses."""
    found = []
    for seed in seeds:
        content = draw(seed)
        try:
            found.append(Case(seed, content, read_graph(content)))
        except EdgekitError as error:
            if not any(limit in error.message for limit in ("32 bits", "out of range", "too far apart")):
                raise
    return found


def differing(
    models: Sequence[Case], files: list[dict[str, str]], folder: Path, flags: tuple[str, ...] = native_c.SANITIZED
) -> list[int]:
    """Seeds of the models whose outputs on three inputs are not TFLM's.

    Args:
        files: of each model, compiled as `m0`, `m1`, ...; of every second one inputs and outputs lie in the arena.
    """
    program = native_c.build(files, folder, flags=flags, sharing=range(1, len(files), 2))
    outputs = native_c.run(program, list(enumerate(inputs_of(models))), [bytes_of(case.graph)[1] for case in models])
    return unlike_tflm(models, outputs)


def inputs_of(models: Sequence[Case]) -> list[NDArray[np.int8]]:
    """int8 [3, input bytes] for each model."""
    return [random_rows(case.graph, case.seed) for case in models]


def unlike_tflm(models: Sequence[Case], outputs: Sequence[NDArray[np.int8]]) -> list[int]:
    """Seeds of the models whose outputs on `inputs_of` are not TFLM's."""
    return [
        case.seed
        for case, inputs, mine in zip(models, inputs_of(models), outputs, strict=True)
        if not np.array_equal(mine, native_c.tflm(case.content, inputs))
    ]


def differing_in_any_mode(models: Sequence[Case], folder: Path) -> list[tuple[str, str, int]]:
    """(optimize, target, seed) of what differs, compiled for both aims and both targets, under the sanitizers."""
    return [
        (optimize, target, seed)
        for optimize, target in product(get_args(Optimize), get_args(Target))
        for seed in differing(
            models,
            [
                compile_model(case.content, CompileOptions(f"m{i}", optimize, target)).files
                for i, case in enumerate(models)
            ],
            folder / f"{optimize}_{target}",
        )
    ]
