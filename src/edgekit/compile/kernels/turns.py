"""The C of a stream (stream.py): operators that take turns, row by row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgekit.compile.graph import Add, Convolution, Op
from edgekit.compile.kernels import add, convolution
from edgekit.compile.kernels.text import Kernel, Site, indent
from edgekit.compile.stream import Pace


@dataclass(frozen=True, slots=True)
class Row:
    """A tensor of a stream in C: a pointer, the rows that it holds before it begins again, and bytes in one."""

    pointer: str
    lines: int
    size: int

    def at(self, row: str) -> str:
        """C of a pointer to a row."""
        return f"{self.pointer} + wrapped({row}, {self.lines}) * {self.size}"


@dataclass(frozen=True, slots=True)
class Turn:
    """One operator of a stream. `scratch`: C of a pointer; `before`: C to run ahead of it."""

    op: Op
    site: Site
    inputs: tuple[Row, ...]
    output: Row
    scratch: str
    before: str


def pace_of(op: Op) -> Pace | None:
    """How an operator goes down its image; None where it cannot work row by row."""
    match op:
        case Convolution() if op.input.shape == (1, *op.image) and len(op.output.shape) == 4:
            # a fully connected layer has no rows: it reads an image as one run of bytes
            window, _ = convolution.geometry(op)
            return Pace(window.rows, window.step, window.top, window.image_rows, window.made, window.steps)
        case Add() if len(op.inputs) == 2 and len(set(op.shapes)) == 1 and len(op.output.shape) == 4:
            rows = op.output.shape[1]
            return Pace(1, 1, 0, rows, 1, rows) if op.output.shape[0] == 1 else None
    return None


def stream(name: str, turns: Sequence[Turn], makers: Mapping[int, int]) -> list[Kernel]:
    """Every operator's kernel; the last holds the function `name`(input, output, arena) too.

    Args:
        makers: the position of a tensor's maker, by its index.
    """
    kernels: list[Kernel] = []
    branches: list[str] = []
    for i, turn in reversed(list(enumerate(turns))):
        kernel, work = _work(turn, f"done_{i}")
        kernels.insert(0, kernel)
        pace = pace_of(turn.op)
        assert pace is not None
        needed = f"least(done_{i} * {pace.step} + {pace.rows - pace.top}, {pace.image_rows})"
        made = [
            f"done_{makers[tensor.index]} * {_made(turns[makers[tensor.index]].op)} >= {needed}"
            for tensor in turn.op.inputs
            if tensor.index in makers
        ]
        condition = " && ".join([f"done_{i} < {pace.steps}", *made])
        branches.append(f"if ({condition}) {{\n{indent(turn.before + work, 2)}\n  ++done_{i};\n}}")
    last = pace_of(turns[-1].op)
    assert last is not None
    counters = ", ".join(f"done_{i} = 0" for i in range(len(turns)))
    function = f"""static void {name}(const uint8_t *input, uint8_t *output, uint8_t *arena) {{
  int32_t {counters};
  while (done_{len(turns) - 1} < {last.steps}) {{
{indent(" else ".join(branches), 4)}
  }}
}}
"""
    kernels[0] = replace(kernels[0], helpers=("wrapped", "least", *kernels[0].helpers))
    kernels[-1] = replace(kernels[-1], function=f"{kernels[-1].function}\n{function}")
    return kernels


def _made(op: Op) -> int:
    pace = pace_of(op)
    assert pace is not None
    return pace.made


def _work(turn: Turn, step: str) -> tuple[Kernel, str]:
    """The functions of an operator, and the C of one step."""
    op, output = turn.op, turn.output
    if isinstance(op, Add):
        kernel = add.add(op, turn.site, elements=output.size)
        pointers = [*(row.at(step) for row in turn.inputs), output.at(step)]
        return kernel, f"{turn.site.name}({', '.join(pointers)});"
    assert isinstance(op, Convolution)
    site = replace(turn.site, output_row=output.size)
    rows = convolution.rows_of(op, site)
    made = _made(op)
    to = output.at(step if made == 1 else f"{step} * {made}")
    (image,) = turn.inputs
    work = convolution.turn(op, site, image.pointer, image.lines, to, turn.scratch, step)
    return Kernel((*rows.helpers, "gather_rows"), rows.constants, f"/* {op.label} */\n{rows.functions}"), work
