"""Row streaming: the first operators take turns, so that of what lies between them only a few rows live at once.

The last operator that can work does; it can as soon as the rows under its next step are there. Rows that nobody needs
any more make room: those behind them move up. An operator with a window that moves by some rows therefore finds them
where it can read them, padding included, and copies nothing. The same rule decides in a rehearsal, which finds how many
rows every tensor must hold (`streams`), and in C (`streaming_loop`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from edgekit.compile.codegen import Kernel, Site, indent
from edgekit.compile.ir import Graph, Op, Tensor

_MOST_STEPS = 4096  # of one rehearsal: a microcontroller does not take images of thousands of rows


@dataclass(frozen=True, slots=True)
class RowLayout:
    """How rows lie in memory: `row` bytes each, of which those of the image begin at `left`; `zero` is around them."""

    row: int
    left: int = 0
    zero: int = 0


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

    @property
    def layout(self) -> RowLayout | None:
        """How the rows of its image must lie for it to read them there; None where any will do, or it copies them."""
        return None

    def scratch_bytes(self, copies: bool) -> int:
        """Memory that a step needs besides. `copies`: its image does not lie in its layout."""
        return 0


@dataclass(frozen=True, slots=True)
class Lines:
    """The rows that are held of a tensor between two operators.

    Attributes:
        count: rows of memory.
        first: the row of the image that the memory begins with at first: above it where padding is there.
        reader: the streamed operator that the layout is made for; -1 where there is none.
    """

    count: int
    first: int
    layout: RowLayout
    reader: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.count * self.layout.row


@dataclass(frozen=True, slots=True)
class Stream:
    """The graph's first `count` operators are streamed.

    Attributes:
        lines: what is held of each tensor between them.
        inplace_offset: by how many bytes the output must begin before the image to overwrite only what has been read.
        turns: the operators' positions in the order of their steps.
    """

    count: int
    lines: Mapping[int, Lines]
    inplace_offset: int
    turns: tuple[int, ...]

    def copies(self, position: int, op: Op) -> bool:
        """True where a streamed operator does not find its input in its own layout."""
        lines = self.lines.get(op.input.index)
        return lines is None or lines.reader != position


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
            yield _rehearsed(graph.ops[: len(schedules)], schedules)


def _closed(graph: Graph, count: int) -> bool:
    """True where nobody behind the first `count` operators reads what lies between them."""
    inner = {op.output.index for op in graph.ops[: count - 1]}
    read = {tensor.index for op in graph.ops[count:] for tensor in op.inputs} | {
        tensor.index for tensor in graph.outputs
    }
    return not inner & read


def _makers(ops: Sequence[Op]) -> list[list[int]]:
    """For every operator, the positions of those whose output it reads, each once."""
    maker = {op.output.index: i for i, op in enumerate(ops)}
    return [list(dict.fromkeys(maker[tensor.index] for tensor in op.inputs if tensor.index in maker)) for op in ops]


def _readers(ops: Sequence[Op]) -> list[list[int]]:
    """For every operator, the positions of those that read its output."""
    makers = _makers(ops)
    return [[reader for reader, read in enumerate(makers) if maker in read] for maker in range(len(ops))]


def row_bytes(tensor: Tensor) -> int:
    """Bytes of one row of an image [1, height, width, channels]."""
    return tensor.size_bytes // tensor.shape[1]


def _laid_out(op: Op, readers: Sequence[int], schedules: Sequence[RowSchedule]) -> Lines:
    """As the first reader wants it that wants anything; no rows are counted yet."""
    for reader in readers:
        if layout := schedules[reader].layout:
            return Lines(0, -schedules[reader].top, layout, reader)
    return Lines(0, 0, RowLayout(row_bytes(op.output)), -1)


def _rehearsed(ops: Sequence[Op], schedules: Sequence[RowSchedule]) -> Stream:
    """What every tensor must hold, found by letting the operators take their turns."""
    makers, readers, image = _makers(ops), _readers(ops), ops[0].input
    of_image, image_row, row = (
        [i for i, op in enumerate(ops) if image in op.inputs],
        row_bytes(image),
        row_bytes(ops[-1].output),
    )
    ahead = -image.size
    done, turns = [0] * len(ops), list[int]()
    lines = [_laid_out(op, read_by, schedules) for op, read_by in zip(ops, readers, strict=True)]
    first, held = [one.first for one in lines], [0] * len(ops)

    def made(i: int) -> int:
        return min(done[i] * schedules[i].made, ops[i].output.shape[1])

    def end(i: int) -> int:
        return done[i] * schedules[i].step - schedules[i].top + schedules[i].rows

    def can_work(i: int) -> bool:
        needed = min(end(i), schedules[i].image_rows)
        return done[i] < schedules[i].steps and all(made(j) >= needed for j in makers[i])

    while done[-1] < schedules[-1].steps:
        i = next(i for i in reversed(range(len(ops))) if can_work(i))
        turns.append(i)
        for j in makers[i]:
            if lines[j].reader == i:
                held[j] = max(held[j], end(i) - first[j])
        done[i] += 1
        held[i] = max(held[i], made(i) - first[i])
        for j in makers[i]:
            needed = min(done[k] * schedules[k].step - schedules[k].top for k in readers[j])
            first[j] = max(first[j], min(needed, made(j)))
        waiting = [done[j] * schedules[j].step - schedules[j].top for j in of_image if done[j] < schedules[j].steps]
        if i == len(ops) - 1 and waiting:
            ahead = max(ahead, made(i) * row - max(0, min(waiting)) * image_row)
    between = zip(ops[:-1], lines, held, strict=False)
    lines_of = {op.output.index: replace(one, count=count) for op, one, count in between}
    return Stream(len(ops), lines_of, ahead, tuple(turns))


@dataclass(frozen=True, slots=True)
class RowsInMemory:
    """A tensor in C: a pointer to its row number `first`, which is C as well, and how its rows lie."""

    pointer: str
    layout: RowLayout
    first: str = "0"

    def at(self, row: str) -> str:
        """C of a pointer to a row, behind its padding."""
        return self._pointer(row, self.layout.left)

    def padded(self, row: str) -> str:
        """C of a pointer to where a row's padding begins."""
        return self._pointer(row, 0)

    def _pointer(self, row: str, left: int) -> str:
        since = row if self.first == "0" else f"({row} - {self.first})"
        return f"{self.pointer} + {since} * {self.layout.row}" + (f" + {left}" if left else "")


