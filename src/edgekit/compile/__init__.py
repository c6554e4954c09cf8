"""int8 .tflite -> plain integer C whose outputs are those of TensorFlow Lite Micro, byte for byte.

    .tflite -> read_graph -> fuse_pad -> fuse_pool -> select_kernels -> plan -> emit -> C

What an operator is read from, becomes and needs stands in one file of ops/.
numpy only, besides a flatbuffer schema (edgekit.tflite.schema).
"""

from dataclasses import replace
from pathlib import Path

from edgekit.boards.board import ESP32
from edgekit.compile.compiled import Compiled
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.emit import emit
from edgekit.compile.ir import Graph
from edgekit.compile.kernel_selection import select_kernels
from edgekit.compile.options import CompileOptions
from edgekit.compile.passes.fuse_pad import fuse_pad
from edgekit.compile.passes.fuse_pool import fuse_pool
from edgekit.compile.plan import plan
from edgekit.compile.reader import read_graph, supported_ops

_WORTH = 0.01  # share of the cycles that weights in RAM must save

__all__ = ["CompileOptions", "Compiled", "compile_model", "supported_ops"]


def compile_model(model: bytes | str | Path, options: CompileOptions | None = None) -> Compiled:
    """Compiles a model to C99 without heap, and without library functions besides memcpy.

    Args:
        model: an int8 .tflite, its bytes or its path.
        options: what to compile for; a small generic program called `model` if left out.

    Raises:
        EdgekitError: the model cannot be compiled; the message names the operator or tensor.
    """
    options = options or CompileOptions()
    graph = read_graph(model if isinstance(model, bytes) else Path(model))
    graph = fuse_pool(fuse_pad(graph))
    made = _emitted(graph, options)
    if options.optimize == "size":
        return made
    # Chosen one by one, the fastest kernels may need so much more flash that all together are slower.
    small = _emitted(graph, replace(options, optimize="size"))
    return made if sum(made.estimate.cycles) <= sum(small.estimate.cycles) else replace(small, options=options)


def _emitted(graph: Graph, options: CompileOptions) -> Compiled:
    """With the kernels that pay, and what weights the options want in RAM as far as the limit allows."""

    def with_ram_for(weights_bytes: int) -> Compiled:
        selected = select_kernels(graph, options, weights_bytes)
        return emit(selected, plan(selected), options)

    in_flash = with_ram_for(0)
    if not options.may_use_ram:
        return in_flash
    limit = ESP32.room.arena_bytes if options.max_ram is None else options.max_ram
    spare, kept = limit - in_flash.caller_ram_bytes, in_flash
    while spare > 0:
        tried = with_ram_for(spare)
        if tried.caller_ram_bytes <= limit:
            kept = tried
            break
        spare -= tried.caller_ram_bytes - limit  # the kernels that were chosen with it need more arena, too
    if options.weights == "ram":
        return replace(kept, notes=_left_in_flash(kept, limit))
    return kept if sum(kept.estimate.cycles) <= (1 - _WORTH) * sum(in_flash.estimate.cycles) else in_flash


def _left_in_flash(compiled: Compiled, limit: int) -> tuple[str, ...]:
    """What to tell whoever wanted all weights in RAM."""
    left = [op.label for op in compiled.graph.ops if isinstance(op, Convolution) and not op.in_ram]
    if not left:
        return ()
    return (
        f"Weights stay in flash for want of RAM: {limit:,} bytes are allowed, and {compiled.caller_ram_bytes:,} are "
        f"used without those of {', '.join(left)}.",
    )
