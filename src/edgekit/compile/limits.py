"""What a caller allows: a model that takes more RAM, flash or time is refused, and the layer that matters is named."""

from edgekit.boards.toolchains import LX106, Sizes
from edgekit.compile.compiled import Compiled
from edgekit.errors import EdgekitError
from edgekit.values.program import Program


def check_ram(compiled: Compiled, most_bytes: int) -> None:
    """Refuses a model whose arena, input and output exceed `most_bytes`.

    Raises:
        EdgekitError: names the layer where the peak is, and by how many bytes it is over.
    """
    program = compiled.program
    needed, ends = program.ram_bytes, program.ends_bytes
    if needed <= most_bytes:
        return
    peak = max(program.layers, key=lambda layer: layer.bytes, default=None)
    where = f" The peak is at {peak.name}: {peak.bytes:,} bytes live." if peak else ""
    raise EdgekitError(
        f"The model needs {needed:,} bytes of RAM ({program.arena_bytes:,} of arena, {ends:,} of input and "
        f"output{_kept(program)}), {needed - most_bytes:,} more than the {most_bytes:,} allowed.{where}",
        _hint(compiled, "use fewer channels in that layer or a smaller image", "--max-ram", smaller=False),
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
    heaviest = max(compiled.program.layers, key=lambda layer: layer.weight_bytes, default=None)
    where = f" The heaviest layer is {heaviest.name}: {heaviest.weight_bytes:,} bytes." if heaviest else ""
    raise EdgekitError(
        f"The model needs {needed:,} bytes of flash ({sizes.code_bytes:,} of code, {sizes.constant_bytes:,} of "
        f"constants), {needed - most_bytes:,} more than the {most_bytes:,} allowed.{where}",
        _hint(compiled, "use fewer channels in that layer", "--max-flash"),
    )


def check_time(compiled: Compiled, most_ms: float) -> None:
    """Refuses a model whose run is estimated to take more than `most_ms` on the board.

    Raises:
        EdgekitError: names the slowest layer, and by how many milliseconds the model is over.
    """
    estimate = compiled.estimate
    needed = estimate.total_ms
    if needed <= most_ms:
        return
    ms, slowest = max(zip(estimate.layers_ms, compiled.program.layers, strict=True), key=lambda each: each[0])
    ways = [
        *(["compile with --target esp32"] if compiled.options.target == "generic" else []),
        *(["compile with --optimize speed"] if compiled.options.optimize == "size" else []),
        "use fewer channels in that layer or a smaller image",
    ]
    said = f"{', '.join(ways)}, or allow more with --max-ms."
    raise EdgekitError(
        f"A run takes an estimated {needed:,.1f} ms on a {estimate.board} with its flash at {estimate.flash_title}, "
        f"{needed - most_ms:,.1f} more than the {most_ms:g} allowed. The slowest layer is {slowest.name}: "
        f"{ms:,.1f} ms.",
        said[0].upper() + said[1:],
    )


def _kept(program: Program) -> str:
    return f", {program.ram_constant_bytes:,} of weights" if program.ram_constant_bytes else ""


def _hint(compiled: Compiled, fewer: str, limit: str, smaller: bool = True) -> str:
    """What to do about a model that is too large: first what was asked for and costs memory. `smaller`: the kernels for
    size were not tried."""
    ways = [
        *(["compile with --optimize size"] if smaller and compiled.options.optimize == "speed" else []),
        *(["compile with --target generic"] if compiled.options.target == "esp32" else []),
        fewer,
    ]
    said = f"{', '.join(ways)}, or allow more with {limit}."
    return said[0].upper() + said[1:]
