"""One output channel at a time, in one part or in two that both cores of an ESP32 work out side by side.

What by_channel.py and by_tile.py share: where a part begins and ends, and the C around the work on one channel.
"""

from collections.abc import Sequence

from edgekit.compile.codegen import Helper, Kernel, Site, rendered
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.convolutions.staircase import Staircase
from edgekit.compile.options import CompileOptions


def parts_for(op: Convolution, options: CompileOptions) -> int:
    """Two where there are two cores, and channels to share."""
    return 2 if options.target == "esp32" and op.result[2] > 1 else 1


def by_part(
    template: str,
    op: Convolution,
    site: Site,
    parts: int,
    steps: Staircase,
    weights: Kernel,
    starts: Sequence[int],
    helpers: Sequence[Helper | str],
    **values: object,
) -> Kernel:
    """A kernel's template, which fills the blocks of by_part.c.jinja.

    Args:
        steps: how sums become bytes.
        weights: their constants, and the C that reads those of one channel.
        starts: where each channel's begin in `{name}_weights`.
        values: what the template needs besides.
    """
    both = parts > 1
    function = rendered(
        template,
        op=op,
        site=site,
        name=site.name,
        out=op.result[2],
        both=both,
        run_parts=f"both({site.name}_part, &job);" if both else f"{site.name}_part(&job, 0);",
        weights=weights,
        starts=starts,
        **values,
    )
    shared = ("work", "both", "staircase") if both else ("work", "staircase")
    constants = (*steps.constants(site.name, site.output_flip), *weights.constants)
    return Kernel((*shared, *helpers, *weights.helpers), constants, function)
