"""What `edgekit inspect` found in a .tflite, for the terminal.

In: an `Inspection`. Out: parts.
"""

from edgekit.report.document import Bullets, Cell, Column, Facts, Part, Prose, Table
from edgekit.report.tables import count
from edgekit.report.tables_program import MS, estimated
from edgekit.values.inspection import InspectedOperator, InspectedTensor, Inspection

_EXACT = (
    "Every operator that compiles is compared with TensorFlow Lite Micro byte by byte in edgekit's tests, on random "
    "models, for size and speed and both targets. This file: tools/compile_zoo FOLDER compares it on random inputs."
)
_MS = "ms: estimated, not timed; operators that become one are counted at the first."


def inspection_parts(found: Inspection) -> tuple[Part, ...]:
    """Ends, operators, costs, and whether it compiles."""
    verdict = (
        "It cannot be compiled; edgekit says what is in the way:"
        if found.obstacles
        else "It compiles: edgekit compile."
    )
    return (
        Facts(_facts(found)),
        _operators(found.operators),
        Prose(verdict),
        *([Bullets(found.obstacles)] if found.obstacles else []),
        Prose(_EXACT),
    )


def _facts(found: Inspection) -> tuple[tuple[str, Cell | str], ...]:
    ends = [
        (f"{what} {number}" if len(group) > 1 else what, _end(end))
        for what, group in (("input", found.inputs), ("output", found.outputs))
        for number, end in enumerate(group)
    ]
    costs = (
        ("file, bytes", found.file_bytes),
        ("parameters", found.parameters),
        ("MACs", found.macs),
        ("weights, bytes", found.weight_bytes),
        ("RAM compiled, bytes", found.ram_bytes),
        ("constants in flash, bytes", found.constant_bytes),
        ("code in flash, bytes", found.code_bytes),
        ("TFLM's arena, bytes", found.tflm_arena_bytes),
    )
    share = f" ({found.ram_bytes / found.tflm_arena_bytes:.0%})" if found.ram_bytes and found.tflm_arena_bytes else ""
    values = tuple((name, "not known" if value is None else f"{value:,}") for name, value in costs)
    return (
        *((("time of a run", estimated(found.estimate)),) if found.estimate else ()),
        ("SHA-256", found.sha256),
        *ends,
        *((name, value + (share if name.startswith("TFLM") else "")) for name, value in values),
    )


def _end(end: InspectedTensor) -> str:
    shape = " x ".join(map(str, end.shape))
    scaled = "" if end.scale is None else f", real value = {end.scale:.9g} * (q - ({end.zero_point}))"
    return f"{shape} {end.type}{scaled} {end.name}".rstrip()


def _operators(operators: tuple[InspectedOperator, ...]) -> Table:
    rows = []
    for op in operators:
        shapes = ", ".join(f"{list(tensor.shape)} {tensor.type}" for tensor in op.outputs)
        scales = ", ".join(
            f"{tensor.scale:.4g} ({tensor.zero_point})" for tensor in op.outputs if tensor.scale is not None
        )
        becomes = Cell(op.becomes or "in the way", mark="" if op.becomes else "strong")
        ms = None if op.estimated_ms is None else Cell(f"{op.estimated_ms:,.2f}", value=op.estimated_ms)
        rows.append((count(op.position), op.name, ms, shapes, scales or None, becomes))
    scaled = Column("scale (zero point)", "left", optional=True)
    named = Column("operator"), Column("name", "left"), Column(MS)
    columns = (*named, Column("writes", "left"), scaled, Column("becomes", "left"))
    return Table("Operators", columns, tuple(rows), (_MS,) if any(op.estimated_ms for op in operators) else ())
