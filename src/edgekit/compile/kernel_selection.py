"""Graph -> graph: every convolution with the kernel that pays, by estimates of its cycles and its bytes of flash.

The rule. Optimizing for size takes the candidate with the least bytes^2 * cycles: one of half the bytes may take up to
four times the cycles. Optimizing for speed takes the least bytes * cycles^4. Cycles are those at the flash mode.

Where RAM is to spare, weights are kept there, those first that save most cycles for a byte.
"""

from dataclasses import dataclass, replace

from edgekit.compile.convolutions import KERNELS
from edgekit.compile.convolutions.protocol import Convolution, ConvolutionKernel
from edgekit.compile.estimate import cycles_alone
from edgekit.compile.ir import Graph
from edgekit.compile.options import CompileOptions


@dataclass(frozen=True, slots=True)
class _Choice:
    """A kernel with its weights in flash or in RAM: `price` is what the rule says of it."""

    kernel: ConvolutionKernel
    in_ram: bool
    ram_bytes: int
    cycles: float
    price: float


def select_kernels(
    graph: Graph, options: CompileOptions, ram_bytes: int = 0, scratch_below: int | None = None
) -> Graph:
    """The graph with a kernel for each of its convolutions.

    Args:
        ram_bytes: that weights may take.
        scratch_below: bytes of which a kernel's memory keeps short, where there is such a kernel.
    """
    choices = {i: _choices(op, options, scratch_below) for i, op in enumerate(graph.ops) if isinstance(op, Convolution)}
    chosen = {i: min((one for one in all_ if not one.in_ram), key=_price) for i, all_ in choices.items()}
    if ram_bytes > 0:
        _keep_in_ram(chosen, choices, ram_bytes, everything=options.weights == "ram")
    ops = (
        replace(op, kernel=chosen[i].kernel, in_ram=chosen[i].in_ram) if isinstance(op, Convolution) else op
        for i, op in enumerate(graph.ops)
    )
    return replace(graph, ops=tuple(ops))


def most_scratch(graph: Graph) -> int:
    """Bytes of the largest memory that a selected kernel takes besides images; 0 where there is no convolution."""
    kernels = ((op, op.kernel) for op in graph.ops if isinstance(op, Convolution))
    return max((_scratch(op, kernel) for op, kernel in kernels if kernel is not None), default=0)


def _scratch(op: Convolution, kernel: ConvolutionKernel) -> int:
    window = kernel.geometry(op)
    return window.size + window.extra_bytes


def _choices(op: Convolution, options: CompileOptions, scratch_below: int | None) -> list[_Choice]:
    bytes_, cycles = (2.0, 1.0) if options.optimize == "size" else (1.0, 4.0)
    found, kernels = [], [kernel for kind in KERNELS for kernel in kind.candidates(op, options)]
    if scratch_below is not None:
        least = min(_scratch(op, kernel) for kernel in kernels)
        kernels = [kernel for kernel in kernels if _scratch(op, kernel) < max(scratch_below, least + 1)]
    for kernel in kernels:
        in_flash = kernel.cost(op, options)
        for cost in (in_flash, in_flash.in_ram):
            spent = cycles_alone(cost, options)
            price = float(cost.flash_bytes**bytes_ * spent**cycles)
            found.append(_Choice(kernel, cost is not in_flash, cost.ram_bytes, spent, price))
    return found


def _keep_in_ram(
    chosen: dict[int, _Choice], choices: dict[int, list[_Choice]], ram_bytes: int, everything: bool
) -> None:
    """Changes `chosen` to what saves most cycles a byte, as long as there is room, and the rule agrees.

    Args:
        everything: every layer's weights, whatever they save.
    """

    def saved(i: int, one: _Choice) -> float:
        return (chosen[i].cycles - one.cycles) / max(1, one.ram_bytes)

    better = [
        (i, one) for i, all_ in choices.items() for one in all_
        if one.in_ram and (everything or (one.price < chosen[i].price and saved(i, one) > 0))
    ]  # fmt: skip
    for i, one in sorted(better, key=lambda pair: -saved(*pair)):
        now = chosen[i]
        if one.ram_bytes - now.ram_bytes <= ram_bytes and (one.price < now.price or not now.in_ram):
            ram_bytes -= one.ram_bytes - now.ram_bytes
            chosen[i] = one


def _price(choice: _Choice) -> float:
    return choice.price
