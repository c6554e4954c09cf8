"""Graph and plan -> one C header and one C source."""

import re
from collections.abc import Sequence

from edgekit.compile.codegen import Constant, Kernel, Site, c_string, filled, float_literal, needed_helpers, rendered
from edgekit.compile.compiled import Compiled
from edgekit.compile.convolutions.protocol import Convolution
from edgekit.compile.interface import caller_pointer, ends_of, float_room, parameters, state_first, state_members
from edgekit.compile.ir import Graph, Op
from edgekit.compile.lifetimes import Place
from edgekit.compile.ops import operator_of, row_schedule
from edgekit.compile.options import CompileOptions
from edgekit.compile.plan import Plan
from edgekit.compile.row_streaming import RowLayout, RowsInMemory, StreamedOperator, row_bytes, streaming_loop
from edgekit.errors import EdgekitError

_FLIP = 0x80


def emit(graph: Graph, plan: Plan, options: CompileOptions) -> Compiled:
    """The program, with its files `{name}.h` and `{name}.c`.

    Raises:
        EdgekitError: labels of another number than the values of the only output.
    """
    if options.labels and (len(graph.outputs) != 1 or len(options.labels) != graph.output.size):
        raise EdgekitError(
            f"There are {len(options.labels)} labels, and the model gives {len(graph.outputs)} output(s), the first of "
            f"{graph.output.size} values.",
            "Give one label for each value of the only output, in order, or none.",
        )
    emitted, calls = _kernels_and_calls(graph, plan, options)
    emitted = [
        kernel.with_constants_in_ram() if isinstance(op, Convolution) and op.in_ram else kernel
        for op, kernel in zip(graph.ops, emitted, strict=True)
    ]
    helpers = {name for kernel in emitted for name in kernel.helpers}
    files = {
        f"{options.name}.h": _header(graph, plan, options, shared="both" in helpers),
        f"{options.name}.c": _source(graph, plan, options, emitted, calls),
    }
    return Compiled(options, files, graph, plan, tuple(kernel.constants for kernel in emitted))


def _header(graph: Graph, plan: Plan, options: CompileOptions, shared: bool) -> str:
    """`shared`: operators are worked out in two parts."""
    name, upper = options.name, options.name.upper()
    macros = {"STEPS": f"{upper}_STEPS", "STEP": f"{name}_step", "PAIR": f"{name}_pair"}
    hooks = [*(["step_hook"] if options.profile else []), *(["pair_hook"] if shared else [])]
    return rendered(
        "header.h.jinja",
        name=name,
        upper=upper,
        graph=graph,
        ends=ends_of(graph),
        parameters=parameters(graph, name),
        float_parameters=parameters(graph, name, floats=True),
        float_arena_bytes=float_room(graph, plan)[1],
        arena_bytes=max(plan.arena_bytes, 1),
        plan=plan,
        profile=options.profile,
        labels=options.labels,
        hooks=[filled(hook, macros) for hook in hooks],
        states=state_members(graph),
    )


def _kernels_and_calls(graph: Graph, plan: Plan, options: CompileOptions) -> tuple[list[Kernel], list[str]]:
    """Every operator's C, and the statements that run them."""
    name = options.name
    emitted: list[Kernel] = []
    calls: list[str] = []
    streamed = plan.stream.count if plan.stream else 0
    if streamed:
        emitted += _stream(graph, plan, options)
        ends = (graph.input, True), (graph.ops[streamed - 1].output, False)
        first, last = (_pointer(graph, plan.places[tensor.index], read=read) for tensor, read in ends)
        calls.append(f"stream_0({first}, {last}, (uint8_t *)arena);")
    for position, op in list(enumerate(graph.ops))[streamed:]:
        places = [plan.places[tensor.index] for tensor in op.inputs]
        output = plan.places[op.output.index]
        operator = operator_of(op)
        start = operator.view_offset(op)
        if start is not None and places[0].moved(start) == output:
            emitted.append(Kernel((), (), ""))
            continue
        site = _site(op, position, plan)
        kernel = operator.emit(op, site)
        if not kernel.function:  # all is in its place
            emitted.append(kernel)
            continue
        emitted.append(Kernel(kernel.helpers, kernel.constants, f"/* {op.label} */\n{kernel.function}"))
        arguments = [_pointer(graph, place, read=True) for place in places] + [_pointer(graph, output, read=False)]
        arguments += [_pointer(graph, plan.places[state.index], read=False) for state in operator.states(op)]
        if site.has_scratch:
            arguments.append(_pointer(graph, Place("arena", plan.scratch[position]), read=False))
        if options.profile:
            calls.append(f"{name}_step({position});")
        calls.append(f"{site.name}({', '.join(arguments)});")
    for number, tensor in enumerate(graph.outputs):  # an input, or an output given twice
        place, there = plan.places[tensor.index], Place("output", number=number)
        if place != there:
            pointers = f"{caller_pointer(graph, there)}, {caller_pointer(graph, place)}"
            calls.append(f"memcpy({pointers}, {tensor.size_bytes});")
    if options.profile:
        calls.append(f"{name}_step({len(graph.ops)});")
    for parameter in ("arena", *(["state"] if graph.states else []), ends_of(graph)[0].parameter):
        if not any(re.search(rf"\b{parameter}\b", call) for call in calls):
            calls.insert(0, f"(void){parameter};")
    return emitted, calls


