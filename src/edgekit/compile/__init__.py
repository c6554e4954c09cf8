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
from edgekit.compile.kernel_selection import most_scratch, select_kernels
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
    wanted = _emitted(graph, options)
    made = _within_limit(wanted, graph, options)
    if options.optimize == "speed":
        # Chosen one by one, the fastest kernels may need so much more flash that all together are slower.
        for_size = replace(options, optimize="size")
        small = replace(_within_limit(_emitted(graph, for_size), graph, for_size), options=options)
        made = min(made, small, key=lambda one: (_over(one), sum(one.estimate.cycles)))
    if not _over(wanted):
        return made
    slower = f"Kernels that need less RAM were taken, and may be slower: {options.max_ram:,} bytes are allowed."
    return replace(made, notes=(*made.notes, slower))


def _over(compiled: Compiled) -> int:
    """Bytes of RAM beyond the limit that was asked for."""
    limit = compiled.options.max_ram
    return 0 if limit is None else max(0, compiled.program.ram_bytes - limit)


def _within_limit(made: Compiled, graph: Graph, options: CompileOptions) -> Compiled:
    """With kernels whose scratch memory keeps the program below the limit; where none do, with the least of it."""
    while _over(made) and (scratch := most_scratch(made.graph)):
        less = _emitted(graph, options, scratch_below=scratch)
        if most_scratch(less.graph) >= scratch:
            break
        made = less
    return made


def _emitted(graph: Graph, options: CompileOptions, scratch_below: int | None = None) -> Compiled:
    """With the kernels that pay, and what weights the options want in RAM as far as the limit allows: that which was
    asked for holds inputs and outputs beside the arena, the board's own does not."""

    def with_ram_for(weights_bytes: int) -> Compiled:
        selected = select_kernels(graph, options, weights_bytes, scratch_below)
        return emit(selected, plan(selected), options)

    def used(compiled: Compiled) -> int:
        return compiled.caller_ram_bytes if options.max_ram is None else compiled.program.ram_bytes

    in_flash = with_ram_for(0)
    if not options.may_use_ram:
        return in_flash
    limit = ESP32.room.arena_bytes if options.max_ram is None else options.max_ram
    spare, kept = limit - used(in_flash), in_flash
    while spare > 0:
        tried = with_ram_for(spare)
        if used(tried) <= limit:
            kept = tried
            break
        spare -= used(tried) - limit  # the kernels that were chosen with it need more arena, too
    if options.weights == "ram":
        return replace(kept, notes=_left_in_flash(kept, limit, used(kept)))
    return kept if sum(kept.estimate.cycles) <= (1 - _WORTH) * sum(in_flash.estimate.cycles) else in_flash


def _left_in_flash(compiled: Compiled, limit: int, used: int) -> tuple[str, ...]:
    """What to tell whoever wanted all weights in RAM."""
    left = [op.label for op in compiled.graph.ops if isinstance(op, Convolution) and not op.in_ram]
    if not left:
        return ()
    return (
        f"Weights stay in flash for want of RAM: {limit:,} bytes are allowed, and {used:,} are used "
        f"without those of {', '.join(left)}.",
    )
