"""Convolutions of every kind: which kernels there are, and the walk down a whole image with the one that was chosen.

Kernels work row by row on a window of padded rows (window.py) and end with bytes (fast_requant.py).
"""

from dataclasses import replace

from edgekit.compile.codegen import Kernel, Site, indent
from edgekit.compile.convolutions.by_channel import ByChannel
from edgekit.compile.convolutions.by_tile import ByTile
from edgekit.compile.convolutions.depthwise import Depthwise
from edgekit.compile.convolutions.direct import Direct
from edgekit.compile.convolutions.mac16_dense import Mac16Dense
from edgekit.compile.convolutions.mac16_depthwise import Mac16Depthwise
from edgekit.compile.convolutions.mac16_pointwise import Mac16Pointwise
from edgekit.compile.convolutions.one_channel import OneChannel
from edgekit.compile.convolutions.packed import Packed
from edgekit.compile.convolutions.protocol import Convolution, ConvolutionKernel
from edgekit.compile.convolutions.window import Window
from edgekit.compile.convolutions.winograd import Winograd
from edgekit.compile.cost import Cost
from edgekit.compile.options import CompileOptions
from edgekit.compile.row_streaming import RowLayout, RowsInMemory, StreamedOperator

# The first of those that cost the same is taken.
KERNELS: tuple[type[ConvolutionKernel], ...] = (
    Direct,
    Packed,
    Depthwise,
    OneChannel,
    Winograd,
    ByChannel,
    ByTile,
    Mac16Pointwise,
    Mac16Depthwise,
    Mac16Dense,
)


def kernel_of(op: Convolution) -> ConvolutionKernel:
    """The kernel that was selected; before that, the one that serves whatever convolution it is."""
    return op.kernel or (Depthwise() if Depthwise.fits(op) else Direct())


def cost_of(op: Convolution, options: CompileOptions) -> Cost:
    """What the operator takes with its kernel, and its weights where they are."""
    cost = kernel_of(op).cost(op, options)
    return cost.in_ram if op.in_ram else cost


def described(op: Convolution) -> str:
    """The operator's kernel in words, and where its weights are."""
    return kernel_of(op).describe(op) + (", weights in RAM" if op.in_ram else "")


def geometry(op: Convolution) -> Window:
    """The window of the operator's kernel."""
    return kernel_of(op).geometry(op)


def whole_image(op: Convolution, site: Site) -> Kernel:
    """The C of one convolution over its whole image."""
    window = geometry(op)
    site = replace(site, output_row=op.output.size // op.pooled[0])
    rows = kernel_of(op).emit(op, site)
    helpers = rows.helpers
    to = f"output + y * {window.made * site.output_row}"
    if window.gathers(external=bool(site.input_flips[0])):
        work = _step(op, site, RowsInMemory("input", RowLayout(window.image_row)), to, "scratch", "y")
        helpers = (*helpers, "gather_rows")
    else:
        work = _call(op, site, f"input + y * {window.step * window.image_row}", to, "scratch", "y")
    scratch = ", uint8_t *scratch" if site.has_scratch else ""
    walk = f"""static void {site.name}(const uint8_t *input, uint8_t *output{scratch}) {{
  for (int32_t y = 0; y < {window.steps}; ++y) {{
{indent(work, 4)}
  }}
}}
"""
    return Kernel(helpers, rows.constants, f"{rows.function}\n{walk}")


def streamed(op: Convolution, streamed: StreamedOperator, y: str) -> tuple[Kernel, str]:
    """The functions of a streamed convolution, and the C of its step `y`."""
    (image,), window = streamed.inputs, geometry(op)
    site = replace(streamed.site, output_row=streamed.output.layout.row)
    rows = kernel_of(op).emit(op, site)
    to = streamed.output.at(y if window.made == 1 else f"{y} * {window.made}")
    if not streamed.copies:
        return rows, _call(op, site, image.padded(f"({window.first_row(y)})"), to, streamed.scratch, y)
    work = _step(op, site, image, to, streamed.scratch, y)
    return replace(rows, helpers=(*rows.helpers, "gather_rows")), work


def _step(op: Convolution, site: Site, image: RowsInMemory, to: str, scratch: str, y: str) -> str:
    """C of step `y`: gathers the rows under it and works on them."""
    window = geometry(op)
    gather = window.gather(scratch, image, y, site.input_flips[0])
    return f"{gather}\n{_call(op, site, scratch, to, f'{scratch} + {window.size}', y)}"


def _call(op: Convolution, site: Site, rows: str, to: str, extra: str, y: str) -> str:
    window = geometry(op)
    arguments = [rows, to]
    if window.extra_bytes:
        arguments.append(f"(uint32_t *)(void *)({extra})")
    if window.made > 1:
        rest = op.pooled[0] % window.made
        arguments.append(f"{y} < {window.steps - 1} ? {window.made} : {rest}" if rest else str(window.made))
    return f"{site.name}_rows({', '.join(arguments)});"


def scratch_bytes(op: Convolution, external: bool) -> int:
    """Room for the window and for what the kernel needs besides."""
    window = geometry(op)
    return window.scratch_bytes(window.gathers(external))


def inplace_offset(op: Convolution) -> int | None:
    """The rows of one step may overwrite all image rows in front of those that the next step starts with."""
    window = geometry(op)
    if not window.gathers(external=False) and not window.reads_first:
        return None
    row = op.output.size // op.pooled[0]
    rest = [
        (y + 1) * window.made * row - max(0, (y + 1) * window.step - window.top) * window.image_row
        for y in range(window.steps - 1)
    ]
    return max(0, *rest) if rest else 0


def row_schedule(op: Convolution) -> Window | None:
    """How it goes down its image; None for a fully connected layer, which reads an image as one run of bytes."""
    return geometry(op) if op.input.shape == (1, *op.image) and len(op.output.shape) == 4 else None
