"""What `edgekit compile` and `edgekit profile` found out: memory over the steps, work by layer.

In: what either command prints with `--json`. Out: parts for the terminal, a `Page`.
"""

from collections.abc import Mapping
from typing import Any

from edgekit.report.charts_board import Bar, bars, memory_plan
from edgekit.report.document import Code, Column, Facts, Page, Part, Prose, Row, Section, Table
from edgekit.report.tables import count
from edgekit.values.program import Span

_FALLBACK = (
    "Target esp32: code size and instructions are those of the portable fallback of its kernels, because the cross "
    "compiler and the emulated core have no MAC16."
)
_EMULATED = "Emulated core: instructions were counted, the same in every run; no time follows from them."
_WORDS = (Column("layer", "left"), Column("kernel", "left"))
_BAR_COLUMNS = 8


def plan_parts(plan: Mapping[str, Any], drawing: str) -> tuple[Part, ...]:
    """The plan of a compiled model for the terminal; `drawing` is its arena as text (`compile.layers.drawing`)."""
    total, arena = plan["total"], plan["tflm_arena_bytes"]
    ends = total["input_bytes"] + total["output_bytes"]
    beside = f", {total['ram_bytes'] / arena:.0%} of TFLM's arena of {arena:,} bytes" if arena else ""
    flash = (
        f"{total['weight_bytes']:,} bytes of weights; the code's size is not known without the cross compiler "
        "(gcc-xtensa-lx106)."
        if total["code_bytes"] is None
        else f"{total['code_bytes']:,} bytes of code, {total['constant_bytes']:,} of constants ({total['compiler']})."
    )
    return (
        _plan_table(plan),
        Code(drawing, "", "The arena, step by step: # activations, - scratch rows, = written over what has been read"),
        Prose(f"MACs: {total['macs']:,}."),
        Prose(
            f"RAM: {total['ram_bytes']:,} bytes ({total['arena_bytes']:,} of arena at the peak, {ends:,} of input and "
            f"output){beside}."
        ),
        Prose(f"Flash: {flash}"),
        *_fallback(plan),
    )


def plan_page(plan: Mapping[str, Any]) -> Page:
    """The plan of a compiled model: who holds which bytes when, and what lies in flash."""
    layers, total = plan["layers"], plan["total"]
    spans = [Span(**span) for span in plan["spans"]]
    arena = plan["tflm_arena_bytes"]
    beside = f"{arena:,}, of which this is {total['ram_bytes'] / arena:.0%}" if arena else "not measured"
    code = "not measured" if total["code_bytes"] is None else f"{total['code_bytes']:,} ({total['compiler']})"
    facts = Facts(
        (
            ("SHA-256 of the .tflite", plan["sha256"]),
            ("compiled", _compiled(plan["options"])),
            ("RAM, bytes", f"{total['ram_bytes']:,}, with {total['arena_bytes']:,} of arena"),
            ("TFLM's arena, bytes", beside),
            ("code, bytes", code),
            ("weights, bytes", f"{total['weight_bytes']:,}"),
        )
    )
    figure = memory_plan(
        "The arena, step by step", spans, [layer["op"] for layer in layers], max(1, total["arena_bytes"])
    )
    weights = bars(
        "Flash by layer", [Bar(layer["op"], layer["weight_bytes"]) for layer in layers], x="bytes of weights"
    )
    section = Section("Memory and flash", (facts, figure, weights, _plan_table(plan), *_fallback(plan)), results=True)
    return Page("Compiled model", (section,))