@dataclass(frozen=True, slots=True)
class StreamedOperator:
    """One operator of a stream.

    Attributes:
        copies: its image does not lie in its layout.
        scratch: C of a pointer.
        before: C to run ahead of each step.
    """

    op: Op
    schedule: RowSchedule
    site: Site
    inputs: tuple[RowsInMemory, ...]
    output: RowsInMemory
    copies: bool
    scratch: str
    before: str


def streaming_loop(
    name: str,
    stream: Stream,
    operators: Sequence[StreamedOperator],
    step_of: Callable[[StreamedOperator, str], tuple[Kernel, str]],
) -> list[Kernel]:
    """Every operator's kernel; the last holds the function `name`(input, output, arena) too.

    Args:
        step_of: an operator's functions, and the C of one step, whose number is C as well.
    """
    kernels: list[Kernel] = []
    branches: list[str] = []
    ops = [operator.op for operator in operators]
    makers, readers = _makers(ops), _readers(ops)
    for i, operator in enumerate(operators):
        kernel, step = step_of(operator, f"done_{i}")
        kernels.append(replace(kernel, function=f"/* {operator.op.label} */\n{kernel.function}"))
        schedule = operator.schedule
        needed = f"least(done_{i} * {schedule.step} + {schedule.rows - schedule.top}, {schedule.image_rows})"
        made = [f"done_{maker} * {operators[maker].schedule.made} >= {needed}" for maker in makers[i]]
        condition = " && ".join([f"done_{i} < {schedule.steps}", *made])
        below = "" if operator.copies else _padding_below(operator, f"done_{i}")
        moves = [_moved_up(maker, operators, readers[maker], stream) for maker in makers[i]]
        text = "\n".join([operator.before + below + step, f"++done_{i};", *moves])
        branches.append(f"if ({condition}) {{\n{indent(text, 2)}\n}}")
    last = len(operators) - 1
    between = [(i, stream.lines[operator.op.output.index]) for i, operator in enumerate(operators[:-1])]
    filled = [
        f"fill({operators[i].output.pointer}, {lines.layout.zero}, {lines.size});"
        for i, lines in between
        if lines.first or lines.layout.row > row_bytes(ops[i].output)
    ]
    counts = [*(f"done_{i} = 0" for i in range(len(operators))), *(f"first_{i} = {one.first}" for i, one in between)]
    work = indent(" else ".join(reversed(branches)), 2)
    loop = f"while (done_{last} < {operators[last].schedule.steps}) {{\n{work}\n}}"
    body = "\n".join([f"int32_t {', '.join(counts)};", *filled, loop])
    function = f"""static void {name}(const uint8_t *input, uint8_t *output, uint8_t *arena) {{
{indent(body, 2)}
}}
"""
    text = function + "".join(kernel.function for kernel in kernels)
    used = tuple(one for one in ("least", "move_up", "fill") if f"{one}(" in text)  # clang counts those that are not
    kernels[0] = replace(kernels[0], helpers=(*used, *kernels[0].helpers))
    kernels[-1] = replace(kernels[-1], function=f"{kernels[-1].function}\n{function}")
    return kernels


def _padding_below(operator: StreamedOperator, step: str) -> str:
    """C that makes the rows of a window beneath the image; none where no window goes so far."""
    schedule, (image,) = operator.schedule, operator.inputs
    beneath = (schedule.steps - 1) * schedule.step - schedule.top + schedule.rows - schedule.image_rows
    if beneath <= 0:
        return ""
    more = f"{step} * {schedule.step} - {schedule.image_rows + schedule.top - schedule.rows}"
    to = image.padded(str(schedule.image_rows))
    return f"if ({more} > 0) fill({to}, {image.layout.zero}, ({more}) * {image.layout.row});\n"


def _moved_up(maker: int, operators: Sequence[StreamedOperator], readers: Sequence[int], stream: Stream) -> str:
    """C that drops the rows of a tensor that none of its readers needs any more."""
    needed = f"done_{maker} * {operators[maker].schedule.made}"
    for reader in readers:
        schedule = operators[reader].schedule
        needed = f"least(done_{reader} * {schedule.step} - {schedule.top}, {needed})"
    lines = stream.lines[operators[maker].op.output.index]
    pointer = operators[maker].output.pointer
    return f"first_{maker} = move_up({pointer}, first_{maker}, {needed}, {lines.count}, {lines.layout.row});"