def _source(graph: Graph, plan: Plan, options: CompileOptions, emitted: Sequence[Kernel], calls: Sequence[str]) -> str:
    name = options.name
    ends = ends_of(graph)
    floats = any(end.is_float for end in ends)
    helpers = ["preamble", *(helper for kernel in emitted for helper in kernel.helpers)]
    helpers += ["quantize_float"] if any(graph.float_inputs) else []
    entry = rendered(
        "float_entry.c.jinja",
        name=name,
        ends=ends,
        groups=[[end for end in ends if end.is_input is wanted] for wanted in (True, False)],
        float_parameters=parameters(graph, name, floats=True),
        float_offsets=float_room(graph, plan)[0],
        float_literal=float_literal,
        has_state=bool(graph.states),
    )
    first = state_first(graph)
    constants = [*(kernel.constants for kernel in emitted), [constant for _, constant in first if constant]]
    return rendered(
        "source.c.jinja",
        name=name,
        helpers=needed_helpers(helpers, {"PAIR": f"{name}_pair"}, given=("pair_hook",)),
        constants=["".join(one.definition() for one in all_) for all_ in constants if all_],
        sha256=Constant("unsigned char", f"{name}_sha256", graph.sha256).definition(linkage=""),
        functions=[kernel.function for kernel in emitted if kernel.function],
        calls=calls,
        parameters=parameters(graph, name),
        float_entry=entry if floats else "",
        labels=[c_string(label) for label in options.labels],
        resets=[reset for reset, _ in first],
    )


def _stream(graph: Graph, plan: Plan, options: CompileOptions) -> list[Kernel]:
    """The kernels of the operators that are streamed."""
    assert plan.stream is not None
    stream = plan.stream
    rows = {graph.input.index: RowsInMemory("input", RowLayout(row_bytes(graph.input)))}
    streamed = []
    for position, op in enumerate(graph.ops[: stream.count]):
        lines = stream.lines.get(op.output.index)
        if lines:
            pointer = f"arena + {plan.places[op.output.index].offset}"
            rows[op.output.index] = RowsInMemory(pointer, lines.layout, f"first_{position}")
        else:
            rows[op.output.index] = RowsInMemory("output", RowLayout(row_bytes(op.output)))
        schedule = row_schedule(op)
        assert schedule is not None, "streamed, though it cannot work row by row"
        inputs = tuple(rows[tensor.index] for tensor in op.inputs)
        copies, scratch = stream.copies(position, op), f"arena + {plan.scratch[position]}"
        before = f"{options.name}_step({position});\n" if options.profile else ""
        site, output = _site(op, position, plan), rows[op.output.index]
        streamed.append(StreamedOperator(op, schedule, site, inputs, output, copies, scratch, before))
    return streaming_loop("stream_0", stream, streamed, _step)


def _step(streamed: StreamedOperator, step: str) -> tuple[Kernel, str]:
    emit_step = operator_of(streamed.op).emit_step
    assert emit_step is not None, "a row schedule comes with steps"
    return emit_step(streamed.op, streamed, step)


def _site(op: Op, position: int, plan: Plan) -> Site:
    flips = [
        _FLIP if tensor.type == "INT8" and plan.places[tensor.index].is_callers else 0
        for tensor in (*op.inputs, op.output)
    ]
    name = f"{operator_of(op).c_prefix(op)}_{position}"
    output, offsets = plan.places[op.output.index], operator_of(op).part_offsets(op)
    in_place = tuple(
        plan.places[tensor.index] == output.moved(offset)
        for tensor, offset in zip(op.inputs, offsets or (), strict=False)
    )
    return Site(name, tuple(flips[:-1]), flips[-1], has_scratch=position in plan.scratch, in_place=in_place)


def _pointer(graph: Graph, place: Place, read: bool) -> str:
    kind = "const uint8_t *" if read else "uint8_t *"
    region = "arena" if place.region == "arena" else caller_pointer(graph, place)
    return f"({kind}){region} + {place.offset}" if place.offset else f"({kind}){region}"
