"""What a compiled program costs, layer by layer, as a table and in words.

In: a `Program`. Out: a `Table`, sentences.
"""

from collections.abc import Sequence

from edgekit.report.document import Cell, Column, Row, Table
from edgekit.report.tables import count
from edgekit.values.program import Estimate, Program

MACS, MS = "multiply-accumulates", "ms"
_BAR_COLUMNS = 8


def costs_of(program: Program) -> tuple[str, Sequence[float]]:
    """What of is shown first, in words, and how much of it each layer took: measured or estimated time where there is
    any, else instructions."""
    if program.us is not None:
        return "µs", program.us
    if program.estimate is not None:
        return MS, program.estimate.layers_ms
    if program.instructions is not None:
        return "instructions", program.instructions
    return MACS, [layer.macs for layer in program.layers]


def estimated(estimate: Estimate, *, beside_a_chip: bool = False) -> str:
    """What a run takes, in words that claim no more than is known. `beside_a_chip`: a chip's own time is told, too."""
    low, high = estimate.range_ms
    return (
        f"{estimate.total_ms:,.1f} ms estimated on one core of a {estimate.board} at {estimate.clock_hz / 1e6:.0f} MHz "
        f"with its flash at {estimate.flash_title} ({sum(estimate.cycles) / 1e6:,.2f} million cycles, "
        f"{sum(estimate.flash_misses):,} lines read from flash). {'' if beside_a_chip else 'No chip has run it: '}"
        f"{low:,.1f} to {high:,.1f} ms are likely."
    )


def layers_table(program: Program, *, drawn: bool = False, notes: tuple[str, ...] = ()) -> Table:
    """The layers of a program: what each costs, and where its output begins where that was not measured.

    Args:
        drawn: with the costs as bars of characters, for where no chart stands beside the table.
    """
    what, costs = costs_of(program)
    measured = program.us is not None or program.instructions is not None
    total, most = sum(costs) or 1, max(costs, default=0) or 1
    beside = _beside(program, what)
    columns = [
        Column("layer", "left"),
        Column("kernel", "left", optional=True),
        Column("MACs"),
        Column("arena in use, bytes", short="" if beside else "live", optional=bool(beside)),
        Column("constants, bytes", short="" if beside else "weights", optional=bool(beside)),
    ]
    if what != MACS:
        share = Column("a MAC" if what == "instructions" else "share")
        columns[2:2] = [Column(what), share, *(Column(heading) for heading in beside)]
    if not measured:
        columns.append(Column("output at"))
    elif drawn:
        columns.append(Column("", "left"))
    rows: list[Row] = []
    for step, (layer, cost) in enumerate(zip(program.layers, costs, strict=True)):
        cells: list[Cell | str | None] = [*map(count, (layer.macs, layer.bytes, layer.weight_bytes))]
        if what == "instructions":
            each = cost / layer.macs if layer.macs else None
            cells[:0] = [count(int(cost)), None if each is None else Cell(f"{each:.2f}", value=each)]
        elif what != MACS:
            cells[:0] = [Cell(f"{cost:,.{2 if what == MS else 1}f}", value=cost)]
            cells[1:1] = [Cell(f"{cost / total:.1%}", value=cost / total), *(row[step] for row in beside.values())]
        if not measured:
            cells.append(layer.place)
        cells += ["█" * round(_BAR_COLUMNS * cost / most)] if measured and drawn else []
        rows.append((Cell(f"{step} {layer.op}", value=layer.name), layer.kernel, *cells))
    said = "Output at: its address in the arena; rows: so many live at once, because its operator is streamed."
    ms = (f"{MS}: estimated, not timed.",) if program.estimate else ()
    about = ms if measured else (*ms, said)
    return Table("Layers of the compiled C", tuple(columns), tuple(rows), (*about, *notes))


def _beside(program: Program, what: str) -> dict[str, list[Cell]]:
    """More columns of costs beside `what`, by heading: what was counted beside an estimate, an estimate beside what was
    measured."""
    beside: dict[str, list[Cell]] = {}
    if program.estimate is not None and what == "µs":
        beside[MS] = [Cell(f"{ms:,.2f}", value=ms) for ms in program.estimate.layers_ms]
    if program.estimate is not None and what == MS and program.instructions is not None:
        beside["instructions"] = [count(spent) for spent in program.instructions]
        beside["flash misses"] = [count(misses) for misses in program.estimate.flash_misses]
    return beside
