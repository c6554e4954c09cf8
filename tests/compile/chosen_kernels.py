"""Models whose convolutions have kernels of one's choice, with every plan that there is, beside TFLM."""

from dataclasses import replace
from pathlib import Path

from edgekit.compile import CompileOptions
from edgekit.compile.convolutions.protocol import Convolution, ConvolutionKernel
from edgekit.compile.emit import emit
from edgekit.compile.ops import row_schedule
from edgekit.compile.passes.fuse_pool import fuse_pool
from edgekit.compile.plan import laid_out, plan
from edgekit.compile.reader import read_graph
from edgekit.compile.row_streaming import streams
from edgekit.errors import EdgekitError
from edgekit.testing import exactness
from edgekit.testing.exactness import Case

ESP32 = CompileOptions(target="esp32")


def with_kernels(content: bytes, seed: int, *kinds: type[ConvolutionKernel]) -> Case | None:
    """The model with such a kernel wherever one serves; None where none does."""
    try:
        graph = fuse_pool(read_graph(content))
    except EdgekitError:  # TFLM's arithmetic would overflow
        return None
    found = [
        [kernel for kind in kinds for kernel in kind.candidates(op, ESP32)] if isinstance(op, Convolution) else []
        for op in graph.ops
    ]
    ops = (
        replace(op, kernel=some[seed % len(some)]) if some else op for op, some in zip(graph.ops, found, strict=True)
    )
    return Case(seed, content, replace(graph, ops=tuple(ops))) if any(found) else None


def differing(cases: list[Case], folder: Path, streamed: bool = False) -> list[int]:
    """Seeds of the models whose outputs are not TFLM's; `streamed`: with as many operators streamed as can be."""
    files = []
    for index, (_, _, graph) in enumerate(cases):
        stream = list(streams(graph, row_schedule))[-1:] if streamed else []
        chosen = laid_out(graph, stream[0]) if stream else plan(graph)
        files.append(emit(graph, chosen, CompileOptions(f"m{index}")).files)
    return exactness.differing(cases, files, folder)
