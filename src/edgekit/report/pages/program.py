"""What `edgekit compile` and `edgekit profile` found out: memory over the steps, work by layer.

In: a `Program`, and the facts about it as either command prints them with `--json`. Out: parts for the terminal, a
`Page`.
"""

from collections.abc import Mapping
from typing import Any

from edgekit.report.charts_board import Bar, bars, memory_plan
from edgekit.report.document import Code, Facts, Page, Part, Prose, Section
from edgekit.report.pages.sections import work_by_layer
from edgekit.report.tables_program import costs_of, estimated, layers_table
from edgekit.values.program import Program

_FALLBACK = (
    "Target esp32: code size and instructions are those of the portable fallback of its kernels, because the cross "
    "compiler and the emulated core have no MAC16."
)
_EMULATED = "Emulated core: instructions were counted, the same in every run; no time follows from them."
_INPUT = "Input: noise from a fixed seed; the outputs are TFLM's."


def plan_parts(program: Program, facts: Mapping[str, Any], drawing: str) -> tuple[Part, ...]:
    """The plan of a compiled model for the terminal; `drawing` is its arena as text (`compile.program.drawing`)."""
    total, arena = facts["total"], facts["tflm_arena_bytes"]
    beside = f", {total['ram_bytes'] / arena:.0%} of TFLM's arena of {arena:,} bytes" if arena else ""
    flash = (
        f"{total['weight_bytes']:,} bytes of weights; the code's size is not known without the cross compiler "
        "(gcc-xtensa-lx106)."
        if total["code_bytes"] is None
        else f"{total['code_bytes']:,} bytes of code, {total['constant_bytes']:,} of constants ({total['compiler']})."
    )
    return (
        *_time(program),
        layers_table(program),
        Code(drawing, "", "The arena, step by step: # activations, - scratch rows, = written over what has been read"),
        Prose(f"MACs: {total['macs']:,}."),
        Prose(
            f"RAM: {total['ram_bytes']:,} bytes ({program.arena_bytes:,} of arena at the peak, {program.ends_bytes:,} "
            f"of input and output{_kept(program)}){beside}; {total['shared_ram_bytes']:,} where these lie in the arena."
        ),
        *map(Prose, facts["notes"]),
        Prose(f"Flash: {flash}"),
        *_fallback(facts),
    )


def plan_page(program: Program, facts: Mapping[str, Any]) -> Page:
    """The plan of a compiled model: who holds which bytes when, and what lies in flash."""
    layers, total, arena = program.layers, facts["total"], facts["tflm_arena_bytes"]
    beside = f"{arena:,}, of which this is {total['ram_bytes'] / arena:.0%}" if arena else "not measured"
    code = "not measured" if total["code_bytes"] is None else f"{total['code_bytes']:,} ({total['compiler']})"
    table = Facts(
        (
            *((("time of a run", estimated(program.estimate)),) if program.estimate else ()),
            ("SHA-256 of the .tflite", facts["sha256"]),
            _compiled(facts["options"]),
            ("RAM, bytes", f"{total['ram_bytes']:,}, with {program.arena_bytes:,} of arena{_kept(program)}"),
            ("RAM with input and output in the arena, bytes", f"{total['shared_ram_bytes']:,}"),
            ("TFLM's arena, bytes", beside),
            ("code, bytes", code),
            ("weights, bytes", f"{total['weight_bytes']:,}"),
        )
    )
    operators = [layer.op for layer in layers]
    plan = memory_plan("The arena, step by step", program.spans, operators, max(1, program.arena_bytes))
    flash = bars("Flash by layer", [Bar(layer.op, layer.weight_bytes) for layer in layers], x="bytes of weights")
    work = [] if program.estimate is None else [work_by_layer(program)]
    parts: tuple[Part, ...] = (table, *work, plan, flash, layers_table(program), *_fallback(facts))
    return Page("Compiled model", (Section("Time, memory and flash", parts, results=True),))