def profile_parts(profile: Mapping[str, Any]) -> tuple[Part, ...]:
    """What every layer costs on a board, for the terminal."""
    total, device = profile["total"], profile["device"]
    if total["instructions"] is not None:
        each = f", {total['instructions_per_mac']} a MAC" if total["macs"] else ""
        spent = (
            f"{total['instructions']:,} instructions{each}. Counted in steps of {profile['resolution_instructions']}; "
            "the same in every run. Emulated: no time follows from it."
        )
    else:
        native = " on this computer, under sanitizers: no board is that fast." if device["board"] == "native" else "."
        spent = f"{total['us']:,.0f} microseconds{native}"
    code = f"{total['code_bytes']:,} of code." if total["code_bytes"] else "code not measured: no cross compiler."
    return (
        _profile_table(profile),
        Prose(f"{device['chip']}, {device['board']}: {spent}"),
        Prose(
            f"{total['macs']:,} MACs, {total['activation_bytes']:,} bytes of arena, {total['weight_bytes']:,} of "
            f"weights, {code}"
        ),
        *_fallback(profile),
    )


def profile_page(profile: Mapping[str, Any]) -> Page:
    """What every layer costs on a board."""
    total, device, unit = profile["total"], profile["device"], _unit(profile)
    said = "microseconds" if unit == "us" else unit
    facts = Facts(
        (
            ("board", f"{device['chip']}, {device['board']}, {device['backend']}, build {device['build_id']}"),
            ("SHA-256 of the .tflite", profile["model_sha256"]),
            ("compiled", _compiled(profile["options"])),
            (said, f"{total[unit]:,} for {total['macs']:,} MACs"),
        )
    )
    work = [Bar(layer["op"], layer[unit]) for layer in profile["layers"]]
    notes = [Prose(_EMULATED)] if unit == "instructions" else []
    parts: tuple[Part, ...] = (
        facts,
        bars(f"{said.capitalize()} by layer", work, x=said),
        _profile_table(profile),
        *notes,
    )
    return Page("Profile", (Section("Work by layer", (*parts, *_fallback(profile)), results=True),))


def _plan_table(plan: Mapping[str, Any]) -> Table:
    rows: list[Row] = [
        (
            *(str(step), layer["op"], layer["kernel"]),
            *(count(layer[key]) for key in ("macs", "weight_bytes", "bytes")),
            layer["place"],
        )
        for step, layer in enumerate(plan["layers"])
    ]
    legend = (
        "weights: bytes of constants in flash. live: bytes of arena in use. at: where the output begins; rows: so many "
        "live at once, because its operator takes turns with the next."
    )
    heads = (Column("step"), *_WORDS, *map(Column, ("MACs", "weights", "live", "at")))
    return Table("Layers", heads, tuple(rows), (legend,))


def _profile_table(profile: Mapping[str, Any]) -> Table:
    """By layer: its cost, what that is for a multiplication (or of the whole), its memory, and its cost as a bar."""
    unit, total = _unit(profile), profile["total"]
    counted = unit == "instructions"
    most = max(layer[unit] for layer in profile["layers"]) or 1
    rows: list[Row] = []
    for layer in profile["layers"]:
        spent, macs = layer[unit], layer["macs"]
        each = f"{spent / macs:.2f}" if macs else "-"
        rows.append(
            (
                *(layer["op"], layer["kernel"], count(macs)),
                count(spent) if counted else f"{spent:,.1f}",
                each if counted else f"{spent / (total[unit] or 1):.0%}",
                *(count(layer["bytes"]), count(layer["weight_bytes"])),
                "█" * round(_BAR_COLUMNS * spent / most),
            )
        )
    figures = map(Column, ("MACs", unit, "a MAC" if counted else "share", "bytes", "weights"))
    heads = (Column("layer", "left"), Column("kernel", "left", optional=True), *figures, Column("", "left"))
    legend = "bytes: of arena in use while the layer runs. Input: noise from a fixed seed; the outputs are TFLM's."
    return Table("Layers", heads, tuple(rows), (legend,))


def _unit(profile: Mapping[str, Any]) -> str:
    return "us" if profile["total"]["instructions"] is None else "instructions"


def _fallback(values: Mapping[str, Any]) -> tuple[Prose, ...]:
    return (Prose(_FALLBACK),) if values["options"]["target"] == "esp32" else ()


def _compiled(options: Mapping[str, Any]) -> str:
    return f"for {options['optimize']}, {options['target']}, weights compressed: {options['compress']}"
