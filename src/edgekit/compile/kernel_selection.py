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


def select_kernels(graph: Graph, options: CompileOptions, ram_bytes: int = 0) -> Graph:
    """The graph with a kernel for each of its convolutions.

    Args:
        ram_bytes: that weights may take.
    """
    choices = {i: _choices(op, options) for i, op in enumerate(graph.ops) if isinstance(op, Convolution)}
    chosen = {i: min((one for one in all_ if not one.in_ram), key=_price) for i, all_ in choices.items()}
    if ram_bytes > 0:
        _keep_in_ram(chosen, choices, ram_bytes, everything=options.weights == "ram")
    ops = (
        replace(op, kernel=chosen[i].kernel, in_ram=chosen[i].in_ram) if isinstance(op, Convolution) else op
        for i, op in enumerate(graph.ops)
    )
    return replace(graph, ops=tuple(ops))


def _choices(op: Convolution, options: CompileOptions) -> list[_Choice]:
    bytes_, cycles = (2.0, 1.0) if options.optimize == "size" else (1.0, 4.0)
    found = []
    for kernel in (kernel for kind in KERNELS for kernel in kind.candidates(op, options)):
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