def profile_parts(program: Program, facts: Mapping[str, Any]) -> tuple[Part, ...]:
    """What every layer costs on a board, for the terminal."""
    total, device = facts["total"], facts["device"]
    counted = program.estimate is not None and program.us is None  # on the core that the program was compiled for
    where = "Emulated core" if counted else f"{device['chip']}, {device['board']}"
    if program.instructions is not None:
        each = f", {total['instructions_per_mac']} a MAC" if total["macs"] else ""
        steps = "" if program.estimate else f" Counted in steps of {facts['resolution_instructions']};"
        no_time = "" if program.estimate else " Emulated: no time follows from it."
        spent = f"{total['instructions']:,} instructions{each},{steps} the same in every run.{no_time}"
    else:
        native = " on this computer, under sanitizers: no board is that fast." if device["board"] == "native" else "."
        spent = f"{total['us']:,.0f} microseconds{native}"
    code = f"{total['code_bytes']:,} of code." if total["code_bytes"] else "code not measured: no cross compiler."
    needs = f"{total['macs']:,} MACs, {total['activation_bytes']:,} bytes of arena"
    return (
        layers_table(program, drawn=True, notes=(_INPUT,)),
        Prose(f"{where}: {spent}"),
        *_time(program),
        *_two_cores(facts),
        Prose(f"{needs}, {total['weight_bytes']:,} of weights, {code}"),
        *(() if program.estimate else _fallback(facts)),
    )


def profile_page(program: Program, facts: Mapping[str, Any]) -> Page:
    """What every layer costs on a board."""
    device, (what, costs) = facts["device"], costs_of(program)
    words = "microseconds" if what == "µs" else what
    table = Facts(
        (
            ("board", f"{device['chip']}, {device['board']}, {device['backend']}, build {device['build_id']}"),
            ("SHA-256 of the .tflite", facts["model_sha256"]),
            _compiled(facts["options"]),
            *((("estimate", _estimated(program)),) if program.estimate else ()),
            (words, f"{sum(costs):,.{0 if words == 'instructions' else 1}f} for {facts['total']['macs']:,} MACs"),
        )
    )
    layers = layers_table(program, notes=(_INPUT, *([_EMULATED] if what == "instructions" else [])))
    notes = () if program.estimate else _fallback(facts)
    parts: tuple[Part, ...] = (table, *_two_cores(facts), work_by_layer(program), layers, *notes)
    return Page("Profile", (Section("Work by layer", parts, results=True),))


def _kept(program: Program) -> str:
    return f", {program.ram_constant_bytes:,} of weights" if program.ram_constant_bytes else ""


def _time(program: Program) -> tuple[Prose, ...]:
    return (Prose(f"Time: {_estimated(program)}"),) if program.estimate else ()


def _estimated(program: Program) -> str:
    return estimated(program.estimate, beside_a_chip=program.us is not None) if program.estimate else "-"


def _two_cores(facts: Mapping[str, Any]) -> tuple[Prose, ...]:
    """What two cores take by the estimate, and how much of it they wait for each other."""
    two = facts["total"].get("two_cores")
    if two is None:
        return ()
    first, second = two["waiting"]
    return (
        Prose(
            f"Two cores: {two['estimated_ms']:,.1f} ms estimated. The first waits {first:.1%} of that for the second, "
            f"the second {second:.1%} for the first, which does alone what is not shared. They meet "
            f"{two['meetings']:,} times in a run; what a meeting itself takes, a task that sleeps and wakes, is in no "
            "figure."
        ),
    )


def _fallback(facts: Mapping[str, Any]) -> tuple[Prose, ...]:
    return (Prose(_FALLBACK),) if facts["options"]["target"] == "esp32" else ()


def _compiled(options: Mapping[str, Any]) -> tuple[str, str]:
    return "compiled", f"for {options['optimize']}, {options['target']}, weights compressed: {options['compress']}"
