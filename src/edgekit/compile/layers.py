"""A compiled model, layer by layer, for people and scripts: what it multiplies, what it weighs, what it keeps alive.

In: `Compiled`. Out: `Layer`s and a drawing of the arena over time; a model that does not fit is refused here.
"""

from edgekit.boards.toolchains import LX106, Sizes
from edgekit.compile.compiled import Compiled
from edgekit.compile.ir import Tensor
from edgekit.compile.ops import operator_of
from edgekit.compile.plan import Plan
from edgekit.errors import EdgekitError
from edgekit.values.program import Layer


def layers_of(compiled: Compiled) -> tuple[Layer, ...]:
    """The program's steps, in their order."""
    return tuple(
        Layer(
            op.label,
            " + ".join(origin.code for origin in op.origins),
            operator_of(op).describe(op),
            operator_of(op).macs(op),
            step.live_bytes,
            step.scratch_bytes,
            sum(constant.size_bytes for constant in constants),
            _where(compiled.plan, op.output),
        )
        for op, step, constants in zip(compiled.graph.ops, compiled.plan.steps, compiled.constants, strict=True)
    )


def ram_bytes(compiled: Compiled) -> int:
    """Arena, input and output: all the memory that a caller provides."""
    return compiled.plan.arena_bytes + compiled.graph.input.size + compiled.graph.output.size


def check_ram(compiled: Compiled, most_bytes: int) -> None:
    """Refuses a model whose arena, input and output exceed `most_bytes`.

    Raises:
        EdgekitError: names the layer where the peak is, and by how many bytes it is over.
    """
    needed = ram_bytes(compiled)
    if needed <= most_bytes:
        return
    ends = compiled.graph.input.size + compiled.graph.output.size
    peak = max(layers_of(compiled), key=lambda layer: layer.bytes, default=None)
    where = f" The peak is at {peak.name}: {peak.bytes:,} bytes live." if peak else ""
    raise EdgekitError(
        f"The model needs {needed:,} bytes of RAM ({compiled.plan.arena_bytes:,} of arena, {ends:,} of input and "
        f"output), {needed - most_bytes:,} more than the {most_bytes:,} allowed.{where}",
        _hint(compiled, "use fewer channels in that layer or a smaller image", "--max-ram"),
    )


def check_flash(compiled: Compiled, sizes: Sizes | None, most_bytes: int) -> None:
    """Refuses a model whose code and constants exceed `most_bytes`.

    Raises:
        EdgekitError: names the heaviest layer, and by how many bytes the model is over; or the sizes are None, for want
            of a cross compiler.
    """
    if sizes is None:
        raise EdgekitError(
            "Flash cannot be measured: the cross compiler is not installed.",
            f"On Debian or Ubuntu: apt-get install --no-install-recommends {LX106.packages}",
        )
    needed = sizes.code_bytes + sizes.constant_bytes
    if needed <= most_bytes:
        return
    heaviest = max(layers_of(compiled), key=lambda layer: layer.weight_bytes, default=None)
    where = f" The heaviest layer is {heaviest.name}: {heaviest.weight_bytes:,} bytes." if heaviest else ""
    raise EdgekitError(
        f"The model needs {needed:,} bytes of flash ({sizes.code_bytes:,} of code, {sizes.constant_bytes:,} of "
        f"constants), {needed - most_bytes:,} more than the {most_bytes:,} allowed.{where}",
        _hint(compiled, "use fewer channels in that layer", "--max-flash"),
    )


def _hint(compiled: Compiled, fewer: str, limit: str) -> str:
    """What to do about a model that is too large: first what was asked for and costs memory."""
    ways = [
        *(["compile with --optimize size"] if compiled.options.optimize == "speed" else []),
        *(["compile with --target generic"] if compiled.options.target == "esp32" else []),
        fewer,
    ]
    said = f"{', '.join(ways)}, or allow more with {limit}."
    return said[0].upper() + said[1:]


def drawing(compiled: Compiled, columns: int = 64) -> str:
    """The arena over time: a line a step, from its first byte to its last. `#` is an activation, `-` scratch rows,
    `=` where an activation overwrites one that has been read."""
    arena = compiled.plan.arena_bytes
    if not arena:
        return "The model needs no arena."
    digits = len(str(len(compiled.plan.steps) - 1))
    lines = [f"{'':{digits}} 0{f'{arena:,} bytes':>{columns + 1}}"]
    for step in range(len(compiled.plan.steps)):
        cells = [" "] * columns
        for span in compiled.plan.spans:
            if span.first <= step <= span.last:
                first = span.offset * columns // arena
                end = max(first + 1, -(-(span.offset + span.size) * columns // arena))
                for cell in range(first, end):
                    mark = "-" if span.scratch else "#"
                    cells[cell] = mark if cells[cell] == " " else "=" if "-" not in (mark, cells[cell]) else cells[cell]
        lines.append(f"{step:{digits}} |{''.join(cells)}|")
    return "\n".join(lines)


def _where(plan: Plan, tensor: Tensor) -> str:
    place = plan.places[tensor.index]
    if place.region != "arena":
        return place.region
    rows = plan.stream.lines.get(tensor.index) if plan.stream else None
    return f"{place.offset} ({rows} rows)" if rows else str(place.offset)
