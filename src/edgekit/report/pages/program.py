"""What `edgekit compile` and `edgekit profile` found out, as a page: memory over the steps, work by layer.

In: the JSON-ready values of either command. Out: a `Page`.
"""

from collections.abc import Mapping
from typing import Any

from edgekit.report.charts_board import (
    Bar,
    bars,
    memory_plan,
)
from edgekit.report.document import (
    Cell,
    Column,
    Facts,
    Page,
    Section,
    Table,
)
from edgekit.values.program import Span


def plan_page(plain: Mapping[str, Any]) -> Page:
    """The plan of a compiled model: who holds which bytes when, and what lies in flash."""
    layers, total = plain["layers"], plain["total"]
    spans = [Span(**span) for span in plain["spans"]]
    arena = plain["tflm_arena_bytes"]
    beside = f"{arena:,}, of which this is {total['ram_bytes'] / arena:.0%}" if arena else "not measured"
    code = "not measured" if total["code_bytes"] is None else f"{total['code_bytes']:,} ({total['compiler']})"
    facts = Facts(
        (
            ("SHA-256 of the .tflite", plain["sha256"]),
            ("compiled", _compiled(plain["options"])),
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
    rows = [
        (layer["name"], layer["kernel"], *(Cell(f"{layer[key]:,}", value=layer[key]) for key in _PLANNED))
        for layer in layers
    ]
    heads = (Column("layer", "left"), Column("kernel", "left"), *map(Column, ("MACs", "live bytes", "weight bytes")))
    table = Table("Layers", heads, tuple(rows))
    return Page("Compiled model", (Section("Memory and flash", (facts, figure, weights, table), results=True),))


def _compiled(options: Mapping[str, Any]) -> str:
    return f"for {options['optimize']}, {options['target']}, weights compressed: {options['compress']}"


_PLANNED = ("macs", "bytes", "weight_bytes")


def profile_page(plain: Mapping[str, Any]) -> Page:
    """What every layer costs on a board."""
    layers, total, device = plain["layers"], plain["total"], plain["device"]
    unit = "us" if total["instructions"] is None else "instructions"
    said = "microseconds" if unit == "us" else "instructions"
    facts = Facts(
        (
            ("board", f"{device['chip']}, {device['board']}, {device['backend']}, build {device['build_id']}"),
            ("SHA-256 of the .tflite", plain["model_sha256"]),
            ("compiled", _compiled(plain["options"])),
            (said, f"{total[unit]:,} for {total['macs']:,} MACs"),
        )
    )
    figure = bars(f"{said.capitalize()} by layer", [Bar(layer["op"], layer[unit]) for layer in layers], x=said)
    rows = [
        (
            layer["name"],
            layer["kernel"],
            *(Cell(f"{layer[key]:,}", value=layer[key]) for key in ("macs", unit)),
            Cell(f"{layer[unit] / layer['macs']:.2f}" if layer["macs"] and unit != "us" else "-"),
            *(Cell(f"{layer[key]:,}", value=layer[key]) for key in ("bytes", "weight_bytes")),
        )
        for layer in layers
    ]
    heads = ("MACs", said, "a MAC", "live bytes", "weight bytes")
    notes = ["Input: noise from a fixed seed; the outputs are TFLM's."]
    if unit == "instructions":
        notes.append("Emulated core: instructions were counted, the same in every run; no time follows from them.")
    table = Table(
        "Layers", (Column("layer", "left"), Column("kernel", "left"), *map(Column, heads)), tuple(rows), tuple(notes)
    )
    return Page("Profile", (Section("Work by layer", (facts, figure, table), results=True),))
