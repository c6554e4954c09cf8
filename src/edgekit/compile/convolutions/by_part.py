"""One output channel at a time, in one part or in two that both cores of an ESP32 work out side by side.

What by_channel.py and by_tile.py share: where a part begins and ends, and the C around the work on one channel.
"""

from collections.abc import Sequence

from edgekit.compile.codegen import Site, indent
from edgekit.compile.ir import Convolution
from edgekit.compile.options import CompileOptions


def parts_for(op: Convolution, options: CompileOptions) -> int:
    """Two where there are two cores, and channels to share."""
    return 2 if options.target == "esp32" and op.result[2] > 1 else 1


def part_function(
    op: Convolution,
    site: Site,
    parts: int,
    part_bytes: int,
    weights: tuple[str, Sequence[int]],
    memory: Sequence[str],
    work: Sequence[str],
) -> str:
    """C of `{name}_part`, which works out a share of the output channels of one step.

    Args:
        part_bytes: memory of each part, to which `room` points.
        weights: their type in C, and where each channel's begin in `{name}_weights`.
        memory: C that divides `room`.
        work: C for one channel, given `from` (weights, which it moves on), `to` and `to_channel` (output).
    """
    out = op.result[2]
    half = -(-out // parts)
    both = parts > 1
    c_type, starts = weights
    first = f"part * {half}" if both else "0"
    last = f"{out} - (1 - part) * {out - half}" if both else str(out)
    lines = [
        "const work *const job = (const work *)what;",
        *([] if both else ["(void)part;"]),
        f"uint8_t *const room = job->room{f' + part * {part_bytes}' if both else ''};",
        *memory,
        f"const {c_type} *from = {site.name}_weights{f' + part * {starts[half]}' if both else ''};",
        f"const channel *to = {site.name}_channels + {first};",
        f"uint8_t *to_channel = job->output + {first};",
        f"for (int32_t c = {first}; c < {last}; ++c, ++to, ++to_channel) {{",
        indent("\n".join(work), 2),
        "}",
    ]
    return f"""static EDGEKIT_APART void {site.name}_part(const void *what, int32_t part) {{
{indent(chr(10).join(lines), 2)}
}}
"""


def run_parts(site: Site, parts: int) -> str:
    """C that works out all of a step's parts, which find what they need in `job`."""
    return f"both({site.name}_part, &job);" if parts > 1 else f"{site.name}_part(&job, 0);"


def helpers_for(parts: int) -> tuple[str, ...]:
    """The helpers that `part_function` and `run_parts` need."""
    return ("channel", "work", "both") if parts > 1 else ("channel", "work")
