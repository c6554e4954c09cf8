"""Row streaming: the first operators take turns, so that of what lies between them only a few rows live at once.

The last operator that can work does; it can as soon as the rows under its next step are there. The same rule decides
in a rehearsal, which finds how many rows every tensor must hold (`streams`), and in C (`streaming_loop`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from edgekit.compile.codegen import Kernel, Site, indent, round_up
from edgekit.compile.ir import Graph, Op

_MOST_STEPS = 4096  # of one rehearsal: a microcontroller does not take images of thousands of rows


@dataclass(frozen=True, slots=True)
class RowSchedule:
    """How an operator goes down its image: a step reads `rows` rows, makes `made`, and moves on by `step`.

    The first step begins `top` rows above the image, whose height is `image_rows`.
    """

    rows: int
    step: int
    top: int
    image_rows: int
    made: int
    steps: int


@dataclass(frozen=True, slots=True)
class Stream:
    """The graph's first `count` operators are streamed; `lines`: rows that each tensor between them holds."""

    count: int
    lines: Mapping[int, int]


def streams(graph: Graph, schedule_of: Callable[[Op], RowSchedule | None]) -> Iterator[Stream]:
    """Every stream that the graph's beginning allows, from two operators on.

    Args:
        schedule_of: answers None for an operator that cannot work row by row.
    """
    schedules: list[RowSchedule] = []
    others = set(graph.inputs[1:])
    for op in graph.ops:
        schedule = None if others.intersection(op.inputs) else schedule_of(op)  # a stream comes from one input
        if schedule is None or sum(one.steps for one in schedules) + schedule.steps > _MOST_STEPS:
            return
        schedules.append(schedule)
        if len(schedules) > 1 and _closed(graph, len(schedules)):
            yield Stream(len(schedules), _rehearsed(graph.ops[: len(schedules)], schedules))


def _closed(graph: Graph, count: int) -> bool:
    """True where nobody behind the first `count` operators reads what lies between them."""
    inner = {op.output.index for op in graph.ops[: count - 1]}
    read = {tensor.index for op in graph.ops[count:] for tensor in op.inputs} | {
        tensor.index for tensor in graph.outputs
    }
    return not inner & read


def _makers(ops: Sequence[Op]) -> list[list[int]]:
    """For every operator, the positions of those whose output it reads."""
    maker = {op.output.index: i for i, op in enumerate(ops)}
    return [[maker[tensor.index] for tensor in op.inputs if tensor.index in maker] for op in ops]


def _rehearsed(ops: Sequence[Op], schedules: Sequence[RowSchedule]) -> dict[int, int]:
    """The rows that every tensor must hold: a multiple of those that its maker writes at once."""
    makers = _makers(ops)
    readers = [[reader for reader, read in enumerate(makers) if maker in read] for maker in range(len(ops))]
    done = [0] * len(ops)
    held = [schedule.made for schedule in schedules]

    def can_work(i: int) -> bool:
        schedule = schedules[i]
        needed = min(done[i] * schedule.step - schedule.top + schedule.rows, schedule.image_rows)
        return done[i] < schedule.steps and all(done[j] * schedules[j].made >= needed for j in makers[i])

    while done[-1] < schedules[-1].steps:
        i = next(i for i in reversed(range(len(ops))) if can_work(i))
        waiting = [
            max(0, done[j] * schedules[j].step - schedules[j].top) for j in readers[i] if done[j] < schedules[j].steps
        ]  # the first row that each reader still needs
        if waiting:
            held[i] = max(held[i], (done[i] + 1) * schedules[i].made - min(waiting))
        done[i] += 1
    return {
        op.output.index: round_up(rows, schedule.made)
        for op, rows, schedule in zip(ops[:-1], held[:-1], schedules[:-1], strict=True)
    }


@dataclass(frozen=True, slots=True)
class RowsInMemory:
    """A tensor in C: a pointer, the rows that it holds before it begins again, and the bytes of one."""

    pointer: str
    rows: int
    row_bytes: int

    def at(self, row: str) -> str:
        """C of a pointer to a row."""
        return f"{self.pointer} + wrapped({row}, {self.rows}) * {self.row_bytes}"


@dataclass(frozen=True, slots=True)
class StreamedOperator:
    """One operator of a stream. `scratch`: C of a pointer; `before`: C to run ahead of each step."""

    op: Op
    schedule: RowSchedule
    site: Site
    inputs: tuple[RowsInMemory, ...]
    output: RowsInMemory
    scratch: str
    before: str


def streaming_loop(
    name: str, operators: Sequence[StreamedOperator], step_of: Callable[[StreamedOperator, str], tuple[Kernel, str]]
) -> list[Kernel]:
    """Every operator's kernel; the last holds the function `name`(input, output, arena) too.

    Args:
        step_of: an operator's functions, and the C of one step, whose number is C as well.
    """
    kernels: list[Kernel] = []
    branches: list[str] = []
    makers = _makers([operator.op for operator in operators])
    for i, operator in enumerate(operators):
        kernel, step = step_of(operator, f"done_{i}")
        kernels.append(replace(kernel, function=f"/* {operator.op.label} */\n{kernel.function}"))
        schedule = operator.schedule
        needed = f"least(done_{i} * {schedule.step} + {schedule.rows - schedule.top}, {schedule.image_rows})"
        made = [f"done_{maker} * {operators[maker].schedule.made} >= {needed}" for maker in makers[i]]
        condition = " && ".join([f"done_{i} < {schedule.steps}", *made])
        branches.append(f"if ({condition}) {{\n{indent(operator.before + step, 2)}\n  ++done_{i};\n}}")
    last = len(operators) - 1
    function = f"""static void {name}(const uint8_t *input, uint8_t *output, uint8_t *arena) {{
  int32_t {", ".join(f"done_{i} = 0" for i in range(len(operators)))};
  while (done_{last} < {operators[last].schedule.steps}) {{
{indent(" else ".join(reversed(branches)), 4)}
  }}
}}
"""
    text = function + "".join(kernel.function for kernel in kernels)
    used = tuple(helper for helper in ("wrapped", "least") if f"{helper}(" in text)  # clang counts those that are not
    kernels[0] = replace(kernels[0], helpers=(*used, *kernels[0].helpers))
    kernels[-1] = replace(kernels[-1], function=f"{kernels[-1].function}\n{function}")
    return kernels
